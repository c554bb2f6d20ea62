import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { knownQuestions, usualQuestions } from '../../bench/support/questions.js';

const folder = fileURLToPath(new URL('../../bench', import.meta.url));

test('a quick run asks all that a machine is first asked about, and leaves out what takes minutes', async () => {
  const known = await knownQuestions(folder);
  const quick = usualQuestions(known, { quick: true });
  expect(quick).toEqual(
    expect.arrayContaining([
      ...['side-pipe', 'process-per-thumbnail', 'first-thumbnail', 'capacity', 'publisher', 'outage'],
      ...['serving', 'micro', 'startup', 'churn', 'freshness'],
    ]),
  );
  expect(quick).not.toContain('soak');
  expect(quick).not.toContain('latency');
  expect(quick).not.toContain('edge');
});

test('a whole run asks all but what takes half an hour or more', async () => {
  const known = await knownQuestions(folder);
  const names = known.map(({ name }) => name);
  expect(usualQuestions(known, { quick: false })).toEqual(
    names.filter((name) => name !== 'soak' && name !== 'latency'),
  );
  // Programs of their own, which answer nothing.
  expect(names).not.toContain('run');
  expect(names).not.toContain('fuzz-rtmp');
});

test('the page for measurers names what a quick run leaves out', async () => {
  const known = await knownQuestions(folder);
  const quick = usualQuestions(known, { quick: true });
  const leftOut = known.filter(({ name, isLong }) => !isLong && !quick.includes(name)).map(({ name }) => `\`${name}\``);
  const page = await readFile(fileURLToPath(new URL('../../docs/boards.md', import.meta.url)), 'utf8');
  const sentence = /^`--quick` leaves out [^:]+: ([^.]+)\./m.exec(page)?.[1];
  expect(sentence?.split(', ')).toEqual(leftOut);
});
