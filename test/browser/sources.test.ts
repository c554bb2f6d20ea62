import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { camera, startFfmpeg } from '../support/background-ffmpeg.js';
import { freeUdpPort } from '../support/free-port.js';
import { live } from '../support/live.js';
import { startNode } from '../support/node.js';

// Needs Debian's ffmpeg, which has libsrt, and gir1.2-gst-rtsp-server-1.0, gstreamer1.0-rtsp, python3-gi and the plugins.

const DEBIAN = '/usr/bin/ffmpeg';
const patience = { timeout: 40_000, interval: 100 };
const short = { hls: { segmentSeconds: 1 }, thumbnail: { intervalSeconds: 1, width: 160 } };

/** GStreamer's RTSP server; resolves with its port. */
async function startGstreamer(...auth: string[]): Promise<number> {
  const script = new URL('../support/gst-rtsp-server.py', import.meta.url).pathname;
  const child = spawn('/usr/bin/python3', [script, ...auth], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return Number(line.toString());
}

describe("GStreamer's RTSP server", () => {
  it.each(['tcp', 'udp'] as const)(
    'is pulled over %s',
    async (transport) => {
      const port = await startGstreamer();
      const source = `rtsp://127.0.0.1:${port}/cam`;
      const node = await startNode({ streams: [{ name: 'cam', source, rtsp: { transport }, ...short }] });
      const { hls, ffmpeg } = await live(node, 'cam', 3);
      expect(hls.resolution).toBe('320x180');
      expect(hls.codecs).toMatch(/^avc1\.[0-9a-f]{6},mp4a\.40\.2$/);
      expect(ffmpeg.restarts).toBe(0);
    },
    60_000,
  );

  it.each(['basic', 'digest'])(
    'lets in by %s, and not with a wrong password',
    async (scheme) => {
      const port = await startGstreamer(scheme, 'viewer', 'right-one');
      const sourceWith = (password: string) => `rtsp://viewer:${password}@127.0.0.1:${port}/cam`;
      const node = await startNode({ streams: [{ name: 'cam', source: sourceWith('right-one'), ...short }] });
      await live(node);
      const other = await startNode({ streams: [{ name: 'cam', source: sourceWith('wrong-one'), ...short }] });
      await vi.waitFor(async () => {
        const described = await other.stream('cam');
        expect(described).toMatchObject({ state: 'failed', reason: { code: 'source-refused' } });
        expect(described.reason?.message).toMatch(/username or password/);
      }, patience);
    },
    90_000,
  );

  it('is pulled by a stream of the API, through the node', async () => {
    const port = await startGstreamer('digest', 'viewer', 'right-one');
    const node = await startNode({ api: { sources: { networks: { allow: ['127.0.0.1'] } } } });
    const source = `rtsp://viewer:right-one@127.0.0.1:${port}/cam`;
    expect((await node.api('POST', 'streams', { name: 'cam', source, ...short })).status).toBe(201);
    expect((await live(node)).hls.resolution).toBe('320x180');
  }, 60_000);
});

describe('SRT', () => {
  const passphrase = 'correct-horse-1';
  const publish = (url: string) => startFfmpeg([...camera, '-f', 'mpegts', url], undefined, DEBIAN);

  it.each(['settings', 'address'])(
    'calls with a passphrase from its %s',
    async (place) => {
      const port = await freeUdpPort();
      publish(`srt://127.0.0.1:${port}?mode=listener&passphrase=${encodeURIComponent(passphrase)}`);
      const query = place === 'address' ? `?passphrase=${encodeURIComponent(passphrase)}` : '';
      const srt = place === 'address' ? {} : { passphrase };
      const node = await startNode({
        ffmpeg: { path: DEBIAN },
        streams: [{ name: 'cam', source: `srt://127.0.0.1:${port}${query}`, srt, ...short }],
      });
      const described = await live(node);
      expect(described.source.kind).toBe('srt');
      expect(described.ffmpeg.restarts).toBe(0);
      // Other users of the machine read it.
      const command = await readFile(`/proc/${described.ffmpeg.pid}/cmdline`, 'utf8');
      expect(command).toMatch(/\0-i\0hls\+http:\/\/127(?:\.\d+){3}:\d+\/[0-9a-f]{32}\.m3u8\0/);
      for (const text of [JSON.stringify(described), JSON.stringify(node.log), command]) {
        expect(text).not.toContain(passphrase);
        expect(text).not.toContain(encodeURIComponent(passphrase));
      }
    },
    60_000,
  );

  it('listens, is called, and is there again when the caller comes back', async () => {
    const port = await freeUdpPort();
    const node = await startNode({
      ffmpeg: { path: DEBIAN },
      streams: [{ name: 'cam', source: `srt://127.0.0.1:${port}`, srt: { mode: 'listener', passphrase }, ...short }],
    });
    const url = `srt://127.0.0.1:${port}?passphrase=${encodeURIComponent(passphrase)}`;
    await vi.waitFor(async () => expect((await node.stream('cam')).ffmpeg.pid).not.toBeNull(), patience);
    const first = await call(url);
    await live(node);
    first.kill();
    await vi.waitFor(async () => expect((await node.stream('cam')).ffmpeg.restarts).toBeGreaterThan(0), patience);
    await call(url);
    await live(node, 'cam', 4);
  }, 120_000);

  /** A caller that tries until somebody listens, as encoders do. */
  async function call(url: string) {
    for (;;) {
      const caller = publish(url);
      const isOver = await Promise.race([caller.exited.then(() => true), once(AbortSignal.timeout(4000), 'abort')]);
      if (isOver !== true) return caller;
    }
  }

  it('does not play with a wrong passphrase, and says why', async () => {
    const port = await freeUdpPort();
    publish(`srt://127.0.0.1:${port}?mode=listener&passphrase=${encodeURIComponent(passphrase)}`);
    const node = await startNode({
      ffmpeg: { path: DEBIAN },
      streams: [{ name: 'cam', source: `srt://127.0.0.1:${port}`, srt: { passphrase: 'another-one-1' }, ...short }],
    });
    await vi.waitFor(async () => {
      const { state, reason } = await node.stream('cam');
      expect({ state, code: reason?.code }).toEqual({ state: 'failed', code: 'source-refused' });
      expect(reason?.message).toMatch(/passphrase/);
    }, patience);
    expect(JSON.stringify([await node.stream('cam'), node.log])).not.toContain('another-one-1');
  }, 60_000);
});
