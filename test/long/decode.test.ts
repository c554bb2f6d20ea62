import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { recordedCamera, startFfmpeg } from '../support/background-ffmpeg.js';
import { runFfmpeg, temporaryFolder } from '../support/clip.js';
import { clockPicture } from '../support/clock-picture.js';
import { errorsOf, makeClock, RATE, serveClock } from '../support/clock-stream.js';
import { startNode, type TestNode } from '../support/node.js';
import { until } from '../support/wait.js';

/** What is decoded for thumbnails is chosen before a segment is listed. */

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});

const playlistOf = async (node: TestNode) => (await node.text('/live/cam/source/index.m3u8')).body;
/** Not over HTTP, which limits how often anyone may ask. */
const described = (node: TestNode) => node.node.streams.get('cam')!.describe();
const capturedOf = (node: TestNode) => described(node).thumbnail.captured;

/** Nothing that players see came of it: no restart after a segment was listed, no discontinuity. */
async function expectUndisturbed(node: TestNode): Promise<void> {
  const { ffmpeg, hls } = described(node);
  expect(ffmpeg.restarts).toBe(0);
  expect(hls.discontinuitySequence).toBe(firstDiscontinuity.get(node) ?? hls.discontinuitySequence);
  expect(await playlistOf(node)).not.toContain('#EXT-X-DISCONTINUITY\n');
}
const firstDiscontinuity = new WeakMap<TestNode, number>();

/** The first playlist, as players get it. */
async function untilListed(node: TestNode): Promise<void> {
  await until('a segment', async () => (await node.segments('cam')).length > 0);
  firstDiscontinuity.set(node, described(node).hls.discontinuitySequence);
}

describe('a pulled stream whose keyframes alone would make old thumbnails', () => {
  it.each([
    // ffmpeg writes at once what it read while probing, so the media can show the long GOP before the parameter sets arrive.
    ['with B-frames and a keyframe every 10 s', { bFrames: 2, keyframes: 10 }, /frames are reordered|no keyframe for/],
    ['with a keyframe every 10 s', { keyframes: 10 }, /no keyframe for/],
    ['with a keyframe every 2 s, of which a second is too late', { keyframes: 2 }, /no keyframe for/],
  ])('%s has one each second from the start, in one piece', async (_name, part, reason) => {
    const served = await serveClock(await makeClock(folder, [{ seconds: 60, ...part }]));
    const { node, clock } = served;
    await untilListed(node);
    const { thumbnail } = described(node);
    expect(thumbnail.decode).toMatchObject({ mode: 'references', reason: expect.stringMatching(reason) });
    // One connection to see what it is, one to play it.
    expect(clock.requests).toBe(2);
    const errors = await errorsOf(served, 6);
    const steps = errors.slice(1).map(({ frame }, index) => frame - errors[index]!.frame);
    // The usual step: a busy machine may miss one.
    expect(steps.sort((one, other) => one - other)[2], JSON.stringify(errors)).toBeLessThanOrEqual(2 * RATE);
    await expectUndisturbed(node);
    expect(clock.requests).toBe(2);
  });
});

it('a stream with keyframes often enough is opened once, and listed with its second keyframe', async () => {
  const { node, clock } = await serveClock(
    await makeClock(folder, [{ seconds: 60, keyframes: 2 }]),
    {},
    { intervalSeconds: 5 },
  );
  await untilListed(node);
  await until('a second thumbnail', () => capturedOf(node) > 1);
  const { decode } = described(node).thumbnail;
  expect(decode).toEqual({
    mode: 'keyframes',
    reason: 'a keyframe every 2 s is often enough',
    keyframeIntervalSeconds: 2,
  });
  expect(clock.requests).toBe(1);
  await expectUndisturbed(node);
});

it('a camera that changes its GOP is never disturbed: thumbnails tell their age, and its next run decodes more', async () => {
  const clock = await makeClock(folder, [
    { seconds: 8, keyframes: 1 },
    { seconds: 60, keyframes: 6 },
  ]);
  const { node } = await serveClock(clock);
  await untilListed(node);
  const decode = () => described(node).thumbnail.decode;
  expect(decode()).toMatchObject({ mode: 'keyframes' });
  await until('the long GOP', () => (decode().keyframeIntervalSeconds ?? 0) > 5);
  expect(decode()).toMatchObject({ mode: 'keyframes' });
  expect(node.log.filter(({ msg }) => String(msg).startsWith('thumbnails late'))).toHaveLength(1);
  await expectUndisturbed(node);
  expect(clock.requests).toBe(1);
  process.kill(described(node).ffmpeg.pid!, 'SIGKILL');
  await until('what was learned', () => decode().mode === 'references');
});

it('a publisher with a keyframe every 10 s loses nothing to the choice, not even its first seconds', async () => {
  const clip = join(folder, 'long.flv');
  await runFfmpeg([
    ...['-f', 'lavfi', '-i', clockPicture({ size: '320x180', rate: RATE }), '-t', '60', '-pix_fmt', 'yuv420p'],
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '2', '-g', String(10 * RATE), '-sc_threshold', '0', clip],
  ]);
  const node = await startNode({
    rtmp: { host: '127.0.0.1', port: 0 },
    streams: [
      {
        ...{ name: 'cam', source: 'push', keys: ['a-key-of-cam'], hls: { segmentSeconds: 1 } },
        thumbnail: { intervalSeconds: 2, width: 320, quality: 95, staleAfterSeconds: 30 },
      },
    ],
  });
  const { port } = node.node.rtmpAddresses.rtmp!;
  startFfmpeg([...recordedCamera(clip), '-f', 'flv', `rtmp://127.0.0.1:${port}/live/cam?key=a-key-of-cam`]);
  // More is decoded long before the second keyframe, because the GOP that had begun is kept.
  await until('thumbnails of the first GOP', () => capturedOf(node) > 2);
  const { decode } = described(node).thumbnail;
  expect(decode).toMatchObject({ mode: 'references', keyframeIntervalSeconds: null });
  await untilListed(node);
  const [first] = await node.segments('cam');
  const path = join(folder, 'first.ts');
  await writeFile(path, Buffer.from(await (await fetch(first!)).arrayBuffer()));
  const { stderr } = await runFfmpeg([
    '-i',
    path,
    '-map',
    '0:v',
    '-c',
    'copy',
    '-f',
    'null',
    '-stats',
    '-v',
    'info',
    '-',
  ]);
  // Ten seconds of it: from the publisher's first frame to its second keyframe.
  expect(Number(/frame=\s*(\d+)/.exec(stderr)?.[1])).toBe(10 * RATE);
  await expectUndisturbed(node);
});

it.each([3, 10])('a source with a frame every %d s has a fresh thumbnail of each', async (seconds) => {
  const slides = join(folder, `slides-${seconds}.mp4`);
  await runFfmpeg([
    ...['-f', 'lavfi', '-i', `testsrc2=s=320x180:r=1/${seconds}:d=${20 * seconds}`],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '1', '-bf', '0', '-pix_fmt', 'yuv420p', slides],
  ]);
  const node = await startNode({ streams: [{ name: 'cam', source: slides }] });
  await until('the first frame', () => capturedOf(node) === 1, { timeoutMs: 20_000 });
  await until('the third frame', () => capturedOf(node) === 3);
  const { thumbnail } = described(node);
  expect(thumbnail).toMatchObject({ decode: { mode: 'keyframes' }, dropped: 0 });
  await untilListed(node);
  await expectUndisturbed(node);
});
