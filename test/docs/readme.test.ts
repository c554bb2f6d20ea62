import { expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { parseArguments } from '../../src/cli/arguments.js';
import { parseConfig } from '../../src/config/parse.js';
import { createNode } from '../../src/index.js';
import { startNode } from '../support/node.js';
import { blocksOf, readPage, wordsOf } from './page.js';

const text = readPage('README.md');

it('shows configurations that can be used', () => {
  const examples = blocksOf(text, 'yaml');
  expect(examples).toHaveLength(2);
  for (const example of examples) expect(() => parseConfig(parse(example))).not.toThrow();
});

it('shows command lines that can be used', () => {
  const inline = [...text.matchAll(/`(node dist\/cli\.js [^`\n]+)`/g)].map(([, command]) => command!);
  const blocks = blocksOf(text, 'sh').flatMap((block) => block.match(/^node .+$/gm) ?? []);
  expect(blocks).toHaveLength(2);
  for (const command of [...inline, ...blocks]) {
    const [, , ...args] = wordsOf(command);
    expect(() => parseArguments(args)).not.toThrow();
  }
});

it('names addresses and headers that there are', async () => {
  const { node, text: get } = await startNode({ streams: [{ name: 'front-door', source: 'test' }] });
  const [, table = ''] = /^\| what \| where \|\n(.*?)\n\n/ms.exec(text) ?? [];
  const addresses = [...table.matchAll(/`(\/[^`]*)`/g)].map(([, address]) => address!);
  expect(addresses.length).toBeGreaterThan(10);
  await vi.waitFor(
    async () => {
      const answers = await Promise.all(addresses.map(async (address) => [address, (await get(address)).status]));
      expect(answers.filter(([, status]) => status !== 200)).toEqual([]);
    },
    { timeout: 60_000, interval: 200 },
  );
  const [example = ''] = blocksOf(text, 'console');
  const { headers } = await node.fetch(new Request('http://node/live/front-door/thumbnail.jpg'));
  for (const [, name = '', value = ''] of example.matchAll(/^([a-z-]+): (.+)$/gm)) {
    expect(headers.get(name)?.length, name).toBe(value.length);
  }
});

it('shows a program that runs', async () => {
  const [program = ''] = blocksOf(text, 'js');
  const said: unknown[][] = [];
  const body = program.replace(/^import \{ createNode \} from 'sidepipe';$/m, '').replace('rtsp://camera/1', 'test');
  expect(body).not.toContain('import');
  const AsyncFunction = (async () => {}).constructor as new (
    ...text: string[]
  ) => (...args: unknown[]) => Promise<void>;
  const quiet: typeof createNode = (config, options) => createNode(config, { ...options, log: { write: () => {} } });
  await new AsyncFunction('createNode', 'console', body)(quiet, {
    log: (...words: unknown[]) => void said.push(words),
  });
  expect(said).toEqual([
    ['a picture of', expect.any(Date)],
    [200, 'fresh'],
  ]);
});
