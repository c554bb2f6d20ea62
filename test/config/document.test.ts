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

it.each([
  ['sets', 'http: !!set { a, b }'],
  ['bytes', 'admin:\n  token: !!binary aGVsbG8='],
  ['dates', 'x: 1\nadmin: { token: !!timestamp 2001-01-01 }'],
  ['ordered mappings', 'http: !!omap [a: 1]'],
  ['an alias inside of what it stands for', 'http: &a { host: *a }'],
  ['the same further inside', 'http: &a { cors: { origins: [*a] } }'],
])('knows no %s, and says where one is', (_, text) => {
  const read = readDocument(text);
  expect('problems' in read && read.problems).toMatchObject([
    { line: text.split('\n').length, message: expect.stringMatching(/^(?:a tag|an alias) /) },
  ]);
});

it('takes the tags of plain values', () => {
  const text = 'http: !!map { port: !!int "5", host: !!str 6, names: !!seq [&x 1, *x] }';
  expect(readDocument(text)).toMatchObject({ document: { value: { http: { port: 5, host: '6', names: [1, 1] } } } });
});
