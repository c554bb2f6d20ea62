import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/clip.js';
import { errorsOf, expectWithinAFrame, makeClock, RATE, serveClock } from '../support/clock-stream.js';
import { until } from '../support/wait.js';

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});

describe('capture time and picture agree within one frame', () => {
  it('copied, without B-frames, and after a restart', async () => {
    const served = await serveClock(await makeClock(folder, [{ seconds: 30 }]));
    expectWithinAFrame(await errorsOf(served, 4));
    const { pid } = (await served.node.stream('cam')).ffmpeg;
    process.kill(pid!, 'SIGKILL');
    await until('a second request', () => served.clock.requests > 1);
    // The last picture of the first run is still served for a moment.
    const { clock, node } = served;
    const began = clock.startedAt;
    await until('a picture of the second run', async () => {
      const { headers } = await node.bytes('/live/cam/thumbnail.jpg');
      return Date.parse(headers.get('sidepipe-captured-at') ?? '') > began;
    });
    expectWithinAFrame(await errorsOf(served, 4));
  });

  it('copied, with B-frames', async () => {
    const served = await serveClock(
      await makeClock(folder, [{ seconds: 30, bFrames: 3 }]),
      {},
      { intervalSeconds: 5, decode: 'keyframes' },
    );
    expectWithinAFrame(await errorsOf(served, 3));
    expect((await served.node.stream('cam')).thumbnail.decode).toMatchObject({ mode: 'keyframes' });
  });

  it('copied, with B-frames and a picture a second, for which keyframes are too late, without a discontinuity', async () => {
    const clock = await makeClock(folder, [{ seconds: 40, bFrames: 3, keyframes: 2 }]);
    const served = await serveClock(clock);
    // The picture of the run that saw what the source is like may be served for a moment.
    await until('the run that plays it', () => clock.requests > 1);
    const began = clock.startedAt;
    await until('a picture of it', async () => {
      const { headers } = await served.node.bytes('/live/cam/thumbnail.jpg');
      return Date.parse(headers.get('sidepipe-captured-at') ?? '') > began;
    });
    const errors = await errorsOf(served, 5);
    expectWithinAFrame(errors);
    const steps = errors.slice(1).map(({ frame }, index) => frame - errors[index]!.frame);
    expect(Math.max(...steps)).toBeLessThanOrEqual(2 * RATE);
    const { ffmpeg, thumbnail } = await served.node.stream('cam');
    expect(thumbnail.decode.mode).toBe('references');
    expect(ffmpeg.restarts).toBe(0);
    expect(clock.requests).toBe(2);
    expect((await served.node.text('/live/cam/source/index.m3u8')).body).not.toContain('#EXT-X-DISCONTINUITY\n');
  });

  it('encoded', async () => {
    const clock = await makeClock(folder, [{ seconds: 30, bFrames: 2 }]);
    const served = await serveClock(clock, { renditions: [{ height: 90, bitrate: 200_000, preset: 'ultrafast' }] });
    expectWithinAFrame(await errorsOf(served, 5));
  });

  it('after 1000 s of stream time', async () => {
    const served = await serveClock(await makeClock(folder, [{ seconds: 30 }], 1000));
    expectWithinAFrame(await errorsOf(served, 5));
  });

  it('after a change of resolution and of frame rate in mid-stream', async () => {
    const clock = await makeClock(folder, [
      { seconds: 15, rate: 10 },
      { seconds: 15, rate: 10, size: '640x360' },
      // Longer than anything here takes: at its end the source would be opened again.
      { seconds: 60, rate: 30, size: '640x360' },
    ]);
    const served = await serveClock(clock);
    const first = await errorsOf(served, 3, (frame) => frame < 150);
    const larger = await errorsOf(served, 3, (frame) => frame >= 150 && frame < 300);
    const faster = await errorsOf(served, 4, (frame) => frame >= 300);
    expectWithinAFrame(first, 10);
    expectWithinAFrame(larger, 10);
    // The picture with which the rate changes comes before anything can tell of it: a frame of the old rate.
    expectWithinAFrame(faster.slice(0, 1), 10);
    expectWithinAFrame(faster.slice(1), 30);
    expect((await served.node.stream('cam')).ffmpeg.restarts).toBe(0);
  });
});
