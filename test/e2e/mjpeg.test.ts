import { expect, it, vi } from 'vitest';
import { startFfmpeg } from '../support/background-ffmpeg.js';
import { type Route, startHttpSource } from '../support/http-source.js';
import { startNode } from '../support/node.js';

const patience = { timeout: 30_000, interval: 100 };
const short = { hls: { segmentSeconds: 1 }, thumbnail: { intervalSeconds: 1, width: 160 } };

/** A camera that sends one JPEG after another, ten a second. */
const motionJpeg: Route = (_request, response) => {
  response.writeHead(200, { 'content-type': 'multipart/x-mixed-replace; boundary=ffmpeg' });
  const picture = 'testsrc2=size=320x180:rate=10';
  const args = [
    '-re',
    '-f',
    'lavfi',
    '-i',
    picture,
    '-c:v',
    'mjpeg',
    '-f',
    'mpjpeg',
    '-boundary_tag',
    'ffmpeg',
    'pipe:1',
  ];
  const camera = startFfmpeg(args, (piece) => response.write(piece));
  response.on('close', () => camera.kill());
};

it.each([
  ['an address that says so', '/mjpg/video.cgi', {}],
  ['a setting', '/video', { format: 'mjpeg' }],
] as const)(
  'encodes motion JPEG, known by %s',
  async (_, path, input) => {
    const source = await startHttpSource({ routes: { [path]: motionJpeg } });
    const node = await startNode({ streams: [{ name: 'cam', source: `${source.url}${path}`, input, ...short }] });
    await vi.waitFor(async () => {
      const described = await node.stream('cam');
      expect(described, JSON.stringify(described)).toMatchObject({ state: 'live', source: { kind: 'mjpeg' } });
      expect(described.thumbnail).toMatchObject({ state: 'fresh', decode: { mode: 'all' } });
      expect(described.hls.segments).toBeGreaterThan(3);
      expect(described.hls).toMatchObject({ resolution: '320x180', codecs: expect.stringMatching(/^avc1\./) });
    }, patience);
    const { ffmpeg, hls } = await node.stream('cam');
    expect(ffmpeg.restarts).toBe(0);
    // By the clock, not as the 25 frames a second that motion JPEG is taken for: four seconds take four.
    expect(hls.windowSeconds / hls.segments).toBeGreaterThan(0.6);
  },
  60_000,
);

it('says what to set where copied motion JPEG was not known for what it is', async () => {
  const source = await startHttpSource({ routes: { '/video': motionJpeg } });
  const node = await startNode({ streams: [{ name: 'cam', source: `${source.url}/video`, ...short }] });
  await vi.waitFor(async () => {
    const { state, reason } = await node.stream('cam');
    expect({ state, code: reason?.code }).toEqual({ state: 'failed', code: 'source-unsupported' });
    expect(reason?.message).toMatch(/mjpeg.*input\.format/);
  }, patience);
}, 60_000);

it('says of a device that is not there that it is not', async () => {
  const node = await startNode({ streams: [{ name: 'cam', source: '/dev/video97' }] });
  await vi.waitFor(async () => {
    const { state, reason, source } = await node.stream('cam');
    expect([state, source.kind]).toEqual(['failed', 'device']);
    expect(reason).toMatchObject({ code: 'source-unavailable', message: 'there is no device /dev/video97' });
  }, patience);
});
