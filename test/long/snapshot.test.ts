import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { ConfigInput } from '../../src/config/schema/schema.js';
import { startFfmpeg } from '../support/background-ffmpeg.js';
import { makeClip, temporaryFolder } from '../support/clip.js';
import { ffmpegs } from '../support/ffmpeg.js';
import { startNode, type TestNode } from '../support/node.js';

const token = 'the-admin-token-of-this-test';
const headers = { authorization: `Bearer ${token}` };
/** Far smaller than any source here: a snapshot is another picture. */
const thumbnail = { intervalSeconds: 1, width: 160 };

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});

function start(stream: NonNullable<ConfigInput['streams']>[number], ffmpegPath?: string): Promise<TestNode> {
  return startNode({
    admin: { token },
    rtmp: { host: '127.0.0.1', port: 0 },
    ...(ffmpegPath === undefined ? {} : { ffmpeg: { path: ffmpegPath } }),
    streams: [{ thumbnail, ...stream }],
  });
}

const untilLive = (node: TestNode, name: string) =>
  vi.waitFor(async () => expect((await node.stream(name)).state).toBe('live'), { timeout: 60_000, interval: 50 });

const snapshot = (node: TestNode, name: string, query = '') =>
  fetch(`${node.url}/api/v1/streams/${name}/snapshot${query}`, { method: 'POST', headers });

async function sizeIn(response: Response): Promise<string> {
  expect(response.status).toBe(200);
  const { width, height } = await sharp(Buffer.from(await response.arrayBuffer())).metadata();
  return `${width}x${height}`;
}

describe.each(ffmpegs)('snapshots with the $name ffmpeg', ({ path }) => {
  it('gives a copied stream at its own size within a GOP, from the one process', async () => {
    const clip = await makeClip({ path: join(folder, 'copied.mp4'), seconds: 20, size: '854x480' });
    // Another way of decoding, chosen in mid-test, would be another process.
    const node = await start({ name: 'yard', source: clip, thumbnail: { ...thumbnail, decode: 'keyframes' } }, path);
    await untilLive(node, 'yard');
    const before = await node.stream('yard');
    const askedAt = Date.now();
    const first = await snapshot(node, 'yard');
    // Keyframes are 2 s apart.
    const capturedAt = Date.parse(first.headers.get('sidepipe-captured-at') ?? '');
    expect(Math.abs(capturedAt - askedAt)).toBeLessThan(8000);
    expect(await sizeIn(first)).toBe('854x480');
    const [second, third] = await Promise.all([snapshot(node, 'yard', '?format=webp'), snapshot(node, 'yard')]);
    expect(second.headers.get('content-type')).toBe('image/webp');
    expect(second.headers.get('sidepipe-captured-at')).toBe(third.headers.get('sidepipe-captured-at'));
    expect(Date.parse(second.headers.get('sidepipe-captured-at') ?? '')).toBeGreaterThan(capturedAt);
    expect(await sizeIn(third)).toBe('854x480');
    const after = await node.stream('yard');
    expect(after.ffmpeg.pid).toBe(before.ffmpeg.pid);
    expect(after.ffmpeg.restarts).toBe(0);
    expect(after.thumbnail.width).toBe(160);
  });

  it('gives a stream that is encoded at its source’s size', async () => {
    const node = await start({ name: 'demo', source: 'test', renditions: [{ height: 180, bitrate: 200_000 }] }, path);
    await untilLive(node, 'demo');
    expect(await sizeIn(await snapshot(node, 'demo'))).toBe('1280x720');
  });

  it('gives a publisher’s stream', async () => {
    const node = await start({ name: 'stage', source: 'push', keys: ['a-stream-key'] }, path);
    startFfmpeg([
      ...['-re', '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25', '-c:v', 'libx264', '-preset', 'ultrafast'],
      ...['-tune', 'zerolatency', '-pix_fmt', 'yuv420p', '-g', '25', '-f', 'flv'],
      `rtmp://127.0.0.1:${node.node.rtmpAddresses.rtmp!.port}/live/a-stream-key`,
    ]);
    await untilLive(node, 'stage');
    expect(await sizeIn(await snapshot(node, 'stage'))).toBe('640x360');
  });
});

it('says so when there is nothing to take a picture of, and when nobody may', async () => {
  const node = await start({ name: 'gone', source: 'rtsp://127.0.0.1:1/none' });
  const response = await snapshot(node, 'gone');
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ code: 'no-picture' });
  const refused = await fetch(`${node.url}/api/v1/streams/gone/snapshot`, { method: 'POST' });
  expect(refused.status).toBe(401);
});
