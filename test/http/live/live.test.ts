import { beforeEach, describe, expect, it } from 'vitest';
import { FakeStream, mediaOf, pictureOf, playlistOf } from '../../support/fake-streams.js';
import { makeApp, problemIn, type TestApp } from '../make-app.js';

const multivariant = playlistOf('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\nsource/index.m3u8\n');
const media = playlistOf('#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nabc-1.ts\n');
const bytes = Uint8Array.from({ length: 1000 }, (_, index) => index % 251);
const segment = mediaOf(bytes);
const capturedAt = Date.parse('2026-03-01T12:00:05.432Z');
const now = capturedAt + 2_700;

let stream: FakeStream;
let test: TestApp;

beforeEach(() => {
  stream = new FakeStream('cam');
  stream.multivariant = multivariant;
  stream.playlists.set('source', media);
  stream.media.set('source/abc-1.ts', segment);
  stream.media.set('source/abc-init.mp4', mediaOf(bytes, 'video/mp4'));
  stream.pictures.set('jpg', pictureOf(bytes, { capturedAt, modifiedAt: capturedAt, maxAgeSeconds: 3.9 }));
  test = makeApp([stream], { now: () => now });
});

function expectOpen(response: Response): void {
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
  const exposed = response.headers.get('access-control-expose-headers')?.split(', ') ?? [];
  for (const name of ['ETag', 'Content-Length', 'Content-Range', 'Sidepipe-Captured-At', 'Sidepipe-Image-State']) {
    expect(exposed).toContain(name);
  }
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
}

describe('playlists', () => {
  it('serves the multivariant playlist', async () => {
    const response = await test.get('/live/cam/index.m3u8');
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(multivariant.body);
    expect(response.headers.get('content-type')).toBe('application/vnd.apple.mpegurl');
    expect(response.headers.get('cache-control')).toBe('public, max-age=1');
    expect(response.headers.get('content-length')).toBe(String(multivariant.body.length));
    expect(response.headers.get('etag')).toBe(multivariant.etag);
    expectOpen(response);
  });

  it('lets a media playlist live for half its target duration', async () => {
    const response = await test.get('/live/cam/source/index.m3u8');
    expect(await response.text()).toBe(media.body);
    expect(response.headers.get('cache-control')).toBe('public, max-age=4');
  });

  it('answers 304 to the entity tag that the client has', async () => {
    const response = await test.get('/live/cam/source/index.m3u8', { 'if-none-match': `"x", W/${media.etag}` });
    expect(response.status).toBe(304);
    expect(await response.text()).toBe('');
    expect(response.headers.get('etag')).toBe(media.etag);
    expect(response.headers.get('cache-control')).toBe('public, max-age=4');
    expect(response.headers.get('content-length')).toBeNull();
    expectOpen(response);
  });

  it.each(['/live/cam/index.m3u8', '/live/cam/source/index.m3u8'])(
    'asks for patience before %s exists',
    async (path) => {
      stream.multivariant = undefined;
      stream.playlists.clear();
      stream.state = 'starting';
      const response = await test.get(path);
      expect(response.status).toBe(503);
      expect(response.headers.get('retry-after')).toBe('1');
      expectOpen(response);
      expect(await problemIn(response)).toMatchObject({ code: 'stream-not-playable', instance: path });
    },
  );

  it('names the renditions that there are when asked for another', async () => {
    const problem = await problemIn(await test.get('/live/cam/1080p/index.m3u8'));
    expect(problem).toMatchObject({ status: 404, field: 'rendition' });
    expect(problem.detail).toContain('source');
  });
});

describe('segments', () => {
  it('serves a segment that may be kept for ever', async () => {
    const response = await test.get('/live/cam/source/abc-1.ts');
    expect(response.status).toBe(200);
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes);
    expect(response.headers.get('content-type')).toBe('video/mp2t');
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(response.headers.get('accept-ranges')).toBe('bytes');
    expect(response.headers.get('content-length')).toBe('1000');
    expectOpen(response);
  });

  it('serves the initialization segment', async () => {
    const response = await test.get('/live/cam/source/abc-init.mp4');
    expect(response.headers.get('content-type')).toBe('video/mp4');
  });

  it.each([
    ['bytes=0-9', 'bytes 0-9/1000', 0, 10],
    ['bytes=990-', 'bytes 990-999/1000', 990, 1000],
    ['bytes=-5', 'bytes 995-999/1000', 995, 1000],
    ['bytes=990-5000', 'bytes 990-999/1000', 990, 1000],
  ])('serves the part %s', async (range, contentRange, start, end) => {
    const response = await test.get('/live/cam/source/abc-1.ts', { range });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe(contentRange);
    expect(response.headers.get('content-length')).toBe(String(end - start));
    expect(response.headers.get('etag')).toBe(segment.etag);
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes.slice(start, end));
  });

  it('refuses a part that lies outside', async () => {
    const response = await test.get('/live/cam/source/abc-1.ts', { range: 'bytes=1000-' });
    expect(response.status).toBe(416);
    expect(response.headers.get('content-range')).toBe('bytes */1000');
    expectOpen(response);
    expect(await problemIn(response)).toMatchObject({ code: 'range-not-satisfiable', field: 'Range' });
  });

  it.each(['bytes=0-1,5-6', 'bytes=5-2', 'lines=1-2', 'nonsense'])('ignores the range %s', async (range) => {
    expect((await test.get('/live/cam/source/abc-1.ts', { range })).status).toBe(200);
  });

  it.each([
    [segment.etag, 206],
    [`W/${segment.etag}`, 200],
    ['"other"', 200],
  ])('serves a part only of the body that If-Range names: %s', async (ifRange, status) => {
    const headers = { range: 'bytes=0-9', 'if-range': ifRange };
    expect((await test.get('/live/cam/source/abc-1.ts', headers)).status).toBe(status);
  });

  it('prefers 304 to a part', async () => {
    const headers = { range: 'bytes=0-9', 'if-none-match': segment.etag };
    expect((await test.get('/live/cam/source/abc-1.ts', headers)).status).toBe(304);
  });

  it('answers HEAD as GET without the body, and without parts', async () => {
    const headers = { range: 'bytes=0-9' };
    const response = await test.app.request('/live/cam/source/abc-1.ts', { method: 'HEAD', headers });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-length')).toBe('1000');
    expect(await response.text()).toBe('');
  });

  it('answers 404 to media that left the window', async () => {
    const response = await test.get('/live/cam/source/abc-0.ts');
    expectOpen(response);
    expect(await problemIn(response)).toMatchObject({ status: 404, code: 'not-found' });
  });
});

describe('thumbnails', () => {
  it('says when the picture was taken, how it is, and for how long it holds', async () => {
    const response = await test.get('/live/cam/thumbnail.jpg?width=1280&v=2');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('image/jpeg');
    expect(response.headers.get('sidepipe-captured-at')).toBe('2026-03-01T12:00:05.432Z');
    expect(response.headers.get('sidepipe-image-state')).toBe('fresh');
    expect(response.headers.get('cache-control')).toBe('public, max-age=3, must-revalidate');
    expect(response.headers.get('last-modified')).toBe('Sun, 01 Mar 2026 12:00:06 GMT');
    expect(response.headers.get('content-length')).toBe('1000');
    expectOpen(response);
  });

  it.each(['if-none-match', 'if-modified-since'])('says so in a 304 to %s too', async (condition) => {
    const first = await test.get('/live/cam/thumbnail.jpg');
    const validator = first.headers.get(condition === 'if-none-match' ? 'etag' : 'last-modified') ?? '';
    const response = await test.get('/live/cam/thumbnail.jpg', { [condition]: validator });
    expect(response.status).toBe(304);
    expect(response.headers.get('sidepipe-captured-at')).toBe('2026-03-01T12:00:05.432Z');
    expect(response.headers.get('sidepipe-image-state')).toBe('fresh');
    expect(response.headers.get('etag')).toBe(first.headers.get('etag'));
  });

  it.each(['stale', 'offline'] as const)('lets nobody keep a picture that is %s', async (state) => {
    stream.pictures.set('jpg', pictureOf(bytes, { state, capturedAt, maxAgeSeconds: 100 }));
    const response = await test.get('/live/cam/thumbnail.jpg');
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-cache');
    expect(response.headers.get('sidepipe-image-state')).toBe(state);
  });

  it('has no capture time before the first capture', async () => {
    stream.pictures.set('jpg', pictureOf(bytes, { state: 'offline', capturedAt: undefined }));
    const response = await test.get('/live/cam/thumbnail.jpg');
    expect(response.status).toBe(200);
    expect(response.headers.has('sidepipe-captured-at')).toBe(false);
  });

  it('keeps nothing that would change within the second', async () => {
    stream.pictures.set('jpg', pictureOf(bytes, { maxAgeSeconds: 0.5 }));
    expect((await test.get('/live/cam/thumbnail.jpg')).headers.get('cache-control')).toBe('no-cache');
  });

  it('answers while nothing is playable', async () => {
    stream.multivariant = undefined;
    stream.state = 'failed';
    expect((await test.get('/live/cam/thumbnail.jpg')).status).toBe(200);
  });

  it('names the formats that are configured when asked for another', async () => {
    const problem = await problemIn(await test.get('/live/cam/thumbnail.webp'));
    expect(problem.status).toBe(404);
    expect(problem.detail).toContain('jpg');
  });

  it('answers HEAD with the length of the picture', async () => {
    const response = await test.app.request('/live/cam/thumbnail.jpg', { method: 'HEAD' });
    expect(response.headers.get('content-length')).toBe('1000');
    expect(response.headers.get('sidepipe-image-state')).toBe('fresh');
  });
});

describe('unknown and hostile names', () => {
  it.each([
    '/live/nobody/index.m3u8',
    '/live/nobody/thumbnail.jpg',
    '/live/nobody/source/index.m3u8',
    '/live/__proto__/index.m3u8',
    '/live/constructor/thumbnail.jpg',
    '/live/%00/index.m3u8',
    '/live/cam%2f..%2f/index.m3u8',
    '/live/CAM/index.m3u8',
    `/live/${'a'.repeat(1500)}/index.m3u8`,
    '/live/%E0%A4%A/index.m3u8',
    '/live/%zz/thumbnail.jpg',
    '/live/%3Cscript%3E/index.m3u8',
  ])('%s is no stream', async (path) => {
    const response = await test.get(path);
    const problem = await problemIn(response);
    expect(problem).toMatchObject({ status: 404, code: 'stream-unknown', field: 'stream' });
    expect(problem.detail.length).toBeLessThan(200);
  });

  it.each([
    '/live/cam/source/..%2f..%2f..%2fetc%2fpasswd',
    '/live/cam/source/%2e%2e%2findex.m3u8',
    '/live/cam/__proto__/constructor',
    '/live/cam/thumbnail.jpeg',
    '/live/cam/thumbnail.gif',
    '/live/cam/thumbnail.jpg%00.webp',
    '/live/cam/toString',
    `/live/cam/source/${'b'.repeat(1500)}.ts`,
    '/live/cam/source/a/b/c',
    '/live/cam/',
    '/live/cam',
    '/live/',
    '//live/cam/index.m3u8',
    '/live//index.m3u8',
  ])('%s is nothing', async (path) => {
    expect((await problemIn(await test.app.fetch(new Request(`http://localhost${path}`)))).status).toBe(404);
  });
});
