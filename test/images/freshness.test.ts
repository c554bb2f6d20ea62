import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freshnessOf } from '../../src/images/freshness.js';

const limits = { intervalSeconds: 5, staleAfterSeconds: 20, offlineAfterSeconds: 300 };
const at = (ageSeconds: number) => freshnessOf(1_000_000, 1_000_000 + ageSeconds * 1000, limits);

describe('freshnessOf', () => {
  it.each([
    [0, 'fresh', 5],
    [17, 'fresh', 3],
    [19.999, 'fresh', 0.001],
    [20, 'stale', 5],
    [299, 'stale', 1],
    [300, 'offline', 5],
    [1e6, 'offline', 5],
  ])('at %d s: %s, for %d s', (ageSeconds, state, maxAgeSeconds) => {
    const freshness = at(ageSeconds);
    expect(freshness.state).toBe(state);
    expect(freshness.ageSeconds).toBeCloseTo(ageSeconds);
    expect(freshness.maxAgeSeconds).toBeCloseTo(maxAgeSeconds);
  });

  it('is offline without a picture', () => {
    expect(freshnessOf(undefined, 5, limits)).toEqual({ state: 'offline', ageSeconds: undefined, maxAgeSeconds: 5 });
  });

  it('does not call a picture fresh because the clock was set back', () => {
    expect(at(-0.5)).toMatchObject({ state: 'fresh', ageSeconds: 0 });
    expect(at(-3600)).toMatchObject({ state: 'stale', ageSeconds: 0 });
  });

  it('never promises a state for longer than it lasts, and never goes back to a better one', () => {
    const seconds = fc.double({ min: 0, max: 1000, noNaN: true });
    fc.assert(
      fc.property(seconds, seconds, fc.double({ min: 0, max: 0.999, noNaN: true }), (age, later, part) => {
        const now = at(age);
        expect(now.maxAgeSeconds).toBeGreaterThan(0);
        expect(at(age + now.maxAgeSeconds * part).state).toBe(now.state);
        const order = ['fresh', 'stale', 'offline'];
        expect(order.indexOf(at(age + later).state)).toBeGreaterThanOrEqual(order.indexOf(now.state));
      }),
      { numRuns: 1000 },
    );
  });
});
