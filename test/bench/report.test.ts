import { expect, test } from 'vitest';
import { machineSlug } from '../../bench/support/machine.js';
import { atMost } from '../../bench/support/question.js';
import { formatNumber, mergeReports, type Report, renderMarkdown, renderText } from '../../bench/support/report.js';

const answer = {
  question: 'How much is a | b?',
  rows: [{ name: 'first', value: 12.3456, unit: 'ms' }],
  ratios: [atMost('good', 0.5, 0.6), atMost('bad', 0.7, 0.6), { name: 'neutral', value: 2 }],
};

const machine = { cpu: 'A', cores: 2, arch: 'x64', node: 'v20', ffmpeg: '4', date: '2026-01-02T03', commit: 'c' };
const measured = { date: '2026-01-02T03', commit: 'c', load: 0 };

test('numbers keep three digits', () => {
  expect([0.123456, 12.3456, 1234.56, 7, 0, -0.00123].map(formatNumber)).toEqual([
    '0.123',
    '12.3',
    '1235',
    '7',
    '0',
    '-0.00123',
  ]);
});

test('a target that is missed says so', () => {
  const text = renderText('q', answer);
  expect(text).toMatch(/good +0\.5 +aim 0\.6: met/);
  expect(text).toMatch(/bad +0\.7 +aim 0\.6: MISSED/);
  expect(text).toMatch(/neutral +2$/m);
});

test('Markdown has a row for each value, all of the same width', () => {
  const report: Report = { machine, quick: false, answers: { q: { ...answer, measured } } };
  const table = renderMarkdown(report)
    .split('\n')
    .filter((line) => line.startsWith('|'));
  expect(table).toHaveLength(2 + 4);
  for (const line of table) expect(line.match(/(?<!\\)\|/g)).toHaveLength(4);
});

test('a machine is named by its processor', () => {
  expect(machineSlug({ cpu: 'Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz', cores: 12, arch: 'x64' })).toBe(
    'intel-core-i7-8700-cpu-3-20ghz-x64-12-cores',
  );
  // Many boards do not tell.
  expect(machineSlug({ cpu: '', cores: 4, arch: 'arm64' })).toBe('unknown-arm64-4-cores');
});

test('a partial run replaces its own answers only', () => {
  const report = (value: number, ...names: string[]): Report => ({
    machine,
    quick: false,
    answers: Object.fromEntries(
      names.map((name) => [name, { question: name, rows: [{ name: 'x', value, unit: '' }], ratios: [], measured }]),
    ),
  });
  const merged = mergeReports(report(1, 'b', 'a'), report(2, 'c', 'b'));
  expect(Object.entries(merged.answers).map(([name, { rows }]) => [name, rows[0]?.value])).toEqual([
    ['a', 1],
    ['b', 2],
    ['c', 2],
  ]);
  expect(mergeReports(undefined, report(3, 'a'))).toEqual(report(3, 'a'));
});
