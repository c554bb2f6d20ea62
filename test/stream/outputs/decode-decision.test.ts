import { expect, it } from 'vitest';
import { FIRST_CHOICE } from '../../../src/frames/decode.js';
import type { MediaPart } from '../../../src/hls/segmenter.js';
import { DecodeDecision } from '../../../src/stream/outputs/decode-decision.js';

function decision(intervalSeconds: number): DecodeDecision {
  return new DecodeDecision({
    config: { thumbnail: { decode: 'auto', intervalSeconds } } as never,
    decode: FIRST_CHOICE,
    isOpen: true,
    makesMedia: true,
    now: () => 0,
  });
}

const part = (startSeconds: number, keyframeSeconds: readonly number[] = []) =>
  ({ startSeconds, durationSeconds: 0.2, frames: 5, keyframeSeconds, isDiscontinuity: false }) as unknown as MediaPart;

it('does not count the delay of reordered frames as time without a keyframe', () => {
  const decide = decision(2);
  // As ffmpeg writes a GOP of 2 s with three B-frames: the first frame of a part in decoding order is shown after others of it.
  for (const start of [0.32, 0.4, 0.52, 0.76, 1.12, 1.2, 1.32, 1.56, 1.92]) {
    decide.part(part(start, start === 0.32 ? [0] : []));
    expect(decide.decide(), `at ${start}`).toBeUndefined();
  }
  decide.part(part(2, [2]));
  expect(decide.traits.keyframeGapSeconds).toBe(2);
});

it('counts frames in order up to the end of their part', () => {
  const decide = decision(1);
  for (let index = 0; index < 5; index++) decide.part(part(index * 0.2, index === 0 ? [0] : []));
  expect(decide.decide()).toBeUndefined();
  decide.part(part(1));
  expect(decide.decide()).toMatchObject({ mode: 'references', reason: 'no keyframe for 1.2 s' });
});
