import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/clip.js';
import { errorsOf, expectWithinAFrame, makeClock, RATE, serveClock } from '../support/clock-stream.js';
import { until } from '../support/wait.js';

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});

// A machine that is kept from passing a packet on for longer than a frame is measured, not the node: then once more.
describe('capture time and picture agree within one frame', { retry: 0 }, () => {
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
  }, 60_000);

  it('copied, with B-frames', async () => {
    const served = await serveClock(
      await makeClock(folder, [{ seconds: 30, bFrames: 3 }]),
      {},
      { intervalSeconds: 5, decode: 'keyframes' },
    );
    expectWithinAFrame(await errorsOf(served, 3));
    expect((await served.node.stream('cam')).thumbnail.decode).toMatchObject({ mode: 'keyframes' });
  }, 60_000);

  it('copied, with B-frames and a picture a second, for which keyframes are too late', async () => {
    const clock = await makeClock(folder, [{ seconds: 40, bFrames: 3, keyframes: 2 }]);
    const served = await serveClock(clock);
    await until(
      'more than keyframes',
      async () => {
        const { thumbnail, ffmpeg } = await served.node.stream('cam');
        return thumbnail.decode.mode === 'references' && clock.requests > 1 && ffmpeg.pid !== null;
      },
      { timeoutMs: 20_000 },
    );
    const began = clock.startedAt;
    await until('a picture of the second run', async () => {
      const { headers } = await served.node.bytes('/live/cam/thumbnail.jpg');
      return Date.parse(headers.get('sidepipe-captured-at') ?? '') > began;
    });
    const errors = await errorsOf(served, 5);
    expectWithinAFrame(errors);
    const steps = errors.slice(1).map(({ frame }, index) => frame - errors[index]!.frame);
    expect(Math.max(...steps)).toBeLessThanOrEqual(2 * RATE);
    expect((await served.node.stream('cam')).ffmpeg.restarts).toBe(0);
  }, 60_000);

  it('encoded', async () => {
    const clock = await makeClock(folder, [{ seconds: 30, bFrames: 2 }]);
    const served = await serveClock(clock, { renditions: [{ height: 90, bitrate: 200_000, preset: 'ultrafast' }] });
    expectWithinAFrame(await errorsOf(served, 5));
  }, 60_000);

  it('after 1000 s of stream time', async () => {
    const served = await serveClock(await makeClock(folder, [{ seconds: 30 }], 1000));
    expectWithinAFrame(await errorsOf(served, 5));
  }, 60_000);

  it('after a change of resolution and of frame rate in mid-stream', async () => {
    const clock = await makeClock(folder, [
      { seconds: 6, rate: 10 },
      { seconds: 6, rate: 10, size: '640x360' },
      { seconds: 8, rate: 30, size: '640x360' },
    ]);
    const served = await serveClock(clock);
    const first = await errorsOf(served, 3, (frame) => frame < 60);
    const larger = await errorsOf(served, 3, (frame) => frame >= 60 && frame < 120);
    const faster = await errorsOf(served, 4, (frame) => frame >= 120);
    expectWithinAFrame(first, 10);
    expectWithinAFrame(larger, 10);
    // The picture with which the rate changes comes before anything can tell of it: a frame of the old rate.
    expectWithinAFrame(faster.slice(0, 1), 10);
    expectWithinAFrame(faster.slice(1), 30);
    expect((await served.node.stream('cam')).ffmpeg.restarts).toBe(0);
  }, 60_000);
});
