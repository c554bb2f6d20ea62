import { expect, it, vi } from 'vitest';
import { camera, startFfmpeg } from '../support/background-ffmpeg.js';
import { live } from '../support/live.js';
import { startNode } from '../support/node.js';
import { createPlaylistChecker } from '../support/playlist-check.js';
import { testCertificate } from '../support/rtmp-certificate.js';
import { type RtspServer, type RtspServerOptions, startRtspServer } from '../support/rtsp-server.js';

const patience = { timeout: 60_000, interval: 100 };
const short = { hls: { segmentSeconds: 1 }, thumbnail: { intervalSeconds: 1, width: 160 } };

/** A relay with a camera that publishes to it. */
async function startCamera(options: RtspServerOptions = {}, media = camera): Promise<RtspServer> {
  const server = await startRtspServer(options);
  const url = `${options.tls === undefined ? 'rtsp' : 'rtsps'}://${server.address}:${server.port}/cam`;
  const publisher = startFfmpeg([...media, '-f', 'rtsp', '-rtsp_transport', 'tcp', url]);
  await Promise.race([
    server.published,
    publisher.exited.then(() => Promise.reject(new Error(`the camera ended: ${publisher.stderr()}`))),
  ]);
  return server;
}

it('pulls RTSP over TCP, picture and sound', async () => {
  const server = await startCamera();
  const node = await startNode({
    streams: [{ name: 'cam', source: `rtsp://localhost:${server.port}/cam`, ...short }],
  });
  const { hls, source, ffmpeg } = await live(node);
  expect(source.kind).toBe('rtsp');
  expect(hls.resolution).toBe('320x180');
  expect(hls.codecs).toMatch(/^avc1\.[0-9a-f]{6},mp4a\.40\.2$/);
  expect(ffmpeg.restarts).toBe(0);
  expect(server.plays).toBe(1);
  expect(server.transports).toHaveLength(2);
  for (const transport of server.transports) expect(transport).toMatch(/^RTP\/AVP\/TCP;unicast;interleaved=/);
});

it('says nothing against a camera that it joins between two keyframes', async () => {
  const server = await startCamera({}, [...camera, '-g', '50']);
  const node = await startNode({
    streams: [{ name: 'cam', source: `rtsp://localhost:${server.port}/cam`, ...short }],
  });
  const { hls, source } = await live(node);
  expect(hls.resolution).toBe('320x180');
  expect(source.warnings).toEqual([]);
  expect(node.log.filter(({ warning }) => warning !== undefined)).toEqual([]);
});

it('pulls RTSP over TLS from a camera with a certificate of its own making', async () => {
  const server = await startCamera({ tls: testCertificate });
  const node = await startNode({
    streams: [{ name: 'cam', source: `rtsps://localhost:${server.port}/cam`, ...short }],
  });
  expect((await live(node)).hls.resolution).toBe('320x180');
  expect(server.plays).toBe(1);
});

it.each(['basic', 'digest'] as const)('logs in with %s, with a password that needs encoding', async (scheme) => {
  const password = 'pa/ss:w@rd %1';
  const server = await startCamera({ auth: { scheme, user: 'viewer', password } });
  const source = `rtsp://viewer:${encodeURIComponent(password)}@localhost:${server.port}/cam`;
  const node = await startNode({ streams: [{ name: 'cam', source, ...short }] });
  const described = await live(node);
  expect(server.refused).toBeGreaterThan(0);
  expect(described.source.url).toBe(`rtsp://viewer:***@localhost:${server.port}/cam`);
  for (const text of [JSON.stringify(described), JSON.stringify(node.log)]) {
    expect(text).not.toContain(password);
    expect(text).not.toContain(encodeURIComponent(password));
  }
});

it.each(['basic', 'digest'] as const)('says so when the %s password is wrong', async (scheme) => {
  const server = await startCamera({ auth: { scheme, user: 'viewer', password: 'right' } });
  const node = await startNode({
    streams: [{ name: 'cam', source: `rtsp://viewer:mistaken-one@localhost:${server.port}/cam`, ...short }],
  });
  await vi.waitFor(async () => {
    const { state, reason } = await node.stream('cam');
    expect({ state, code: reason?.code }).toEqual({
      state: 'failed',
      code: 'source-refused',
    });
    expect(reason?.message).toMatch(/username or password/);
  }, patience);
  expect(server.plays).toBe(0);
  expect(JSON.stringify([await node.stream('cam'), node.log])).not.toContain('mistaken-one');
});

it('waits longer and longer for a camera that rejects the password, and tries at once when it is asked to', async () => {
  const server = await startCamera({ auth: { scheme: 'digest', user: 'viewer', password: 'right' } });
  const node = await startNode({
    streams: [{ name: 'cam', source: `rtsp://viewer:mistaken-one@localhost:${server.port}/cam`, ...short }],
  });
  const waitsAfter = async (restarts: number) => {
    await vi.waitFor(async () => expect((await node.stream('cam')).ffmpeg.restarts).toBe(restarts), patience);
    return Date.parse((await node.stream('cam')).nextAttemptAt ?? '') - Date.now();
  };
  expect(await waitsAfter(3)).toBeGreaterThan(30_000);
  expect((await node.api('POST', 'streams/cam/restart')).status).toBeLessThan(300);
  // The operator's try, and the two behind it that are free again.
  expect(await waitsAfter(6)).toBeGreaterThan(30_000);
  expect(server.plays).toBe(0);
});

it('is back after the camera dropped the connection', async () => {
  const server = await startCamera();
  const node = await startNode({
    streams: [{ name: 'cam', source: `rtsp://localhost:${server.port}/cam`, ...short }],
  });
  await live(node);
  const checker = createPlaylistChecker();
  const playlist = async () => checker.check((await node.text('/live/cam/source/index.m3u8')).body);
  const before = (await playlist()).entries.at(-1)!;
  server.drop();
  await vi.waitFor(async () => {
    const newest = (await playlist()).entries.at(-1)!;
    expect(newest.discontinuityNumber).toBe(before.discontinuityNumber + 1);
  }, patience);
  expect(server.plays).toBe(2);
  expect((await live(node)).ffmpeg.restarts).toBe(1);
});

it('restarts when the camera keeps the connection and sends nothing more', async () => {
  const server = await startCamera();
  const node = await startNode({
    ffmpeg: { stallTimeoutSeconds: 2 },
    streams: [{ name: 'cam', source: `rtsp://localhost:${server.port}/cam`, ...short }],
  });
  const { ffmpeg } = await live(node);
  server.stall(true);
  await vi.waitFor(async () => {
    const { reason, ffmpeg: now } = await node.stream('cam');
    expect(now.restarts).toBe(1);
    expect(reason).toMatchObject({ code: 'ffmpeg-stalled' });
    expect(reason?.message).toMatch(/stalled for \d s/);
  }, patience);
  server.stall(false);
  const after = await live(node);
  expect(after.ffmpeg.pid).not.toBe(ffmpeg.pid);
  expect(server.plays).toBeGreaterThanOrEqual(2);
  const { body } = await node.text('/metrics');
  expect(body).toMatch(/sidepipe_ffmpeg_restarts_total\{stream="cam",reason="ffmpeg-stalled"\} [1-9]/);
});
