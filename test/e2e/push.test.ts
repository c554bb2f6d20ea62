import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { type BackgroundFfmpeg, recordedCamera, startFfmpeg } from '../support/background-ffmpeg.js';
import { makeClip, temporaryFolder } from '../support/clip.js';
import { startNode, type TestNode } from '../support/node.js';
import { createPlaylistChecker } from '../support/playlist-check.js';

const stream = {
  name: 'stage',
  source: 'push',
  keys: ['first-key-1', 'second-key-2'],
  hls: { segmentSeconds: 1 },
  thumbnail: { intervalSeconds: 1, width: 320 },
};

let clip: string;
let reordered: string;

beforeAll(async () => {
  const folder = await temporaryFolder();
  [clip, reordered] = await Promise.all([
    makeClip({ path: join(folder, 'clip.mp4'), seconds: 8, fps: 25, size: '320x180', keyframes: seconds(8, 1) }),
    makeClip({ path: join(folder, 'reordered.mp4'), seconds: 60, fps: 25, size: '320x180', bFrames: 3 }),
  ]);
});

function seconds(count: number, step: number): number[] {
  return Array.from({ length: count / step }, (_, index) => index * step);
}

/** A publisher: H.264 and AAC over RTMP, as fast as a camera. */
function publish(node: TestNode, path: string, media = clip): BackgroundFfmpeg {
  const { port } = node.node.rtmpAddresses.rtmp!;
  return startFfmpeg([...recordedCamera(media), '-f', 'flv', `rtmp://127.0.0.1:${port}/live/${path}`]);
}

const start = (more: object = {}) =>
  startNode({ rtmp: { host: '127.0.0.1', port: 0 }, streams: [{ ...stream, ...more }] });
const untilLive = (node: TestNode) =>
  vi.waitFor(
    async () => {
      const { state, hls, thumbnail } = await node.stream('stage');
      expect([state, hls.segments > 1, thumbnail.state]).toEqual(['live', true, 'fresh']);
    },
    { timeout: 60_000, interval: 50 },
  );

describe('a publisher', () => {
  it('of pictures in coding order gets by with keyframes: none of them waits for the next', async () => {
    const node = await start({ thumbnail: { intervalSeconds: 4, width: 320, staleAfterSeconds: 20 } });
    publish(node, 'stage?key=first-key-1', reordered);
    const { thumbnail } = await vi.waitFor(
      async () => {
        const seen = await node.stream('stage');
        expect(seen.thumbnail.captured).toBeGreaterThan(4);
        return seen;
      },
      { timeout: 60_000, interval: 50 },
    );
    // Held back by two keyframes, two seconds each, they would be too old, and more would be decoded by now.
    expect(thumbnail.decode).toMatchObject({ mode: 'keyframes', keyframeIntervalSeconds: 2 });
    expect(thumbnail.decoderErrors).toBe(0);
  });

  it('opens its stream with either key; a wrong one opens nothing', async () => {
    const node = await start();
    expect((await node.stream('stage')).state).toBe('idle');
    expect((await node.text('/live/stage/thumbnail.jpg')).status).toBe(200);
    const wrong = publish(node, 'stage?key=not-the-key');
    await wrong.exited;
    expect(wrong.stderr()).not.toBe('');
    expect((await node.stream('stage')).state).toBe('idle');
    const publisher = publish(node, 'second-key-2');
    await untilLive(node);
    const { ffmpeg: child, source } = await node.stream('stage');
    expect(child.pid).not.toBe(publisher.pid);
    expect(source).toEqual({ kind: 'push', url: 'push', warnings: [] });
    expect(JSON.stringify(node.log)).not.toContain('second-key-2');
  });

  it('that comes back in time goes on with the same window, after a discontinuity', async () => {
    const node = await start();
    const checker = createPlaylistChecker();
    const first = publish(node, 'stage?key=first-key-1');
    await untilLive(node);
    const before = checker.check((await node.text('/live/stage/source/index.m3u8')).body);
    first.kill();
    await vi.waitFor(async () => expect((await node.stream('stage')).state).toBe('recovering'), { timeout: 60_000 });
    expect((await node.text('/live/stage/source/index.m3u8')).body).not.toContain('ENDLIST');
    publish(node, 'stage?key=first-key-1');
    await vi.waitFor(
      async () => {
        const after = checker.check((await node.text('/live/stage/source/index.m3u8')).body);
        expect(after.entries.at(-1)!.discontinuityNumber).toBe(before.entries.at(-1)!.discontinuityNumber + 1);
      },
      { timeout: 60_000, interval: 100 },
    );
  });

  it('that stays away ends the stream; the next one begins it anew', async () => {
    const node = await start({ publish: { graceSeconds: 0.2 } });
    const first = publish(node, 'stage?key=first-key-1');
    await untilLive(node);
    first.kill();
    await vi.waitFor(async () => expect((await node.stream('stage')).state).toBe('idle'), { timeout: 60_000 });
    expect((await node.text('/live/stage/source/index.m3u8')).body).toContain('ENDLIST');
    publish(node, 'stage?key=first-key-1');
    await vi.waitFor(
      async () => expect((await node.text('/live/stage/source/index.m3u8')).body).not.toContain('ENDLIST'),
      { timeout: 60_000, interval: 50 },
    );
    expect((await node.stream('stage')).state).toBe('live');
  });

  it('stays connected while ffmpeg is killed, and feeds the next one', async () => {
    const node = await start();
    const publisher = publish(node, 'stage?key=first-key-1');
    await untilLive(node);
    const { pid } = (await node.stream('stage')).ffmpeg;
    process.kill(pid!, 'SIGKILL');
    await vi.waitFor(async () => expect((await node.stream('stage')).ffmpeg.restarts).toBe(1), { timeout: 60_000 });
    await untilLive(node);
    expect(publisher.running()).toBe(true);
    expect((await node.stream('stage')).ffmpeg.pid).not.toBe(pid);
  });
});
