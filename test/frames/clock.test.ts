import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SourceClock } from '../../src/frames/clock.js';

const WINDOW_MS = 30_000;
/** Epoch milliseconds at which the source took what it calls 0. */
const ORIGIN = 1_790_000_000_000;
/** Sums of times near 2^41 in floating point. */
const ROUNDING_MS = 0.01;

const delayMs = fc.double({ min: 0, max: 400, noNaN: true });
const delays = fc.array(delayMs, { minLength: 80, maxLength: 200 });

/** What the clock says less what is true, in milliseconds, for a picture of that time. */
function errorOf(clock: SourceClock, ptsSeconds: number, takenAt = ORIGIN + ptsSeconds * 1000): number {
  return clock.timeOf(ptsSeconds)! - takenAt;
}

describe('SourceClock', () => {
  it('says nothing before the first observation, and is right from that on', () => {
    const clock = new SourceClock();
    expect(clock.timeOf(0)).toBeUndefined();
    clock.observe(100, ORIGIN);
    expect(clock.timeOf(100)).toBe(ORIGIN);
    expect(clock.timeOf(98.5)).toBe(ORIGIN - 1500);
  });

  it('never dates what was seen after the moment of seeing it', () => {
    const observation = fc.record({
      stepMs: fc.oneof(fc.integer({ min: 0, max: 2000 }), fc.integer({ min: -3_600_000, max: 3_600_000 })),
      ptsSeconds: fc.double({ min: 0, max: 1e6, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(observation, { minLength: 1 }), (observations) => {
        const clock = new SourceClock();
        let now = ORIGIN;
        for (const { stepMs, ptsSeconds } of observations) {
          now += stepMs;
          clock.observe(ptsSeconds, now);
          expect(clock.timeOf(ptsSeconds)).toBeLessThanOrEqual(now + ROUNDING_MS);
        }
      }),
    );
  });

  it('is as right as the least delayed observation in its window, however late the others come', () => {
    fc.assert(
      fc.property(delays, fc.integer({ min: 0, max: 60_000 }), (late, furtherMs) => {
        const clock = new SourceClock();
        // One in fifty passes at once, the others are in a queue.
        const seen = late.map((delay, index) => {
          const isPrompt = index % 50 === 0;
          const ptsSeconds = index * 0.5;
          return { ptsSeconds, isPrompt, at: ORIGIN + ptsSeconds * 1000 + (isPrompt ? 0 : delay + furtherMs) };
        });
        for (const { ptsSeconds, at } of seen.sort((one, other) => one.at - other.at)) {
          clock.observe(ptsSeconds, at);
          const isDue = seen.some((each) => each.isPrompt && each.at <= at && at - each.at < WINDOW_MS - 1000);
          const error = errorOf(clock, ptsSeconds);
          expect(error).toBeGreaterThan(-ROUNDING_MS);
          if (isDue) expect(error).toBeLessThan(ROUNDING_MS);
        }
      }),
    );
  });

  it('gives pictures of a late decoder their true time while the progress of copied packets is prompt', () => {
    const gopSeconds = fc.double({ min: 0.5, max: 10, noNaN: true });
    fc.assert(
      fc.property(delays, gopSeconds, (jitter, gop) => {
        const clock = new SourceClock();
        jitter.forEach((delay, index) => {
          const seconds = index * 0.5;
          clock.observe(seconds, ORIGIN + seconds * 1000 + delay);
          const lateSeconds = seconds - 2 * gop;
          if (lateSeconds < 0) return;
          clock.observe(lateSeconds, ORIGIN + seconds * 1000 + delay + 1);
          const error = errorOf(clock, lateSeconds);
          expect(error).toBeGreaterThan(-ROUNDING_MS);
          expect(error).toBeLessThanOrEqual(
            Math.min(...jitter.slice(Math.max(0, index - 50), index + 1)) + ROUNDING_MS,
          );
        });
      }),
    );
  });

  it('takes a burst for what it is: many seconds that come in one instant', () => {
    const clock = new SourceClock();
    for (let segment = 0; segment < 20; segment++) {
      // A playlist hands out 6 s at once when their last picture has been taken.
      const now = ORIGIN + (segment + 1) * 6000;
      for (let frame = 0; frame <= 150; frame++) clock.observe(segment * 6 + frame / 25, now);
      expect(Math.abs(errorOf(clock, segment * 6))).toBeLessThan(ROUNDING_MS);
    }
  });

  it('follows a source whose clock is fast or slow, for hours', () => {
    fc.assert(
      fc.property(fc.double({ min: -3e-4, max: 3e-4, noNaN: true }), delays, (drift, jitter) => {
        const clock = new SourceClock();
        let worst = 0;
        for (let second = 0; second < 7200; second++) {
          const takenAt = ORIGIN + second * 1000;
          const ptsSeconds = second * (1 + drift);
          clock.observe(ptsSeconds, takenAt + (second % 10 === 0 ? 0 : jitter[second % jitter.length]!));
          worst = Math.max(worst, Math.abs(errorOf(clock, ptsSeconds, takenAt)));
        }
        // What drifts away within one window, and until the next observation replaces the oldest one.
        expect(worst).toBeLessThanOrEqual(Math.abs(drift) * (WINDOW_MS + 1000) + ROUNDING_MS);
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    ['back', fc.integer({ min: -7_200_000, max: -1 }), 1],
    ['forward', fc.integer({ min: 1, max: 7_200_000 }), WINDOW_MS / 500 + 2],
  ])('follows a wall clock that is set %s', (_, step, settledAfter) => {
    fc.assert(
      fc.property(delays, step, fc.integer({ min: 0, max: 1000 }), (jitter, stepMs, phaseMs) => {
        const clock = new SourceClock();
        const at = (index: number) => index * 0.5 + phaseMs / 1000;
        for (let index = 0; index < 100; index++) {
          clock.observe(at(index), ORIGIN + at(index) * 1000 + jitter[index % jitter.length]!);
        }
        for (let index = 100; index < 200; index++) {
          const delay = jitter[index % jitter.length]!;
          clock.observe(at(index), ORIGIN + stepMs + at(index) * 1000 + delay);
          if (index < 100 + settledAfter) continue;
          const error = errorOf(clock, at(index)) - stepMs;
          // A small step can hide in what was delayed more than that.
          expect(error).toBeGreaterThanOrEqual(-ROUNDING_MS);
          expect(error).toBeLessThanOrEqual(delay + ROUNDING_MS);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('forgets an offset that holds no more after its window', () => {
    const clock = new SourceClock({ windowMs: 3000 });
    clock.observe(0, ORIGIN);
    // From now on everything is 200 ms later, as on a longer route.
    for (let ms = 0; ms <= 2800; ms += 100) clock.observe(ms / 1000, ORIGIN + ms + 200);
    expect(errorOf(clock, 2.8)).toBe(0);
    clock.observe(2.9, ORIGIN + 3100);
    expect(errorOf(clock, 2.9)).toBe(200);
  });

  it('forgets it after its window though the wall clock was set back meanwhile', () => {
    const clock = new SourceClock({ windowMs: 3000 });
    const back = 3_600_000;
    clock.observe(0, ORIGIN);
    clock.observe(0.1, ORIGIN - back + 100);
    for (let ms = 200; ms <= 6000; ms += 100) clock.observe(ms / 1000, ORIGIN - back + ms + 200);
    expect(errorOf(clock, 6)).toBe(200 - back);
  });

  it('lets go of what was observed from some moment on, and keeps what was before', () => {
    const clock = new SourceClock();
    clock.observe(0, ORIGIN + 300);
    clock.observe(5, ORIGIN + 5000 - 80);
    clock.observe(6.5, ORIGIN + 6500 - 80);
    expect(errorOf(clock, 7)).toBeCloseTo(-80);
    clock.forgetSince(ORIGIN + 5000);
    expect(errorOf(clock, 7)).toBeCloseTo(300);
    clock.forgetSince(ORIGIN);
    expect(clock.timeOf(7)).toBeUndefined();
  });
});

it('gives no time for a timestamp that no date can hold', () => {
  const clock = new SourceClock();
  clock.observe(0, Date.UTC(2027, 0, 1));
  for (const pts of [9e15, -9e15, Number.MAX_SAFE_INTEGER, 8.64e12]) expect(clock.timeOf(pts)).toBeUndefined();
  expect(() => new Date(clock.timeOf(1e9)!).toISOString()).not.toThrow();
});
