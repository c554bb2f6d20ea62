import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ClockStep, NodeClock, steadyNow } from '../src/clock.js';

const START = Date.UTC(2027, 0, 1);
const HOUR = 3_600_000;

/** A clock on times that a test sets. */
function makeClock() {
  const time = { steady: START, wall: START };
  const steps: ClockStep[] = [];
  const clock = new NodeClock({
    steady: () => time.steady,
    wall: () => time.wall,
    onStep: (step) => void steps.push(step),
  });
  return { clock, time, steps };
}

describe('NodeClock', () => {
  it('measures steadily and dates by the system clock, whichever way that is set', () => {
    for (const stepMs of [HOUR, -HOUR, 1500, -1500]) {
      const { clock, time, steps } = makeClock();
      time.steady += 5000;
      time.wall += 5000 + stepMs;
      expect(clock.now()).toBe(START + 5000);
      expect(clock.date()).toBe(START + 5000 + stepMs);
      expect(clock.dateOf(START)).toBe(START + stepMs);
      clock.check();
      expect(steps).toEqual([{ stepSeconds: stepMs / 1000, before: START + 5000, after: START + 5000 + stepMs }]);
    }
  });

  it('follows drift without reporting it, and ignores noise', () => {
    const { clock, time, steps } = makeClock();
    time.wall += 15;
    expect(clock.date()).toBe(START);
    for (let count = 0; count < 100; count += 1) {
      time.steady += 60_000;
      time.wall += 60_040;
      clock.check();
    }
    expect(Math.abs(clock.date() - time.wall)).toBeLessThan(20);
    expect(steps).toEqual([]);
  });

  it('believes no difference that a pause between two readings makes', () => {
    let steady = START;
    const steps: ClockStep[] = [];
    // The process is stopped for 2 s after each reading of steady time.
    const stopped = () => {
      steady += 2000;
      return steady - 2000;
    };
    const clock = new NodeClock({ steady: stopped, wall: () => steady, onStep: (step) => void steps.push(step) });
    clock.check();
    expect(steps).toEqual([]);
  });

  it('is within the noise of the system clock after any history, and reports each step once', () => {
    const change = fc.record({ elapsedMs: fc.nat(100_000), stepMs: fc.integer({ min: -2 * HOUR, max: 2 * HOUR }) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const { clock, time, steps } = makeClock();
        let expected = 0;
        let differenceMs = 0;
        for (const { elapsedMs, stepMs } of changes) {
          const before = clock.now();
          time.steady += elapsedMs;
          time.wall += elapsedMs + stepMs;
          clock.check();
          differenceMs += stepMs;
          if (Math.abs(differenceMs) >= 1000) expected += 1;
          if (Math.abs(differenceMs) >= 20) differenceMs = 0;
          expect(clock.now() - before).toBe(elapsedMs);
          expect(Math.abs(clock.date() - time.wall)).toBeLessThan(20);
        }
        expect(steps.length).toBe(expected);
      }),
    );
  });

  it('has the same time as the system clock where nobody sets that', () => {
    const clock = new NodeClock();
    expect(Math.abs(clock.date() - Date.now())).toBeLessThan(1000);
    expect(Math.abs(steadyNow() - clock.now())).toBeLessThan(1000);
  });
});
