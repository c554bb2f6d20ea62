import { expect, it } from 'vitest';
import { MediaProgress } from '../../../src/stream/hls/media-progress.js';

const told = { outSeconds: 0.04, frames: 50, fps: 25, speed: 0.01, droppedFrames: 0, duplicatedFrames: 0, end: false };

it('takes position and speed from the media, and all else from ffmpeg', () => {
  const progress = new MediaProgress();
  expect(progress.report(told, undefined, 1000)).toEqual({ ...told, outSeconds: undefined, speed: undefined });
  expect(progress.report(told, 2, 2000)).toEqual({ ...told, outSeconds: 2, speed: undefined });
  expect(progress.report(told, 5, 4000)).toEqual({ ...told, outSeconds: 5, speed: 1.5 });
  expect(progress.report(told, -0.1, 4500).outSeconds).toBe(0);
});
