import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  defaultRestartPolicy,
  deniedDelayMs,
  failuresAfter,
  type RestartPolicy,
  restartDelayMs,
  restartPolicyOf,
} from '../../../src/stream/run/restart-policy.js';

const policyArbitrary: fc.Arbitrary<RestartPolicy> = fc
  .record({
    minDelayMs: fc.integer({ min: 1, max: 5000 }),
    more: fc.integer({ min: 0, max: 60_000 }),
    stableMs: fc.integer({ min: 1, max: 60_000 }),
    exhaustedAfter: fc.integer({ min: 1, max: 20 }),
  })
  .map(({ minDelayMs, more, ...rest }) => ({ ...rest, minDelayMs, maxDelayMs: minDelayMs + more, deniedDelaysMs: [] }));
const share = fc.double({ min: 0, max: 1, noNaN: true });

describe('restartDelayMs', () => {
  it('stays between half the least and the most delay, for ever', () => {
    fc.assert(
      fc.property(policyArbitrary, fc.nat(), share, (policy, failures, random) => {
        const delay = restartDelayMs(policy, failures, random);
        expect(delay).toBeGreaterThanOrEqual(policy.minDelayMs / 2);
        expect(delay).toBeLessThanOrEqual(policy.maxDelayMs);
      }),
    );
  });

  it('doubles from failure to failure until it is the most', () => {
    const delays = Array.from({ length: 9 }, (_, index) => restartDelayMs(defaultRestartPolicy, index + 1, 0));
    expect(delays).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
    expect(restartDelayMs(defaultRestartPolicy, 0, 0)).toBe(250);
  });

  it('spreads the streams of one fault over half of the delay', () => {
    fc.assert(
      fc.property(policyArbitrary, fc.nat(), share, (policy, failures, random) => {
        const full = restartDelayMs(policy, failures, 0);
        expect(restartDelayMs(policy, failures, random)).toBeCloseTo(full * (1 - random / 2), 6);
      }),
    );
  });
});

describe('failuresAfter', () => {
  it('counts failures in a row, and begins anew after a sound run', () => {
    fc.assert(
      fc.property(policyArbitrary, fc.array(fc.nat({ max: 120_000 })), (policy, runs) => {
        const failures = runs.reduce((count, mediaMs) => failuresAfter(policy, count, mediaMs), 0);
        const lastSound = runs.findLastIndex((mediaMs) => mediaMs >= policy.stableMs);
        expect(failures).toBe(runs.length - Math.max(0, lastSound));
      }),
    );
  });
});

describe('deniedDelayMs', () => {
  it('waits 1, 5 and 15 minutes after the third denial and those behind it, and stays at 15', () => {
    const minutes = [0, 1, 2, 3, 4, 5, 6, 100].map((denials) => deniedDelayMs(defaultRestartPolicy, denials) / 60_000);
    expect(minutes).toEqual([0, 0, 0, 1, 5, 15, 15, 15]);
  });

  it('is nothing for a source that is called by others, or is on this machine', () => {
    expect(deniedDelayMs(restartPolicyOf(defaultRestartPolicy, {}, 1000), 10)).toBe(0);
    expect(deniedDelayMs(restartPolicyOf(defaultRestartPolicy, {}), 10)).toBe(900_000);
  });
});
