import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SegmentDates } from '../../../src/stream/hls/segment-dates.js';

const START = Date.UTC(2027, 0, 1);
const HOUR = 3_600_000;
const LISTED_MS = 12_000;

/** Dates segments of 2 s of a source that keeps time, while the system's clock is ahead of steady time by `offsets`, one a segment. */
function dated(offsets: readonly number[]) {
  const dates = new SegmentDates();
  let endsAt: number | undefined;
  return offsets.map((offsetMs, index) => {
    const startSeconds = index * 2;
    const date = dates.dateOf(
      { startSeconds, completedAtMs: START + startSeconds * 1000 + 200, partSeconds: 0.2, discontinuity: false },
      { timeOf: (seconds) => START + seconds * 1000, endsAt, offsetMs, listedMs: LISTED_MS },
    );
    endsAt = date.startedAt + 2000;
    return date;
  });
}

describe('SegmentDates', () => {
  it.each([HOUR, -HOUR, 5000, -LISTED_MS])('follows a clock that is set by %i ms at once, and says so', (stepMs) => {
    const dates = dated([0, 0, stepMs, stepMs]);
    expect(dates.map(({ startedAt }) => startedAt - START)).toEqual([0, 2000, 4000, 6000]);
    expect(dates.map(({ programDateTime }) => programDateTime - START)).toEqual([
      0,
      2000,
      4000 + stepMs,
      6000 + stepMs,
    ]);
    expect(dates.map(({ hasJumped }) => hasJumped)).toEqual([false, false, true, false]);
  });

  it('dates no segment before the end of the one before it, though its pictures say so', () => {
    const dates = new SegmentDates();
    const context = { timeOf: (seconds: number) => START + seconds * 1000, offsetMs: 0, listedMs: LISTED_MS };
    const date = (startSeconds: number, endsAt: number | undefined) =>
      dates.dateOf(
        { startSeconds, completedAtMs: START + startSeconds * 1000 + 200, partSeconds: 0.2, discontinuity: false },
        { ...context, endsAt },
      ).startedAt - START;
    expect(date(0, undefined)).toBe(0);
    // Its decoding times make it 0.4 s longer than its pictures.
    expect(date(1, START + 1400)).toBe(1400);
    expect(date(2, START + 2400)).toBe(2400);
  });

  it('follows a clock that is set back by less than what is listed in steps too small to notice', () => {
    const dates = dated([0, ...Array<number>(120).fill(-2000)]);
    expect(dates.every(({ hasJumped }) => !hasJumped)).toBe(true);
    expect(dates.at(-1)!.programDateTime - dates.at(-1)!.startedAt).toBe(-2000);
    for (const [index, { programDateTime }] of dates.slice(1).entries())
      expect(programDateTime - dates[index]!.programDateTime).toBeGreaterThanOrEqual(1980);
  });

  it('never makes the dates of what is listed ambiguous, and ends at the right ones', () => {
    const step = fc.oneof(fc.integer({ min: -30_000, max: 30_000 }), fc.constantFrom(HOUR, -HOUR, 40, -40));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        let offsetMs = 0;
        const offsets = steps.flatMap((stepMs) => {
          offsetMs += stepMs;
          return Array<number>(10).fill(offsetMs);
        });
        // Long enough to follow in small steps what is left to follow.
        const all = dated([...offsets, ...Array<number>(700).fill(offsetMs)]);
        for (const [index, { programDateTime, hasJumped }] of all.entries()) {
          if (hasJumped || index === 0) continue;
          expect(Math.abs(programDateTime - all[index - 1]!.programDateTime - 2000)).toBeLessThanOrEqual(20);
        }
        const { programDateTime, startedAt } = all.at(-1)!;
        expect(Math.abs(programDateTime - startedAt - offsetMs)).toBeLessThanOrEqual(20);
      }),
      { numRuns: 50 },
    );
  });
});
