import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { startNode } from '../support/node.js';

const run = promisify(execFile);
const text = await readFile(new URL('../../docs/api.md', import.meta.url), 'utf8');
const blocks = (language: string) =>
  [...text.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))].map((match) => match[1]!);

/** The words of a `curl` command, as a shell has them: what the page shows is sent as it is shown, and no shell is needed. */
function wordsOf(command: string, variables: Readonly<Record<string, string>>): string[] {
  const words = command.replaceAll('\\\n', ' ').matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g);
  const filled = (word: string) => word.replaceAll(/\$(\w+)/g, (_, name: string) => variables[name] ?? '');
  return [...words].map(([, plain, quoted, bare]) => plain ?? filled(quoted ?? bare ?? ''));
}

/** `curl` by `fetch`. */
async function call(words: readonly string[]) {
  const [name, ...rest] = words;
  expect(name).toBe('curl');
  const request = { url: '', method: 'GET', headers: new Headers(), body: undefined as string | undefined };
  while (rest.length > 0) {
    const word = rest.shift()!;
    if (word === '-X') request.method = rest.shift()!;
    else if (word === '-d') request.body = rest.shift()!;
    else if (word === '-H') {
      const [field = '', value = ''] = rest.shift()!.split(/: (.*)/);
      request.headers.set(field, value);
    } else if (word === '--max-time') rest.shift();
    else if (!word.startsWith('-')) request.url = word;
  }
  const { url, body, ...init } = request;
  return fetch(url, { ...init, ...(body !== undefined && { body }) });
}

it('shows commands that work, one after the other', async () => {
  const { node, url } = await startNode({});
  const variables = { NODE: url, TOKEN: node.config.admin.token! };
  const commands = blocks('sh').flatMap((block) => block.split(/\n(?=curl)/).map((each) => each.trim()));
  expect(commands.length).toBeGreaterThan(9);
  for (const command of commands) {
    const response = await call(wordsOf(command, variables));
    expect([command, response.ok]).toEqual([command, true]);
    if (command.includes('/events')) {
      const { value } = await response.body!.getReader().read();
      expect(Buffer.from(value!).toString()).toContain('retry: ');
    } else await response.text();
  }
});

it('is written so that a shell sends the same', async () => {
  const [block] = blocks('sh').filter((each) => each.includes('-d '));
  const echo = block!.replace('curl', 'printf "%s\\0"');
  const variables = { NODE: 'http://node', TOKEN: 'secret' };
  const { stdout } = await run('sh', ['-c', echo], { env: { ...process.env, ...variables } });
  expect(stdout.split('\0').slice(0, -1)).toEqual(wordsOf(block!, variables).slice(1));
});

it('shows the problem document that there is', async () => {
  const { api } = await startNode({});
  const response = await api('POST', 'streams', { name: 'a', source: 'test', hls: { segmentSecond: 1 } });
  expect(await response.json()).toEqual(JSON.parse(blocks('json')[0]!));
});
