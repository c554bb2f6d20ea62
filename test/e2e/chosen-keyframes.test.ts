import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/clip.js';
import { errorsOf, expectWithinAFrame, makeClock, RATE, type Served, serveClock } from '../support/clock-stream.js';
import { ffmpegs } from '../support/ffmpeg.js';
import { until } from '../support/wait.js';

const INTERVAL_SECONDS = 3;
/** Where ffmpeg counts its outputs in another way, keyframes are not chosen. */
const able = ffmpegs.filter(({ libavformat }) => libavformat <= 59);

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});

/** A stream with two keyframes a second and B-frames, once the node has begun to choose among its keyframes. */
async function startChoosing(path: string, seconds: number): Promise<Served> {
  const clock = await makeClock(folder, [{ seconds, bFrames: 3, keyframes: 0.48 }]);
  const served = await serveClock(clock, {}, { intervalSeconds: INTERVAL_SECONDS, width: 160, decode: 'chosen' }, path);
  const { streams } = served.node.node;
  await until('the choice', () => streams.get('cam')?.describe().thumbnail.decode.mode === 'chosen', {
    timeoutMs: 20_000,
  });
  await until('the second run', () => clock.requests > 1, { timeoutMs: 10_000 });
  const began = clock.startedAt;
  await until(
    'a picture of it',
    async () => {
      const { capturedAt } = (await described(served)).thumbnail;
      return capturedAt !== null && Date.parse(capturedAt) > began;
    },
    { timeoutMs: 20_000 },
  );
  return served;
}

const described = async ({ node }: Served) => node.node.streams.get('cam')!.describe();

/** The durations of what the playlist lists, behind its last discontinuity. */
async function durationsOf({ node }: Served): Promise<number[]> {
  const { body } = await node.text('/live/cam/source/index.m3u8');
  const last = body.split('#EXT-X-DISCONTINUITY\n').at(-1)!;
  return [...last.matchAll(/#EXTINF:([\d.]+)/g)].map(([, duration]) => Number(duration));
}

describe.each(able)('keyframes that are chosen, with the $name ffmpeg', ({ path }) => {
  it('decodes one an interval, dates it within a frame, and HLS goes on as it came', async () => {
    const served = await startChoosing(path, 60);
    const before = await described(served);
    expect(before.thumbnail.decode.reason).toContain('a keyframe every 0.5 s');
    const errors = await errorsOf(served, 4);
    expectWithinAFrame(errors);
    const steps = errors.slice(1).map(({ frame }, index) => frame - errors[index]!.frame);
    for (const step of steps) {
      expect(step).toBeGreaterThan((INTERVAL_SECONDS - 0.5) * RATE);
      expect(step).toBeLessThan((INTERVAL_SECONDS + 1) * RATE);
    }
    const after = await described(served);
    // What is decoded is a picture: nothing behind the decoder leaves any out.
    const { captured, dropped, rejected } = after.thumbnail;
    const pictures = captured + dropped + rejected - before.thumbnail.captured - before.thumbnail.dropped;
    expect(pictures - before.thumbnail.rejected).toBeLessThanOrEqual(errors.length + 1);
    expect(after.ffmpeg).toMatchObject({ pid: before.ffmpeg.pid, restarts: 0 });
    const durations = await durationsOf(served);
    expect(durations.length).toBeGreaterThan(4);
    for (const duration of durations) expect(duration).toBeCloseTo(durations[0]!, 1);
  }, 90_000);

  it('gives a snapshot out of turn, of full size, from the same process', async () => {
    const served = await startChoosing(path, 60);
    const before = await described(served);
    for (let count = 0; count < 2; count += 1) {
      const askedAt = Date.now();
      const answer = await served.node.api('POST', 'streams/cam/snapshot');
      expect(answer.status).toBe(200);
      const { width, height } = await sharp(Buffer.from(await answer.arrayBuffer())).metadata();
      expect([width, height]).toEqual([320, 180]);
      // The next keyframe, or the one after it where the valve opened too late for that: not the next picture.
      expect(Date.parse(answer.headers.get('sidepipe-captured-at') ?? '')).toBeGreaterThan(askedAt - 1000);
      expect(Date.parse(answer.headers.get('sidepipe-captured-at') ?? '')).toBeLessThan(askedAt + 2000);
    }
    expect((await described(served)).ffmpeg).toMatchObject({ pid: before.ffmpeg.pid, restarts: 0 });
  }, 90_000);

  it('goes on behind a node that did nothing for three seconds', async () => {
    const served = await startChoosing(path, 60);
    const before = await described(served);
    for (const end = Date.now() + 3000; Date.now() < end; );
    const held = await described(served);
    await until('another picture', async () => {
      const { thumbnail, hls } = await described(served);
      return thumbnail.captured > held.thumbnail.captured && hls.mediaSequence > held.hls.mediaSequence;
    });
    expect((await described(served)).ffmpeg).toMatchObject({ pid: before.ffmpeg.pid, restarts: 0 });
  }, 90_000);
});
