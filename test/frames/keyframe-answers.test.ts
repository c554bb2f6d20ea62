import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyframeAnswers } from '../../src/frames/keyframe-answers.js';

const SHIFT_SECONDS = 10;
const keyframe = new Uint8Array(50_000).fill(7);

/** A packet as it was written, behind a syncpoint or not: which stream it is of, and its time in ticks. */
function read(piece: Uint8Array): { stream: number; ticks: number } {
  let at = 0;
  const unsigned = () => {
    let value = 0;
    for (;;) {
      const byte = piece[at++]!;
      value = value * 128 + (byte & 127);
      if (byte < 128) return value;
    }
  };
  if (piece[0] === 0x4e) {
    at = 8;
    const skipped = unsigned();
    at += skipped;
  }
  expect(piece[at]).toBe(1);
  at += 1;
  unsigned();
  return { stream: unsigned(), ticks: unsigned() - 128 };
}

function answersFor(intervalSeconds: number, isWanted = () => false) {
  const longestGapSeconds = intervalSeconds + 0.75;
  return new KeyframeAnswers({ intervalSeconds, longestGapSeconds, shiftSeconds: SHIFT_SECONDS, isWanted });
}

describe('KeyframeAnswers', () => {
  it('lets ffmpeg go on behind each keyframe, whatever becomes of the time of the source', () => {
    const step = fc.oneof(fc.double({ min: 0.1, max: 12, noNaN: true }), fc.constantFrom(1000, -1000, 0, -0.04));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 60 }), (steps, intervalSeconds) => {
        const answers = answersFor(intervalSeconds);
        const opening = answers.begin(keyframe).slice(1).map(read);
        let [mark, video] = [opening.at(-1)!.ticks, 1];
        expect(opening.map(({ stream }) => stream)).toEqual([1, 0, 0, 1]);
        let ptsSeconds = 0.02;
        for (const each of steps) {
          ptsSeconds += each;
          if (ptsSeconds < 0) ptsSeconds = 0;
          const { pieces, isFed } = answers.answer({ ptsSeconds, data: keyframe });
          const packets = pieces.map(read);
          expect(packets.map(({ stream }) => stream)).toEqual(isFed ? [0, 0, 1] : [1]);
          // ffmpeg waits while its time is behind that of the keyframe.
          const { ticks } = packets.at(-1)!;
          expect(ticks).toBeGreaterThan(ptsSeconds * 90_000);
          expect(ticks).toBeGreaterThan(mark);
          mark = ticks;
          for (const { ticks } of packets.slice(0, -1)) {
            expect(ticks).toBeGreaterThan(video);
            video = ticks;
          }
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('takes one keyframe an interval, as near to it as they come, and none too late', () => {
    const sources = fc.record({
      keyframeInterval: fc.double({ min: 0.2, max: 6, noNaN: true }),
      intervalSeconds: fc.double({ min: 6, max: 60, noNaN: true }),
    });
    fc.assert(
      fc.property(sources, ({ keyframeInterval, intervalSeconds }) => {
        const answers = answersFor(intervalSeconds);
        const times = Array.from({ length: 300 }, (_, index) => index * keyframeInterval);
        const fed = times.filter((ptsSeconds) => answers.answer({ ptsSeconds, data: keyframe }).isFed);
        const gaps = fed.slice(1).map((at, index) => at - fed[index]!);
        for (const gap of gaps) {
          expect(gap).toBeLessThanOrEqual(intervalSeconds + 0.75 + 1e-6);
          expect(gap).toBeGreaterThan(intervalSeconds - keyframeInterval - 1e-6);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('takes the next keyframe when somebody waits, and none that cannot be decoded by itself', () => {
    let isWanted = false;
    const answers = answersFor(20, () => isWanted);
    expect(answers.answer({ ptsSeconds: 0, data: undefined }).isFed).toBe(false);
    expect(answers.answer({ ptsSeconds: 2, data: keyframe }).isFed).toBe(true);
    expect(answers.answer({ ptsSeconds: 4, data: keyframe }).isFed).toBe(false);
    isWanted = true;
    expect(answers.answer({ ptsSeconds: 6, data: undefined }).isFed).toBe(false);
    expect(answers.answer({ ptsSeconds: 8, data: keyframe }).isFed).toBe(true);
  });

  it('takes the next keyframe where the time of the source goes back: by its time the interval would never be over', () => {
    const answers = answersFor(20);
    const isFed = (ptsSeconds: number) => answers.answer({ ptsSeconds, data: keyframe }).isFed;
    expect([1000, 1002, 4, 6, 8].map(isFed)).toEqual([true, false, true, false, false]);
  });
});
