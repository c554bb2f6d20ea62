import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import ffmpeg from '@ffmpeg-installer/ffmpeg';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { startNode, type TestNode } from '../support/node.js';
import { createPlaylistChecker } from '../support/playlist-check.js';

const stream = {
  name: 'stage',
  source: 'push',
  keys: ['first-key-1', 'second-key-2'],
  hls: { segmentSeconds: 1 },
  thumbnail: { intervalSeconds: 1, width: 320 },
};

/** A publisher: H.264 and AAC over RTMP, as fast as a camera. */
function publish(node: TestNode, path: string, coding = ['-tune', 'zerolatency'], gop = 25): ChildProcess {
  const { port } = node.node.rtmpAddresses.rtmp!;
  const child = spawn(
    ffmpeg.path,
    [
      ...['-nostdin', '-v', 'error', '-re', '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25'],
      ...['-f', 'lavfi', '-i', 'sine=sample_rate=48000', '-c:v', 'libx264', '-preset', 'ultrafast', ...coding],
      ...[
        '-pix_fmt',
        'yuv420p',
        '-g',
        String(gop),
        '-c:a',
        'aac',
        '-f',
        'flv',
        `rtmp://127.0.0.1:${port}/live/${path}`,
      ],
    ],
    { stdio: 'ignore' },
  );
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
  return child;
}

const start = (more: object = {}) =>
  startNode({ rtmp: { host: '127.0.0.1', port: 0 }, streams: [{ ...stream, ...more }] });
const untilLive = (node: TestNode) =>
  vi.waitFor(
    async () => {
      const { state, hls, thumbnail } = await node.stream('stage');
      expect([state, hls.segments > 1, thumbnail.state]).toEqual(['live', true, 'fresh']);
    },
    { timeout: 20_000, interval: 50 },
  );

describe('a publisher', () => {
  it('of pictures in coding order gets by with keyframes: none of them waits for the next', async () => {
    const node = await start({ thumbnail: { intervalSeconds: 4, width: 320, staleAfterSeconds: 20 } });
    const everyTwoSeconds = ['-sc_threshold', '0', '-force_key_frames', 'expr:gte(t,n_forced*2)'];
    publish(node, 'stage?key=first-key-1', ['-bf', '3', ...everyTwoSeconds], 1000);
    const { thumbnail } = await vi.waitFor(
      async () => {
        const seen = await node.stream('stage');
        expect(seen.thumbnail.captured).toBeGreaterThan(4);
        return seen;
      },
      { timeout: 40_000, interval: 50 },
    );
    // Held back by two keyframes, two seconds each, they would be too old, and more would be decoded by now.
    expect(thumbnail.decode).toMatchObject({ mode: 'keyframes', keyframeIntervalSeconds: 2 });
    expect(thumbnail.decoderErrors).toBe(0);
  }, 60_000);

  it('opens its stream with either key; a wrong one opens nothing', async () => {
    const node = await start();
    expect((await node.stream('stage')).state).toBe('idle');
    expect((await node.text('/live/stage/thumbnail.jpg')).status).toBe(200);
    const [wrong] = await once(publish(node, 'stage?key=not-the-key'), 'exit');
    expect(wrong).not.toBe(0);
    expect((await node.stream('stage')).state).toBe('idle');
    const publisher = publish(node, 'second-key-2');
    await untilLive(node);
    const { ffmpeg: child, source } = await node.stream('stage');
    expect(child.pid).not.toBe(publisher.pid);
    expect(source).toEqual({ kind: 'push', url: 'push' });
    expect(JSON.stringify(node.log)).not.toContain('second-key-2');
  }, 60_000);

  it('that comes back in time goes on with the same window, after a discontinuity', async () => {
    const node = await start();
    const checker = createPlaylistChecker();
    const first = publish(node, 'stage?key=first-key-1');
    await untilLive(node);
    const before = checker.check((await node.text('/live/stage/source/index.m3u8')).body);
    first.kill('SIGKILL');
    await vi.waitFor(async () => expect((await node.stream('stage')).state).toBe('recovering'), { timeout: 20_000 });
    expect((await node.text('/live/stage/source/index.m3u8')).body).not.toContain('ENDLIST');
    publish(node, 'stage?key=first-key-1');
    await vi.waitFor(
      async () => {
        const after = checker.check((await node.text('/live/stage/source/index.m3u8')).body);
        expect(after.entries.at(-1)!.discontinuityNumber).toBe(before.entries.at(-1)!.discontinuityNumber + 1);
      },
      { timeout: 20_000, interval: 100 },
    );
  }, 60_000);

  it('that stays away ends the stream; the next one begins it anew', async () => {
    const node = await start({ publish: { graceSeconds: 0.2 } });
    const first = publish(node, 'stage?key=first-key-1');
    await untilLive(node);
    first.kill('SIGKILL');
    await vi.waitFor(async () => expect((await node.stream('stage')).state).toBe('idle'), { timeout: 20_000 });
    expect((await node.text('/live/stage/source/index.m3u8')).body).toContain('ENDLIST');
    publish(node, 'stage?key=first-key-1');
    await vi.waitFor(
      async () => expect((await node.text('/live/stage/source/index.m3u8')).body).not.toContain('ENDLIST'),
      { timeout: 20_000, interval: 50 },
    );
    expect((await node.stream('stage')).state).toBe('live');
  }, 60_000);

  it('stays connected while ffmpeg is killed, and feeds the next one', async () => {
    const node = await start();
    const publisher = publish(node, 'stage?key=first-key-1');
    await untilLive(node);
    const { pid } = (await node.stream('stage')).ffmpeg;
    process.kill(pid!, 'SIGKILL');
    await vi.waitFor(async () => expect((await node.stream('stage')).ffmpeg.restarts).toBe(1), { timeout: 10_000 });
    await untilLive(node);
    expect(publisher.exitCode).toBeNull();
    expect((await node.stream('stage')).ffmpeg.pid).not.toBe(pid);
  }, 60_000);
});
