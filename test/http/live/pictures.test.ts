import { beforeEach, describe, expect, it } from 'vitest';
import { FakeStream, pictureOf, playlistOf } from '../../support/fake-streams.js';
import { makeApp, problemIn, type TestApp } from '../make-app.js';

const hash = 'abcdefghijklmnopqrstuvwxyz-';
const capturedAt = Date.parse('2026-03-01T12:00:05.432Z');
let stream: FakeStream;
let test: TestApp;

beforeEach(() => {
  stream = new FakeStream('cam');
  stream.pictures.set('jpg', pictureOf(Buffer.from('picture'), { gate: 'frozen' }));
  stream.widths = [1280, 320];
  stream.sizeNames = ['card'];
  test = makeApp([stream]);
});

describe('sizes', () => {
  it('come by width from a bounded set', async () => {
    expect((await test.get('/live/cam/thumbnail.jpg?width=320')).status).toBe(200);
    expect((await test.get('/live/cam/thumbnail.jpg?v=3')).status).toBe(200);
    expect((await test.get('/live/cam/thumbnail-card.jpg?width=320')).status).toBe(200);
    expect(stream.askedSizes).toEqual([320, undefined, 'card']);
  });

  it.each(['321', '0320', '320px', '', '1e3', '-1', '99999999999999999999'])('but not %s', async (width) => {
    const response = await test.get(`/live/cam/thumbnail.jpg?width=${width}`);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    const problem = await problemIn(response);
    expect(problem).toMatchObject({ status: 400, code: 'request-invalid', field: 'width', allowed: [1280, 320] });
    expect(problem.detail).toContain('1280, 320');
    expect(stream.askedSizes).toEqual([]);
  });

  it('says which names there are', async () => {
    stream.pictures.delete('jpg');
    stream.pictures.set('webp', pictureOf(Buffer.from('x')));
    expect((await problemIn(await test.get('/live/cam/thumbnail.jpg'))).detail).toContain('Available: webp.');
    stream.pictures.clear();
  });

  it('tells what the stream shows', async () => {
    const response = await test.get('/live/cam/thumbnail.jpg');
    expect(response.headers.get('sidepipe-gate-state')).toBe('frozen');
    expect(response.headers.get('access-control-expose-headers')).toContain('Sidepipe-Gate-State');
    stream.pictures.set('jpg', pictureOf(Buffer.from('picture')));
    expect((await test.get('/live/cam/thumbnail.jpg')).headers.has('sidepipe-gate-state')).toBe(false);
  });
});

describe('a picture under the address of its content', () => {
  it('never changes, and does not say how old it is in words that caches keep', async () => {
    const image = { body: Buffer.from('x'), contentType: 'image/jpeg', etag: `"${hash}"`, modifiedAt: 0, capturedAt };
    stream.immutables.set(`${hash}.jpg`, image);
    const response = await test.get(`/live/cam/thumbnail-${hash}.jpg`);
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(response.headers.get('sidepipe-captured-at')).toBe('2026-03-01T12:00:05.432Z');
    expect(response.headers.has('sidepipe-image-state')).toBe(false);
    const again = await test.get(`/live/cam/thumbnail-${hash}.jpg`, { 'if-none-match': `"${hash}"` });
    expect(again.status).toBe(304);
  });

  it.each([`thumbnail-${hash}.jpg`, `thumbnail-${hash}.webp`])('is gone at some time: %s', async (file) => {
    expect(await problemIn(await test.get(`/live/cam/${file}`))).toMatchObject({ status: 404, code: 'not-found' });
  });
});

describe('the preview', () => {
  it.each(['webp', 'gif'] as const)('is served as %s, whatever the state', async (format) => {
    for (const state of ['fresh', 'stale', 'offline'] as const) {
      const body = Buffer.from(`${format} ${state}`);
      stream.previewPicture = pictureOf(body, { state, contentType: `image/${format}`, capturedAt });
      const response = await test.get(`/live/cam/preview.${format}`);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe(`image/${format}`);
      expect(response.headers.get('sidepipe-image-state')).toBe(state);
      expect(response.headers.get('cache-control')).toBe(
        state === 'fresh' ? 'public, max-age=5, must-revalidate' : 'no-cache',
      );
    }
  });
});

describe('the storyboard', () => {
  it('is WebVTT for every page, with or without pictures', async () => {
    const empty = await test.get('/live/cam/storyboard.vtt');
    expect([empty.status, await empty.text()]).toEqual([200, 'WEBVTT\n']);
    stream.storyboardText = playlistOf('WEBVTT\n\nfull');
    const response = await test.get('/live/cam/storyboard.vtt');
    expect(response.headers.get('content-type')).toBe('text/vtt; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('public, max-age=1');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    const { etag } = stream.storyboardText;
    expect((await test.get('/live/cam/storyboard.vtt', { 'if-none-match': etag })).status).toBe(304);
  });

  it('has sheets that are kept once they are full', async () => {
    const sheet = { body: Buffer.from('x'), contentType: 'image/jpeg', etag: '"x"', modifiedAt: 0 };
    stream.sheets.set(7, { ...sheet, complete: true });
    stream.sheets.set(8, { ...sheet, complete: false });
    const caching = async (file: string) => (await test.get(`/live/cam/${file}`)).headers.get('cache-control');
    expect(await caching('storyboard-7.jpg')).toBe('public, max-age=31536000, immutable');
    expect(await caching('storyboard-8.jpg?v=3')).toBe('no-cache');
    for (const file of ['storyboard-9.jpg', 'storyboard-.jpg', 'storyboard-9999999999999.jpg', 'storyboard-7.png']) {
      expect((await test.get(`/live/cam/${file}`)).status).toBe(404);
    }
  });
});
