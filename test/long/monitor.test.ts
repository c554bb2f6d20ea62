import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { signPlayback } from '../../src/http/access/playback-token.js';
import { makeClip, runFfmpeg, temporaryFolder } from '../support/clip.js';
import { openDeafViewer, openViewer, openViewerAt, refusedUpgrade } from '../support/monitor-viewer.js';
import { startNode, type TestNode } from '../support/node.js';
import { createPlaylistChecker } from '../support/playlist-check.js';
import { until } from '../support/wait.js';

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});

const start = (more: object = {}) =>
  startNode({
    streams: [
      {
        name: 'cam',
        source: 'test',
        hls: { segmentSeconds: 1 },
        thumbnail: { intervalSeconds: 1, width: 320 },
        monitor: { width: 320, bitrate: 400_000, viewers: 2 },
        ...more,
      },
    ],
  });
const untilLive = (node: TestNode) =>
  until('a live stream', async () => (await node.stream('cam')).state === 'live', { timeoutMs: 60_000 });

/** What ffmpeg's own demuxer and decoder say of a monitor's bytes: the pictures' sizes, one each. */
async function decode(bytes: Buffer): Promise<string[]> {
  const path = join(folder, `${Math.random()}.ts`);
  await writeFile(path, bytes);
  const { stderr } = await runFfmpeg(['-v', 'info', '-i', path, '-vf', 'showinfo', '-f', 'null', '-']);
  return [...stderr.matchAll(/ n: *\d+ .* s:(\d+x\d+)/g)].map((match) => match[1]!);
}

describe('a monitor', () => {
  it('shows every viewer MPEG-1 in MPEG-TS behind the JSMpeg header, out of the stream’s one ffmpeg', async () => {
    const node = await start();
    const viewer = await openViewer(node.url);
    await until('two seconds of picture', () => viewer.stream().length > 80_000, { timeoutMs: 60_000 });
    const [header] = viewer.messages;
    expect(header).toEqual(Buffer.from([...Buffer.from('jsmp'), 1, 64, 0, 180]));
    for (const message of viewer.messages.slice(1)) expect(message.length % 188).toBe(0);
    expect(viewer.stream()[0]).toBe(0x47);
    const sizes = await decode(viewer.stream());
    expect(sizes.length).toBeGreaterThan(10);
    expect(new Set(sizes)).toEqual(new Set(['320x180']));
    const { monitor, ffmpeg } = await node.stream('cam');
    expect(monitor).toEqual({
      ...{ url: '/live/cam/monitor', width: 320, height: 180, fps: 30, bitrate: 400_000 },
      ...{ viewers: 1, dropped: 0 },
    });
    expect(ffmpeg.restarts).toBe(0);
    expect((await node.text('/metrics')).body).toContain('sidepipe_monitor_viewers{stream="cam"} 1');
  });

  it('goes on over a new ffmpeg: who looks on stays', async () => {
    const node = await start();
    await untilLive(node);
    const viewer = await openViewer(node.url);
    await until('picture', () => viewer.messages.length > 5);
    const { pid } = (await node.stream('cam')).ffmpeg;
    process.kill(pid!, 'SIGKILL');
    await until('another ffmpeg', async () => {
      const { state, ffmpeg } = await node.stream('cam');
      return state === 'live' && ffmpeg.pid !== pid;
    });
    const before = viewer.stream().length;
    await until('more picture', () => viewer.stream().length > before + 80_000);
    expect(viewer.socket.readyState).toBe(viewer.socket.OPEN);
    expect((await decode(viewer.stream().subarray(before - (before % 188)))).length).toBeGreaterThan(10);
  });

  it('of a signed stream opens by the address in its watch page, and by none without the token', async () => {
    const keys = [{ id: 'k1', secret: 'a-secret-of-at-least-32-characters' }];
    const node = await start({ playback: { access: 'signed', keys } });
    const token = signPlayback({ key: keys[0]!, stream: 'cam', expiresAt: Date.now() + 600_000 });
    const addressIn = async (page: string) => {
      const [, address] = /data-monitor-url="([^"]*)"/.exec((await node.text(page)).body) ?? [];
      return address && new URL(address.replaceAll('&amp;', '&'), new URL(page, node.url)).href;
    };
    const refusal = async (url: string) => {
      const { status, body } = await refusedUpgrade(url, { origin: node.url });
      return [status, JSON.parse(body).reason];
    };
    const plain = `${node.url}/live/cam/monitor`;
    const address = await addressIn(`/watch/cam?token=${token}`);
    expect(address).toBe(`${plain}?token=${token}`);
    expect(await refusal(plain)).toEqual([403, 'missing']);
    expect(await refusal(`${address}x`)).toEqual([403, 'signature']);
    const expired = signPlayback({ key: keys[0]!, stream: 'cam', expiresAt: Date.now() - 1000 });
    expect(await refusal(`${plain}?token=${expired}`)).toEqual([403, 'expired']);
    expect(await addressIn('/watch/cam')).toBeUndefined();
    const viewer = await openViewerAt(address!, node.url);
    await until('picture', () => viewer.messages.length > 5, { timeoutMs: 60_000 });
  });

  it('has room for so many viewers, and lets them go when the node ends', async () => {
    const node = await start();
    await untilLive(node);
    const viewers = [await openViewer(node.url), await openViewer(node.url)];
    await expect(openViewer(node.url)).rejects.toThrow('503');
    viewers[0]!.socket.close();
    await viewers[0]!.closed;
    const third = await until('room', () => openViewer(node.url).catch(() => undefined));
    await node.node.close();
    expect(await third.closed).toBe(1013);
  });

  it('goes on for HLS, pictures and other viewers beside one that takes nothing', async () => {
    const node = await start();
    await untilLive(node);
    const checker = createPlaylistChecker();
    const playlist = async () => checker.check((await node.text('/live/cam/source/index.m3u8')).body);
    await openDeafViewer(node.url);
    const viewer = await openViewer(node.url);
    const first = await until('a playlist', () => playlist().catch(() => undefined));
    const wanted = first.entries.at(-1)!.sequence + 3;
    await until('three more segments', async () => (await playlist()).entries.at(-1)!.sequence >= wanted);
    expect(viewer.stream().length).toBeGreaterThan(100_000);
    const { thumbnail, ffmpeg, monitor } = await node.stream('cam');
    expect([thumbnail.state, ffmpeg.restarts, monitor?.viewers]).toEqual(['fresh', 0, 2]);
  });

  it('of a copied stream decodes every picture, in a frame of one size', async () => {
    const path = await makeClip({ path: join(folder, 'square.ts'), seconds: 4, size: '240x240', bFrames: 2 });
    const node = await start({ source: path });
    await untilLive(node);
    const viewer = await openViewer(node.url);
    // Decoding starts at a sequence header, which a viewer who joins in between waits for.
    const header = Buffer.from([0, 0, 1, 0xb3]);
    const decodable = () => viewer.stream().length - viewer.stream().indexOf(header);
    await until('pictures', () => viewer.stream().includes(header) && decodable() > 60_000, { timeoutMs: 60_000 });
    expect(new Set(await decode(viewer.stream()))).toEqual(new Set(['320x180']));
    await until('a segment', async () => (await node.stream('cam')).hls.resolution !== null, { timeoutMs: 60_000 });
    const { thumbnail, hls } = await node.stream('cam');
    expect(thumbnail.decode.mode).toBe('all');
    expect(hls.resolution).toBe('240x240');
  });
});
