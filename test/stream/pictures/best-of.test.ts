import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BestOf } from '../../../src/stream/pictures/best-of.js';

const start = 1_700_000_000_000;

describe('BestOf', () => {
  it('passes the first frame on at once, then the best of each interval', () => {
    const { bestOf, passed, offer } = setUp({ count: 3, intervalSeconds: 3 });
    for (const [second, score] of [5, 1, 9, 2, 4, 3, 3, 8, 1, 2].entries()) offer(second, score);
    expect(passed).toEqual([0, 2, 4, 7]);
    bestOf.expire(start + 60_000);
    expect(passed).toEqual([0, 2, 4, 7]);
  });

  it('passes every frame of a source that gives no more than are due', () => {
    const { passed, offer } = setUp({ count: 5, intervalSeconds: 2 });
    for (let second = 0; second < 20; second += 4) offer(second, 1);
    expect(passed).toEqual([0, 4, 8, 12, 16]);
  });

  it('does not wait for ever for frames that never come', () => {
    const { bestOf, passed, offer } = setUp({ count: 4, intervalSeconds: 4 });
    offer(0, 1);
    offer(1, 1);
    bestOf.expire(start + 4999);
    expect(passed).toEqual([0]);
    bestOf.expire(start + 5000);
    expect(passed).toEqual([0, 1]);
  });

  it('goes on choosing while the one before is worked on, and then takes the newest', () => {
    const work = { busy: false };
    const { passed, offer } = setUp({ count: 2, intervalSeconds: 2, busy: () => work.busy });
    offer(0, 1);
    work.busy = true;
    for (const second of [1, 2, 3, 4, 5]) offer(second, 10 - second);
    work.busy = false;
    offer(6, 1);
    expect(passed).toEqual([0, 6]);
  });

  it('begins anew when the clock goes back', () => {
    const { passed, offer } = setUp({ count: 3, intervalSeconds: 3 });
    offer(100, 1);
    offer(101, 1);
    offer(50, 5);
    expect(passed).toEqual([100, 50]);
  });

  it('holds one frame at most and gives back every other, whatever comes', () => {
    const steps = fc.record({ gapMs: fc.integer({ min: -3000, max: 9000 }), score: fc.nat(5), busy: fc.boolean() });
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 5 }), fc.array(steps), (count, frames) => {
        const work = { busy: false };
        const { passed, beaten, offer } = setUp({ count, intervalSeconds: 3, busy: () => work.busy });
        let second = 0;
        for (const [at, { gapMs, score, busy }] of frames.entries()) {
          second += gapMs / 1000;
          work.busy = busy;
          offer(second, score);
          const held = at + 1 - passed.length - beaten.length;
          expect(held === 0 || held === 1).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

function setUp(options: { count: number; intervalSeconds: number; busy?: () => boolean }) {
  const passed: number[] = [];
  const beaten: number[] = [];
  const bestOf = new BestOf<number>({
    busy: () => false,
    ...options,
    onBest: (frame) => passed.push(frame),
    onBeaten: (frame) => beaten.push(frame),
  });
  const offer = (second: number, score: number) =>
    bestOf.offer({ frame: second, capturedAt: start + second * 1000, score });
  return { bestOf, passed, beaten, offer };
}
