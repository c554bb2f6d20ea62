import { expect, test } from 'vitest';
import { compareReports, renderComparison, whyUnlike } from '../../bench/support/compare.js';
import { drawReport, headroom } from '../../bench/support/plot.js';
import { atLeast, atMost, type Ratio, type Row } from '../../bench/support/question.js';
import { mergeAnswers } from '../../bench/support/repeat.js';
import type { Report } from '../../bench/support/report.js';

const machine = { cpu: 'A', cores: 2, arch: 'x64', node: 'v20', ffmpeg: '4', date: '2026-01-02T03', commit: 'c' };
const measured = { date: '2026-01-02T03', commit: 'c', load: 0 };

function report(ratios: readonly Ratio[], rows: readonly Row[] = []): Report {
  return { machine, quick: false, answers: { q: { question: 'How much?', rows, ratios, measured } } };
}

function verdicts(before: Report, after: Report) {
  return compareReports(before, after).map(({ verdict }) => verdict);
}

test('a change beyond the noise is better or worse by the direction of its aim', () => {
  const less = (value: number) => report([{ ...atMost('cost', value, 1), spread: 0.01 }]);
  const more = (value: number) => report([{ ...atLeast('speed', value, 1), spread: 0.01 }]);
  expect(verdicts(less(1), less(0.8))).toEqual(['better']);
  expect(verdicts(less(1), less(1.2))).toEqual(['worse']);
  expect(verdicts(more(1), more(1.2))).toEqual(['better']);
  expect(verdicts(more(1), more(0.8))).toEqual(['worse']);
  expect(verdicts(less(1), less(1.02))).toEqual(['same']);
});

test('the noisier of both runs says what counts as a change', () => {
  const with_ = (value: number, spread?: number) =>
    report([{ ...atMost('cost', value, 1), ...(spread !== undefined && { spread }) }]);
  expect(verdicts(with_(1, 0.2), with_(1.5, 0.01))).toEqual(['same']);
  expect(verdicts(with_(1, 0.01), with_(1.5, 0.3))).toEqual(['same']);
  // Run once: what shared machines scatter by.
  expect(verdicts(with_(1), with_(1.1))).toEqual(['same']);
  expect(verdicts(with_(1), with_(1.3))).toEqual(['worse']);
});

test('what was nothing, always, is noticed when it is something', () => {
  const faults = (value: number, spread?: number) =>
    report([], [{ name: 'faults', value, unit: '', better: 'less', ...(spread !== undefined && { spread }) }]);
  expect(verdicts(faults(0, 0), faults(0, 0))).toEqual(['same']);
  expect(verdicts(faults(0, 0), faults(2, 0))).toEqual(['worse']);
  expect(verdicts(faults(0), faults(2))).toEqual(['worse']);
  expect(verdicts(faults(2), faults(0))).toEqual(['better']);
  expect(verdicts(faults(0, 1), faults(2, 0))).toEqual(['same']);
  // A difference of two values may be below nothing.
  expect(verdicts(faults(-2, 0.1), faults(-1, 0.1))).toEqual(['worse']);
  expect(verdicts(faults(-2, 0.5), faults(-1, 0.1))).toEqual(['same']);
});

test('files of unlike machines, and quick ones beside full ones, are told apart', () => {
  const one = report([]);
  expect(whyUnlike(one, report([]))).toBeUndefined();
  expect(whyUnlike(one, { ...one, quick: true })).toMatch(/full\n.*quick/);
  expect(whyUnlike(one, { ...one, machine: { ...machine, arch: 'arm64' } })).toContain('arm64');
});

test('what has no direction is only told to have changed, and what only one file has is left out', () => {
  const rows = (value: number): Row[] => [{ name: 'clip', value, unit: 'MB', spread: 0 }];
  expect(verdicts(report([], rows(1)), report([], rows(2)))).toEqual(['changed']);
  expect(verdicts(report([], rows(1)), report([atMost('new', 1, 1)], []))).toEqual([]);
  expect(renderComparison(compareReports(report([], rows(1)), report([], rows(1))))).toBe('same    1 of 1 values\n');
});

test('repeated runs become medians with a spread, and the aim is judged by the median', () => {
  const answers = [1, 2, 9].map((value) => ({
    question: 'q',
    rows: [{ name: 'a', value, unit: 'ms' }],
    ratios: [atMost('b', value, 3)],
  }));
  const merged = mergeAnswers(answers);
  expect(merged.rows[0]).toMatchObject({ value: 2, spread: 2 });
  expect(merged.ratios[0]).toMatchObject({ value: 2, ok: true });
});

test('aims and curves are drawn, and nothing that a name holds becomes markup', () => {
  const drawings = drawReport({
    ...report([atMost('a <b> & "c"', 2, 1), atLeast('d', 2, 1)]),
    answers: {
      q: {
        ...report([atMost('a <b> & "c"', 2, 1), atLeast('d', 2, 1)]).answers['q']!,
        curves: [
          {
            plot: 'Age by streams',
            name: 'p95',
            x: 'streams',
            y: 's',
            points: [
              [1, 2],
              [2, 3],
            ],
          },
        ],
      },
    },
  });
  expect(drawings.map(({ name }) => name)).toEqual(['aims', 'age-by-streams']);
  for (const { svg } of drawings) expect(svg).toMatch(/^<svg[^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/);
  expect(drawings[0]!.svg).toContain('a &lt;b&gt; &amp;');
  expect(headroom(atMost('x', 0.5, 1))).toBe(2);
  expect(headroom(atLeast('x', 0.5, 1))).toBe(0.5);
  expect(headroom(atMost('x', 0, 0))).toBe(1);
});
