import { expect, it } from 'vitest';
import { CutTiming } from '../../../src/hls/cut/cut-timing.js';

const FRAME = 0.04;

/** How long each segment is of a source with keyframes at multiples of `keySeconds`, whose timeline jumps from `at` to `to`. */
function segmentSeconds(keySeconds: number, at: number, to: number): number[] {
  const timing = new CutTiming({ partSeconds: 0.2, segmentSeconds: 2, maxSegmentSeconds: 30 });
  const lengths: number[] = [];
  let cell = -1;
  for (let frame = 0; frame < 500; frame += 1) {
    const time = frame * FRAME;
    const isBehind = time >= at - 1e-9;
    const dtsSeconds = isBehind ? to + time - at : time;
    if (isBehind && time - FRAME < at - 1e-9) timing.jump();
    const key = Math.floor((dtsSeconds + 0.001) / keySeconds);
    const cut = timing.next({ dtsSeconds, durationSeconds: FRAME, isKey: key !== cell });
    cell = key;
    if (cut === 'segment') lengths.push(0);
    lengths[lengths.length - 1]! += FRAME;
  }
  return lengths.slice(0, 10).map((length) => Math.round(length * 100) / 100);
}

it('starts a segment at a jump, and goes on without one that is longer than the target duration', () => {
  expect(segmentSeconds(2, 9, 15.04)).toEqual([2, 2, 2, 2, 1, 0.96, 2, 2, 2, 2]);
  expect(segmentSeconds(2, 9, 3600.6)).toEqual([2, 2, 2, 2, 1, 1.4, 2, 2, 2, 2]);
  // Where the next keyframe is early enough it is waited for.
  expect(segmentSeconds(1, 9, 15)).toEqual([2, 2, 2, 2, 1, 2, 2, 2, 2, 2]);
});
