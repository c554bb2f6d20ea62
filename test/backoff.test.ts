import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { doublingMs, equalJitterMs, fullJitterMs } from '../src/backoff.js';

const backoffs = fc.record({
  failures: fc.integer({ min: 0, max: 2000 }),
  baseMs: fc.integer({ min: 1, max: 5000 }),
  capMs: fc.integer({ min: 1, max: 900_000 }),
});
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('doublingMs', () => {
  it('doubles from the base to the cap', () => {
    const delays = Array.from({ length: 7 }, (_, index) =>
      doublingMs({ failures: index + 1, baseMs: 200, capMs: 5000 }),
    );
    expect(delays).toEqual([200, 400, 800, 1600, 3200, 5000, 5000]);
    expect(doublingMs({ failures: 0, baseMs: 200, capMs: 5000 })).toBe(200);
  });

  it('never decreases, and stays between base and cap', () => {
    fc.assert(
      fc.property(backoffs, (backoff) => {
        const delay = doublingMs(backoff);
        expect(delay).toBeGreaterThanOrEqual(Math.min(backoff.baseMs, backoff.capMs));
        expect(delay).toBeLessThanOrEqual(backoff.capMs);
        expect(doublingMs({ ...backoff, failures: backoff.failures + 1 })).toBeGreaterThanOrEqual(delay);
      }),
    );
  });
});

describe('jitter', () => {
  it('takes a part of the doubled delay: full jitter any, equal jitter at least half', () => {
    fc.assert(
      fc.property(backoffs, random, (backoff, value) => {
        const full = doublingMs(backoff);
        expect(fullJitterMs({ ...backoff, random: value })).toBeCloseTo(value * full, 6);
        const equal = equalJitterMs({ ...backoff, random: value });
        expect(equal).toBeGreaterThanOrEqual(full / 2);
        expect(equal).toBeLessThanOrEqual(full);
      }),
    );
  });
});
