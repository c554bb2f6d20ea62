import { afterEach, expect, it, vi } from 'vitest';
import { startNode } from '../support/node.js';
import { createPlaylistChecker } from '../support/playlist-check.js';

const encoder = vi.hoisted(() => ({ blocked: undefined as Promise<void> | undefined, sequences: [] as number[] }));

vi.mock('../../src/images/encode.js', async (original) => {
  const real = await original<typeof import('../../src/images/encode.js')>();
  const encodePicture: typeof real.encodePicture = async (picture, options) => {
    encoder.sequences.push(picture.sequence);
    await encoder.blocked;
    return real.encodePicture(picture, options);
  };
  return { ...real, encodePicture };
});

afterEach(() => {
  encoder.blocked = undefined;
});

it('goes on with HLS while the encoder is blocked for 10 s, then encodes the newest frame', async () => {
  const node = await startNode({
    streams: [
      {
        name: 'cam',
        source: 'test',
        hls: { segmentSeconds: 1 },
        thumbnail: { intervalSeconds: 0.2, width: 320, staleAfterSeconds: 60 },
      },
    ],
  });
  await vi.waitFor(async () => expect((await node.stream('cam')).thumbnail.captured).toBeGreaterThan(2), {
    timeout: 15_000,
  });
  let release = (): void => {};
  encoder.blocked = new Promise((resolve) => {
    release = resolve;
  });
  const blockedAt = Date.now();
  const checker = createPlaylistChecker();
  const before = (await node.stream('cam')).hls;
  await vi.waitFor(
    async () => {
      checker.check((await node.text('/live/cam/source/index.m3u8')).body);
      expect(Date.now() - blockedAt).toBeGreaterThan(10_000);
    },
    { timeout: 60_000, interval: 200 },
  );
  const during = await node.stream('cam');
  // A segment a second went by, and the stream was never begun anew.
  expect(
    during.hls.mediaSequence + during.hls.segments - before.mediaSequence - before.segments,
  ).toBeGreaterThanOrEqual(8);
  expect(during.ffmpeg.restarts).toBe(0);
  // 5 frames a second came; one is being encoded and one waits.
  expect(during.thumbnail.dropped).toBeGreaterThanOrEqual(40);
  const stuckOn = encoder.sequences.at(-1)!;
  release();
  await vi.waitFor(() => expect(encoder.sequences.at(-1)).toBeGreaterThan(stuckOn), { timeout: 60_000, interval: 10 });
  const next = encoder.sequences[encoder.sequences.indexOf(stuckOn) + 1]!;
  // All between were dropped: the next one is the newest of its moment.
  expect(next - stuckOn - 1).toBeGreaterThanOrEqual(during.thumbnail.dropped);
  const metrics = await node.text('/metrics');
  const counted = /sidepipe_frames_dropped_total\{stream="cam",reason="encoder-busy"\} (\d+)/.exec(metrics.body)?.[1];
  expect(Number(counted)).toBe((await node.stream('cam')).thumbnail.dropped);
});
