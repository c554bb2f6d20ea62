import { expect, it } from 'vitest';
import { readDocument } from '../../src/config/document.js';

const tooDeep = (text: string) => 'problems' in readDocument(text);

it('takes a long line of many names for what it is: flat', () => {
  const flat = JSON.stringify(Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`name${index}`, index])));
  expect(readDocument(flat)).toMatchObject({ document: { value: { name499: 499 } } });
  const listed = JSON.stringify(
    Array.from({ length: 100 }, (_, index) => ({ name: index, inner: { value: [index] } })),
  );
  expect(tooDeep(listed)).toBe(false);
});

it.each([
  ['brackets', '['.repeat(50) + ']'.repeat(50)],
  ['list marks in one line', `${'- '.repeat(2000)}x`],
  ['mappings in brackets', '{a: '.repeat(50)],
  ['brackets behind a comma', `[1, ${'['.repeat(2000)}`],
])('refuses %s that go deeper than any configuration', (_, text) => {
  expect(tooDeep(text)).toBe(true);
});
