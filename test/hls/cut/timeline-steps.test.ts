import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimelineSteps } from '../../../src/hls/cut/timeline-steps.js';

const FRAME = 0.04;

/** What is said of a step behind ten usual ones that came when they were made. */
function isJump(seconds: number, elapsedSeconds?: number, usualSeconds?: number): boolean {
  const steps = new TimelineSteps();
  for (let frame = 0; frame < 10; frame += 1) steps.isJump({ seconds: FRAME, usualSeconds, atMs: frame * 40 });
  const atMs = elapsedSeconds === undefined ? undefined : 360 + elapsedSeconds * 1000;
  return steps.isJump({ seconds, usualSeconds, atMs });
}

describe('a step of the timeline', () => {
  it.each<[string, number, number | undefined]>([
    ['six seconds that no time took', 6, 0.04],
    ['an hour', 3600, 0.04],
    ['an hour that took an hour', 3600, 3600],
    ['a second back', -1, 0.04],
    ['six seconds, with a clock that was set back', 6, -3600],
  ])('is a jump: %s', (_, seconds, elapsedSeconds) => {
    expect(isJump(seconds, elapsedSeconds, FRAME)).toBe(true);
  });

  it.each<[string, number, number | undefined]>([
    ['a pause', 6, 6],
    ['a pause whose end waited in a queue', 6, 4],
    ['less than a second, as encoders skip frames', 0.9, 0.04],
    ['six seconds, while nobody looks at the time', 6, undefined],
    ['one tick', 1 / 90_000, 0.04],
  ])('is no jump: %s', (_, seconds, elapsedSeconds) => {
    expect(isJump(seconds, elapsedSeconds, FRAME)).toBe(false);
  });

  it('is no jump from one picture of a slide show to the next, though all come at once', () => {
    expect(isJump(10, 0, 10)).toBe(false);
    expect(isJump(10, 0)).toBe(false);
  });

  it('of a live source is no jump, however its packets are delayed by less than a second', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.double({ min: 0.001, max: 50, noNaN: true }), fc.nat(900))), (units) => {
        const steps = new TimelineSteps();
        let [made, arrived] = [0, 0];
        for (const [seconds, delayMs] of units) {
          made += seconds * 1000;
          arrived = Math.max(arrived, made + delayMs);
          expect(steps.isJump({ seconds, usualSeconds: FRAME, atMs: arrived })).toBe(false);
        }
      }),
    );
  });
});
