import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { readCapabilities } from '../../src/ffmpeg/capabilities.js';
import { createOrphanGuard } from '../../src/ffmpeg/guard.js';
import { tryArgumentSets } from '../../src/stream/trial/argument-trial.js';
import { makeClip, temporaryFolder } from '../support/clip.js';
import { embedded, providedFfmpeg } from '../support/ffmpeg.js';
import { startHttpSource } from '../support/http-source.js';
import { live } from '../support/live.js';
import { startNode, type TestNode } from '../support/node.js';
import { makeOddHls } from '../support/odd-hls.js';

/**
 * Every ffmpeg that .ci/ffmpeg-versions provides: all command lines that the node can make, and a node of its own. Run by .ci/run
 * as the project `versions`.
 */
/** Sets of parts that a build is made without. */
const versions = [
  { name: '4.1-x64', missing: ['SRT, calling'] },
  { name: '4.1-arm64', missing: ['SRT, calling'], isEmulated: true },
  { name: '4.1-arm', missing: ['SRT, calling'], isEmulated: true },
  { name: '5.1', missing: [] },
  { name: '7.1', missing: [] },
  { name: 'sid', missing: [] },
  { name: '9.0.2', missing: [] },
];

beforeAll(() => {
  for (const { name } of versions) {
    if (!existsSync(providedFfmpeg(name)))
      throw new Error(`${providedFfmpeg(name)} is missing: run .ci/ffmpeg-versions`);
  }
});

it.each(versions)(
  'ffmpeg $name runs every command line that the node can make',
  async ({ name, missing, isEmulated = false }) => {
    const capabilities = await readCapabilities(providedFfmpeg(name));
    const guard = await createOrphanGuard();
    onTestFinished(() => guard.close());
    // Under emulation the clip itself takes longer than it lasts.
    const patience = isEmulated ? { concurrency: 1, timeoutMs: 120_000 } : { concurrency: 2, timeoutMs: 60_000 };
    const results = await tryArgumentSets({ capabilities, guard, ...patience });
    const accepted = results.filter(({ outcome }) => outcome === 'ok').length;
    process.stdout.write(`ffmpeg ${name} (${capabilities.version}): ${accepted} argument sets\n`);
    expect(results.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
    expect(results.filter(({ outcome }) => outcome === 'missing').map((each) => each.name)).toEqual(missing);
    expect(accepted + missing.length).toBeGreaterThanOrEqual(32);
  },
  900_000,
);

it('finds a build that crashes on reading MPEG-TS', async () => {
  const results = await tryArgumentSets({ capabilities: await readCapabilities(providedFfmpeg('7.0.2')) });
  const failed = results.filter(({ outcome }) => outcome === 'failed');
  expect(failed.map(({ name }) => name)).toEqual([
    'HTTP, live',
    'HTTP under a source policy, wall clock',
    'HLS',
    'HLS, near its end',
  ]);
  for (const { detail } of failed) expect(detail).toMatch(/ffmpeg crashed \(SIGSEGV\)/);
}, 300_000);

const token = 'an-admin-token-of-this-test';
const thumbnail = { intervalSeconds: 1, width: 160 };
const hls = { segmentSeconds: 1 };

/** Publishes over RTMP until the test's end. */
function publish(node: TestNode): void {
  const { port } = node.node.rtmpAddresses.rtmp!;
  const picture = ['-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25', '-f', 'lavfi', '-i', 'sine'];
  const coding = [
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-pix_fmt',
    'yuv420p',
    '-g',
    '25',
    '-bf',
    '2',
    '-c:a',
    'aac',
  ];
  const args = ['-nostdin', '-v', 'error', ...picture, ...coding, '-f', 'flv'];
  const child = spawn(embedded.path, [...args, `rtmp://127.0.0.1:${port}/live/a-stream-key-1`], { stdio: 'ignore' });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
}

describe.each(versions.filter(({ isEmulated }) => !isEmulated))('a node on ffmpeg $name', ({ name }) => {
  const start = (stream: object) =>
    startNode({
      admin: { token },
      ffmpeg: { path: providedFfmpeg(name) },
      streams: [{ name: 'cam', source: 'test', thumbnail, hls, ...stream }],
    });
  let clip: string;
  beforeAll(async () => {
    const path = join(await temporaryFolder(), 'clip.mp4');
    // A rate that MPEG-1, the monitor's codec, does not know.
    clip = await makeClip({ path, seconds: 6, fps: 12.5, size: '320x180', keyframes: [0, 1, 2, 3, 4, 5], bFrames: 2 });
  }, 60_000);

  it('copies a file to MPEG-TS with fresh thumbnails, and gives a snapshot', async () => {
    const node = await start({ source: clip });
    await live(node);
    const response = await fetch(`${node.url}/api/v1/streams/cam/snapshot`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    });
    expect(response.status).toBe(200);
    expect(await sharp(Buffer.from(await response.arrayBuffer())).metadata()).toMatchObject({
      width: 320,
      height: 180,
    });
    expect((await node.stream('cam')).ffmpeg.restarts).toBeLessThanOrEqual(2);
  }, 120_000);

  it('is not taken for stalled while the source moves on', async () => {
    const node = await startNode({
      admin: { token },
      ffmpeg: { path: providedFfmpeg(name), stallTimeoutSeconds: 4 },
      streams: [{ name: 'cam', source: clip, hls: { segmentSeconds: 1, windowSegments: 20 } }],
    });
    await live(node, 'cam', 12);
    const { ffmpeg } = await node.stream('cam');
    expect([ffmpeg.restarts, Math.abs((ffmpeg.speed ?? 0) - 1) < 0.5], JSON.stringify(node.log)).toEqual([0, true]);
  }, 120_000);

  it('copies a file to fMP4', async () => {
    const node = await start({ source: clip, hls: { ...hls, container: 'fmp4' } });
    await live(node);
    expect((await node.segments('cam'))[0]).toMatch(/\.m4s$/);
  }, 120_000);

  it('plays a publisher', async () => {
    const node = await start({ source: 'push', keys: ['a-stream-key-1'] });
    publish(node);
    await live(node);
  }, 120_000);

  it('plays HLS whose URL says nothing, and a transport stream whose URL says HLS, under the source policy too', async () => {
    const { routes } = await makeOddHls(60);
    const source = await startHttpSource({ routes, host: '127.0.0.1' });
    const paths = ['live', 'text', 'locked', 'stream.m3u8'];
    const node = await startNode({
      admin: { token },
      ffmpeg: { path: providedFfmpeg(name) },
      api: { sources: { networks: { allow: ['127.0.0.1'] } } },
      streams: paths.map((path, index) => ({ name: `own${index}`, source: `${source.url}/${path}`, thumbnail, hls })),
    });
    for (const [index, path] of paths.entries()) {
      const created = await node.api('POST', 'streams', {
        name: `api${index}`,
        source: `${source.url}/${path}`,
        thumbnail,
        hls,
      });
      expect(created.status).toBe(201);
    }
    for (const stream of paths.flatMap((_, index) => [`own${index}`, `api${index}`])) {
      const { ffmpeg, hls } = await live(node, stream);
      expect([stream, ffmpeg.restarts, hls.resolution]).toEqual([stream, 0, '320x180']);
    }
  }, 180_000);

  it('encodes with the monitor, of a rate that the monitor does not know', async () => {
    const rendition = { name: 'low', height: 90, bitrate: 200_000, preset: 'ultrafast' };
    const node = await start({ source: clip, renditions: [rendition], monitor: true });
    await live(node);
    await vi.waitFor(async () => expect((await node.segments('cam', 'low')).length).toBeGreaterThan(2), 30_000);
    expect((await node.stream('cam')).ffmpeg.restarts).toBe(0);
  }, 120_000);
});
