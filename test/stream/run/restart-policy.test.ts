import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  defaultRestartPolicy,
  delayAfter,
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
  it('stays between half of the minimum and the maximum delay', () => {
    fc.assert(
      fc.property(policyArbitrary, fc.nat(), share, (policy, failures, random) => {
        const delay = restartDelayMs(policy, failures, random);
        expect(delay).toBeGreaterThanOrEqual(policy.minDelayMs / 2);
        expect(delay).toBeLessThanOrEqual(policy.maxDelayMs);
      }),
    );
  });

  it('doubles with each failure up to the maximum', () => {
    const delays = Array.from({ length: 9 }, (_, index) => restartDelayMs(defaultRestartPolicy, index + 1, 0));
    expect(delays).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
    expect(restartDelayMs(defaultRestartPolicy, 0, 0)).toBe(250);
  });

  it('spreads the restarts of many streams over half of the delay', () => {
    fc.assert(
      fc.property(policyArbitrary, fc.nat(), share, (policy, failures, random) => {
        const full = restartDelayMs(policy, failures, 0);
        expect(restartDelayMs(policy, failures, random)).toBeCloseTo(full * (1 - random / 2), 6);
      }),
    );
  });
});

describe('failuresAfter', () => {
  it('counts failures in a row, and restarts the count after a stable run', () => {
    fc.assert(
      fc.property(policyArbitrary, fc.array(fc.nat({ max: 120_000 })), (policy, runs) => {
        const failures = runs.reduce((count, mediaMs) => failuresAfter(policy, count, mediaMs), 0);
        const lastSound = runs.findLastIndex((mediaMs) => mediaMs >= policy.stableMs);
        expect(failures).toBe(runs.length - Math.max(0, lastSound));
      }),
    );
  });
});

describe('delayAfter', () => {
  type Failure = Parameters<typeof delayAfter>[1];
  const failure: Failure = { code: 'source-unavailable', inARow: 1, isDenial: false, denials: 0, isFile: false };
  const waitAfter = (changes: Partial<Failure>, policy = defaultRestartPolicy) =>
    delayAfter(policy, { ...failure, ...changes }, 0);
  const soon = { delayMs: 250, isHeldBack: false };

  it('backs off after a usual failure', () => {
    fc.assert(
      fc.property(policyArbitrary, fc.nat(), share, (policy, inARow, random) => {
        const delayMs = restartDelayMs(policy, inARow, random);
        expect(delayAfter(policy, { ...failure, inARow }, random)).toEqual({ delayMs, isHeldBack: false });
      }),
    );
  });

  it('waits 1, 5 and 15 minutes after the third and the next denials, and stays at 15', () => {
    const minutes = [1, 2, 3, 4, 5, 6, 100].map((denials) => waitAfter({ isDenial: true, denials }));
    expect(minutes).toEqual([soon, soon, ...[1, 5, 15, 15, 15].map((each) => held(each * 60_000))]);
  });

  it('does not wait for past denials after another failure', () => {
    expect(waitAfter({ denials: 10 })).toEqual(soon);
  });

  it('does not hold back a listener or a local source that denies access', () => {
    const denied = { isDenial: true, denials: 10 };
    expect(waitAfter(denied, restartPolicyOf(defaultRestartPolicy, {}, 1000))).toEqual(soon);
    expect(waitAfter(denied, restartPolicyOf(defaultRestartPolicy, {}))).toEqual(held(900_000));
  });

  it.each(['source-not-media', 'source-without-video', 'source-unsupported'] as const)(
    'retries a file with %s once, then after a minute; other sources as usual',
    (code) => {
      expect(waitAfter({ code, isFile: true })).toEqual(soon);
      expect(waitAfter({ code, isFile: true, inARow: 2 })).toEqual(held(60_000));
      expect(waitAfter({ code, inARow: 2 })).toEqual({ delayMs: 500, isHeldBack: false });
      expect(waitAfter({ isFile: true, inARow: 2 })).toEqual({ delayMs: 500, isHeldBack: false });
    },
  );

  it('retries an ffmpeg that is not usable once, then after a minute', () => {
    expect(waitAfter({ code: 'ffmpeg-unusable' })).toEqual(soon);
    expect(waitAfter({ code: 'ffmpeg-unusable', inARow: 2 })).toEqual({ delayMs: 60_000, isHeldBack: false });
  });

  it('takes the longest delay that applies', () => {
    const policy = { ...defaultRestartPolicy, minDelayMs: 120_000, maxDelayMs: 120_000 };
    expect(waitAfter({ code: 'ffmpeg-unusable', inARow: 2 }, policy).delayMs).toBe(120_000);
    expect(waitAfter({ isDenial: true, denials: 4 }, policy).delayMs).toBe(300_000);
  });
});

function held(delayMs: number): ReturnType<typeof delayAfter> {
  return { delayMs, isHeldBack: true };
}
