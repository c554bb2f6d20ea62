import type { ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, expect, it, vi } from 'vitest';
import { camera, startFfmpeg } from '../support/background-ffmpeg.js';
import { makeClip, runFfmpeg, temporaryFolder } from '../support/clip.js';
import { fileRoute, startHttpSource, textRoute } from '../support/http-source.js';
import { live } from '../support/live.js';
import { startNode } from '../support/node.js';
import { createPlaylistChecker } from '../support/playlist-check.js';
import { testCertificate } from '../support/rtmp-certificate.js';

let folder: string;
let clip: string;
let transportStream: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  clip = await makeClip({ path: join(folder, 'clip.mp4'), seconds: 8, keyframes: [0, 1, 2, 3, 4, 5, 6, 7] });
  transportStream = join(folder, 'clip.ts');
  await runFfmpeg(['-i', clip, '-c', 'copy', transportStream]);
});

const patience = { timeout: 60_000, interval: 100 };
const short = { hls: { segmentSeconds: 1 }, thumbnail: { intervalSeconds: 1, width: 160 } };

it('pulls an MP4 over HTTP from a host that has a name', async () => {
  const source = await startHttpSource({ routes: { '/clip.mp4': fileRoute(clip, 'video/mp4') } });
  const node = await startNode({ streams: [{ name: 'cam', source: `${source.url}/clip.mp4`, ...short }] });
  const { hls, source: described } = await live(node);
  expect(hls.resolution).toBe('640x360');
  expect(described.kind).toBe('http');
  // The source sees the name that the user wrote, and nothing of the way that the request took.
  expect(source.requests[0]!.headers).toMatchObject({ host: `localhost:${source.port}` });
  expect(Object.keys(source.requests[0]!.headers).filter((name) => name.startsWith('proxy-'))).toEqual([]);
});

it('pulls a transport stream over HTTP that never ends', async () => {
  const viewers = new Set<ServerResponse>();
  startFfmpeg([...camera, '-f', 'mpegts', 'pipe:1'], (piece) => {
    for (const viewer of viewers) viewer.write(piece);
  });
  const server = await startHttpSource({
    routes: {
      '/live.ts': (_request, response) => {
        response.writeHead(200, { 'content-type': 'video/mp2t' });
        viewers.add(response);
        response.on('close', () => viewers.delete(response));
      },
    },
  });
  const node = await startNode({ streams: [{ name: 'cam', source: `${server.url}/live.ts`, ...short }] });
  const { hls } = await live(node);
  expect(hls.resolution).toBe('320x180');
  expect((await node.stream('cam')).ffmpeg.restarts).toBe(0);
});

it('begins again when a transport stream over HTTP ends', async () => {
  const source = await startHttpSource({ routes: { '/clip.ts': fileRoute(transportStream, 'video/mp2t') } });
  const node = await startNode({ streams: [{ name: 'cam', source: `${source.url}/clip.ts`, ...short }] });
  await vi.waitFor(async () => expect((await node.stream('cam')).ffmpeg.restarts).toBeGreaterThan(1), patience);
  const { hls } = await live(node, 'cam', 4);
  expect(hls.resolution).toBe('640x360');
});

it('pulls over HTTPS from a camera with a certificate of its own making', async () => {
  const source = await startHttpSource({
    routes: { '/clip.mp4': fileRoute(clip, 'video/mp4') },
    tls: testCertificate,
  });
  const node = await startNode({ streams: [{ name: 'cam', source: `${source.url}/clip.mp4`, ...short }] });
  expect((await live(node)).hls.resolution).toBe('640x360');
});

it('follows a redirect from HTTP to another host', async () => {
  const target = await startHttpSource({ routes: { '/clip.mp4': fileRoute(clip, 'video/mp4') } });
  const source = await startHttpSource({
    routes: { '/go.mp4': textRoute(302, '', { location: `${target.url}/clip.mp4` }) },
  });
  const node = await startNode({ streams: [{ name: 'cam', source: `${source.url}/go.mp4`, ...short }] });
  expect((await live(node)).hls.resolution).toBe('640x360');
});

it("pulls another node's HLS", async () => {
  const first = await startNode({ streams: [{ name: 'cam', source: 'test', ...short }] });
  await live(first);
  const url = first.url.replace('127.0.0.1', 'localhost');
  const second = await startNode({ streams: [{ name: 'again', source: `${url}/live/cam/index.m3u8`, ...short }] });
  const { source, hls } = await live(second, 'again');
  expect(source.kind).toBe('hls');
  expect(hls.resolution).toBe('1280x720');
});

it('opens no local file that a playlist from the network leads to', async () => {
  const playlist = (uri: string) =>
    `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:8\n#EXTINF:8,\n${uri}\n#EXT-X-ENDLIST\n`;
  const source = await startHttpSource({
    routes: {
      '/url.m3u8': textRoute(200, playlist(`file://${transportStream}`)),
      '/concat.m3u8': textRoute(200, playlist(`concat:${transportStream}`)),
      '/subfile.m3u8': textRoute(200, playlist(`subfile,,start,0,end,0,,:${transportStream}`)),
    },
  });
  const streams = ['url', 'concat', 'subfile'].map((name) => ({ name, source: `${source.url}/${name}.m3u8` }));
  const node = await startNode({ streams });
  for (const { name } of streams) {
    await vi.waitFor(async () => {
      const { state, reason, hls, thumbnail } = await node.stream(name);
      expect({ name, state, segments: hls.segments, pictures: thumbnail.captured }).toEqual({
        name,
        state: 'failed',
        segments: 0,
        pictures: 0,
      });
      expect(reason?.code, name).toMatch(/^source-(refused|not-media|unavailable)$/);
    }, patience);
  }
  expect((await node.stream('url')).reason?.code).toBe('source-refused');
});

it('pulls RTMP', async () => {
  const port = await freePort();
  const server = startFfmpeg([...camera, '-f', 'flv', '-listen', '1', `rtmp://127.0.0.1:${port}/live/x`]);
  const node = await startNode({ streams: [{ name: 'cam', source: `rtmp://localhost:${port}/live/x`, ...short }] });
  const { hls, source } = await live(node);
  expect(source.kind).toBe('rtmp');
  expect(hls.resolution).toBe('320x180');
  expect(server.running(), server.stderr()).toBe(true);
});

it('encodes a file to its rendition', async () => {
  const node = await startNode({
    streams: [
      {
        name: 'cam',
        source: clip,
        renditions: [{ name: 'low', height: 120, bitrate: 200_000, fps: 10, preset: 'ultrafast' }],
        audio: 'aac',
        ...short,
      },
    ],
  });
  const { hls } = await live(node);
  expect(hls).toMatchObject({ resolution: '214x120', frameRate: 10 });
  // The fastest preset leaves out what the higher profiles have.
  expect(hls.codecs).toMatch(/^avc1\.42[0-9a-f]{4},mp4a\.40\.2$/);
  // Segments are as long as was asked for, though the file's keyframes do not say so.
  const { entries } = createPlaylistChecker().check((await node.text('/live/cam/low/index.m3u8')).body);
  for (const { durationSeconds } of entries.slice(0, 4)) expect(durationSeconds).toBeCloseTo(1, 1);
});

it('ends with the file when it is not to be looped', async () => {
  const node = await startNode({ streams: [{ name: 'cam', source: clip, loop: false, ...short }] });
  await vi.waitFor(async () => {
    const { state, reason, ffmpeg } = await node.stream('cam');
    expect({ state, reason }).toEqual({ state: 'idle', reason: null });
    expect(ffmpeg).toMatchObject({ pid: null, restarts: 0 });
  }, patience);
  const { body } = await node.text('/live/cam/source/index.m3u8');
  const { ended, entries } = createPlaylistChecker().check(body);
  expect(ended).toBe(true);
  // The last second is listed too.
  expect(entries.at(-1)!.sequence - entries[0]!.sequence).toBe(entries.length - 1);
  const { stdout } = await runFfmpeg(['-xerror', '-i', `${node.url}/live/cam/index.m3u8`, '-f', 'framecrc', '-']);
  expect(framesIn(stdout.toString())).toBeGreaterThanOrEqual(6 * 12);
});

it('goes on playing through a kill of ffmpeg', async () => {
  const node = await startNode({ streams: [{ name: 'cam', source: 'test', ...short }] });
  await live(node, 'cam', 3);
  const player = startFfmpeg(['-i', `${node.url}/live/cam/index.m3u8`, '-map', '0:v', '-f', 'framecrc', '-']);
  await vi.waitFor(() => expect(framesIn(player.stdout())).toBeGreaterThan(30), patience);
  const before = await node.stream('cam');
  process.kill(before.ffmpeg.pid!, 'SIGKILL');
  const shown = framesIn(player.stdout());
  // All that was there of the first run, listed and under way, and two seconds of the second run.
  const enough = shown + (before.hls.windowSeconds + 2) * 25 + 50;
  await vi.waitFor(() => expect(framesIn(player.stdout()), player.stderr()).toBeGreaterThan(enough), patience);
  expect(player.running()).toBe(true);
  expect((await node.stream('cam')).ffmpeg.restarts).toBe(1);
});

function framesIn(framecrc: string): number {
  return framecrc.split('\n').filter((line) => line.startsWith('0,')).length;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
