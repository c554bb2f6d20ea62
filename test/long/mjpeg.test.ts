import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it, vi } from 'vitest';
import { startFfmpeg } from '../support/background-ffmpeg.js';
import { runFfmpeg, temporaryFolder } from '../support/clip.js';
import { ffmpegs } from '../support/ffmpeg.js';
import { type Route, startHttpSource } from '../support/http-source.js';
import { startNode } from '../support/node.js';

const patience = { timeout: 60_000, interval: 100 };
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
});

it('says of a device that is not there that it is not', async () => {
  const node = await startNode({ streams: [{ name: 'cam', source: '/dev/video97' }] });
  await vi.waitFor(async () => {
    const { state, reason, source } = await node.stream('cam');
    expect([state, source.kind]).toEqual(['failed', 'device']);
    expect(reason).toMatchObject({ code: 'source-unavailable', message: 'The device /dev/video97 does not exist.' });
  }, patience);
});

const images: Buffer[] = [];
beforeAll(async () => {
  const folder = await temporaryFolder();
  await runFfmpeg([
    '-f',
    'lavfi',
    '-i',
    'testsrc2=size=160x90:rate=5',
    '-t',
    '4',
    '-q:v',
    '6',
    join(folder, '%02d.jpg'),
  ]);
  for (let number = 1; number <= 20; number++)
    images.push(await readFile(join(folder, `${String(number).padStart(2, '0')}.jpg`)));
});

/** What cameras write in front of an image, by what is odd about it. */
const heads: Readonly<Record<string, (bytes: number) => string>> = {
  'a right length': (bytes) => `--b\r\nContent-Type: image/jpeg\r\nContent-Length: ${bytes}\r\n\r\n`,
  'no length': () => '--b\r\nContent-type: image/jpeg\r\n\r\n',
  'a length of zero': () => '--b\r\nContent-Type: image/jpeg\r\nContent-Length: 0\r\n\r\n',
  'a length that is too large': (bytes) => `--b\r\nContent-Type: image/jpeg\r\nContent-Length: ${bytes + 37}\r\n\r\n`,
  'a length that is too small': (bytes) => `--b\r\nContent-Type: image/jpeg\r\nContent-Length: ${bytes - 300}\r\n\r\n`,
  'headers of its own': (bytes) => `--b\r\nX-Time: 0.1\r\nContent-Type: image/jpg\r\nContent-Length: ${bytes}\r\n\r\n`,
  'no type': (bytes) => `--b\r\nContent-Length: ${bytes}\r\n\r\n`,
  'another boundary than was announced': (bytes) =>
    `--x\r\nContent-Type: image/jpeg\r\nContent-Length: ${bytes}\r\n\r\n`,
  'line feeds alone': (bytes) => `--b\nContent-Type: image/jpeg\nContent-Length: ${bytes}\n\n`,
  nothing: () => '',
};

/** A camera of five images a second. */
function camera(head: (bytes: number) => string): Route {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'multipart/x-mixed-replace; boundary=b' });
    let sent = 0;
    const timer = setInterval(() => {
      const image = images[sent++ % images.length]!;
      response.write(Buffer.concat([Buffer.from(head(image.length)), image, Buffer.from('\r\n')]));
    }, 200);
    response.on('close', () => clearInterval(timer));
  };
}

it.each(ffmpegs)(
  'finds images by their own markers, whatever stands between them, with the $name ffmpeg',
  async ({ path }) => {
    const cases = Object.entries(heads).map(([what, head], index) => ({ what, head, name: `cam-${index}` }));
    const routes = Object.fromEntries(cases.map(({ name, head }) => [`/${name}`, camera(head)]));
    const source = await startHttpSource({ routes });
    const node = await startNode({
      ffmpeg: { path },
      streams: cases.map(({ name }) => {
        return { name, source: `${source.url}/${name}`, input: { format: 'mjpeg' as const }, ...short };
      }),
    });
    for (const { what, name } of cases) {
      await vi.waitFor(async () => {
        const { state, hls, thumbnail, ffmpeg } = await node.stream(name);
        expect({ what, state, restarts: ffmpeg.restarts }).toEqual({ what, state: 'live', restarts: 0 });
        expect(thumbnail.captured).toBeGreaterThan(2);
        expect(hls.segments).toBeGreaterThan(3);
      }, patience);
    }
  },
);
