import { expect, it } from 'vitest';
import { parseArguments } from '../../src/cli/arguments.js';
import { parseConfig } from '../../src/config/parse.js';
import { changedSettings } from '../../src/config/reload.js';
import { changesBetween } from '../../src/control/desired-streams.js';
import { readState } from '../../src/control/state/document.js';
import { blocksOf, readPage, wordsOf } from './page.js';

const text = readPage('docs/upgrade.md');

it('shows a command that can be used', () => {
  const commands = blocksOf(text, 'sh').map((block) => block.trim());
  expect(commands).toHaveLength(1);
  const [, , ...args] = wordsOf(commands[0]!);
  expect(parseArguments(args)).toMatchObject({ command: 'doctor', file: 'sidepipe.yaml' });
});

it('shows a state that is read, and tells what becomes of a newer one', () => {
  const [example = ''] = blocksOf(text, 'json');
  const { streams, problem } = readState(example);
  expect([problem, streams.map(({ input }) => input.name)]).toEqual([undefined, ['front-door']]);
  const newer = readState(example.replace('"version": 1', '"version": 2'));
  expect(newer).toEqual({ streams: [], problem: 'unsupported version 2' });
});

it('tells what a changed configuration does to streams and settings', () => {
  const stream = { name: 'a', source: 'push', keys: ['first-key-1'] };
  const wanted = (more: object = {}) => {
    const [config] = parseConfig({ streams: [{ ...stream, ...more }] }).streams;
    return new Map([['a', { config: config!, origin: 'config' as const }]]);
  };
  const [, table = ''] = /^\| what changed .*?\n(.*?)\n\n/ms.exec(text) ?? [];
  expect(table).toContain("a stream's `keys`, `alerts`, `publish.whenBusy` |");
  const atOnce = [{ keys: ['other-key-1'] }, { alerts: { enabled: false } }, { publish: { whenBusy: 'takeover' } }];
  for (const change of atOnce) {
    expect(changesBetween(wanted(), wanted(change))).toMatchObject([{ kind: 'adjusted' }]);
  }
  expect(changesBetween(wanted(), wanted())).toEqual([]);
  expect(changesBetween(wanted(), wanted({ audio: 'none' }))).toMatchObject([{ kind: 'replaced' }]);
  expect(changesBetween(wanted(), new Map())).toMatchObject([{ kind: 'removed' }]);
  expect(changedSettings(parseConfig({}), parseConfig({ http: { port: 1 } }))).toEqual(['http.port']);
});
