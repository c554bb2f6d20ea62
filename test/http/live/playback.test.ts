import { describe, expect, it } from 'vitest';
import { signPlayback } from '../../../src/http/access/playback-token.js';
import { FakeStream, mediaOf, pictureOf, playlistOf } from '../../support/fake-streams.js';
import { adminToken, makeApp, problemIn } from '../make-app.js';

const now = 1_800_000_000_000;
const key = { id: 'k1', secret: 'a-secret-of-at-least-32-characters' };
const token = signPlayback({ key, stream: 'door', expiresAt: now + 90_000 });

function protectedDoor() {
  const door = new FakeStream('door');
  door.playbackKeys = [key];
  door.multivariant = playlistOf('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nsource/index.m3u8\n');
  door.playlists.set('source', playlistOf('#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na-1.ts\n'));
  door.media.set('source/a-1.ts', mediaOf(Buffer.from('media')));
  door.pictures.set('jpg', pictureOf(Buffer.from('picture'), { maxAgeSeconds: 3600 }));
  door.storyboardText = playlistOf('WEBVTT\n\n1\n00:00.000 --> 00:02.000\nstoryboard-1.jpg#xywh=0,0,1,1\n');
  door.thumbnailFacts = { placeholder: 'abc', dominantColour: '#123456' };
  const open = new FakeStream('open');
  open.multivariant = playlistOf('#EXTM3U\n');
  return { door, ...makeApp([door, open], { now: () => now }) };
}

const files = [
  'index.m3u8',
  'source/index.m3u8',
  'source/a-1.ts',
  'thumbnail.jpg',
  'preview.webp',
  'storyboard.vtt',
  'no-such-file',
];

describe('a stream with signed playback', () => {
  it.each(files)('refuses %s without, with a wrong, and with an old signature', async (file) => {
    const { get } = protectedDoor();
    const old = signPlayback({ key, stream: 'door', expiresAt: now - 1000 });
    const other = signPlayback({ key, stream: 'open', expiresAt: now + 60_000 });
    for (const [query, reason] of [
      ['', 'missing'],
      [`?token=${token}x`, 'signature'],
      [`?token=${other}`, 'signature'],
      [`?token=${old}`, 'expired'],
    ]) {
      const answer = await get(`/live/door/${file}${query}`);
      expect(answer.headers.get('access-control-allow-origin')).toBe('*');
      expect(await problemIn(answer)).toMatchObject({ status: 403, code: 'playback-refused', reason, field: 'token' });
    }
  });

  it.each(files.slice(0, -1))('opens %s with one', async (file) => {
    const { get } = protectedDoor();
    expect((await get(`/live/door/${file}?token=${token}`)).status).toBe(200);
    expect((await get(`/live/door/${file}?x=1&token=${token}`)).status).toBe(200);
  });

  it('carries the signature onto every address that it lists, so that players need to know nothing', async () => {
    const { get } = protectedDoor();
    const signed = `?token=${token}`;
    const multivariant = await (await get(`/live/door/index.m3u8${signed}`)).text();
    expect(multivariant).toContain(`\nsource/index.m3u8${signed}\n`);
    expect(await (await get(`/live/door/source/index.m3u8${signed}`)).text()).toContain(`\na-1.ts${signed}\n`);
    expect(await (await get(`/live/door/storyboard.vtt${signed}`)).text()).toContain(`storyboard-1.jpg${signed}#xywh`);
  });

  it('is kept by no cache for longer than the signature holds', async () => {
    const { get } = protectedDoor();
    const caching = async (file: string) =>
      (await get(`/live/door/${file}?token=${token}`)).headers.get('cache-control');
    expect(await caching('source/a-1.ts')).toBe('public, max-age=90, immutable');
    expect(await caching('thumbnail.jpg')).toBe('public, max-age=90, must-revalidate');
    expect(await caching('source/index.m3u8')).toBe('public, max-age=1');
  });

  it('has another entity tag for each signature, and answers 304 to its own', async () => {
    const { get } = protectedDoor();
    const later = signPlayback({ key, stream: 'door', expiresAt: now + 95_000 });
    const etagOf = async (each: string) => (await get(`/live/door/index.m3u8?token=${each}`)).headers.get('etag') ?? '';
    const [one, other] = [await etagOf(token), await etagOf(later)];
    expect(one).not.toBe(other);
    const again = (etag: string) => get(`/live/door/index.m3u8?token=${token}`, { 'if-none-match': etag });
    expect([(await again(one)).status, (await again(other)).status]).toEqual([304, 200]);
  });

  it('shows nothing of its pictures in the open API, and never a signature', async () => {
    const { get } = protectedDoor();
    const text = await (await get('/api/v1/streams')).text();
    const { streams } = JSON.parse(text) as { streams: Record<string, unknown>[] };
    expect(streams[0]).toMatchObject({
      playback: { access: 'signed', thumbnailImmutable: null },
      thumbnail: { placeholder: null, dominantColour: null },
      storage: { playback: null },
    });
    expect(streams[1]).toMatchObject({ playback: { access: 'open' } });
    expect(text).not.toMatch(/token=|a-secret/);
    const admins = await (await get('/api/v1/streams/door', { authorization: `Bearer ${adminToken}` })).text();
    expect(JSON.parse(admins)).toMatchObject({ thumbnail: { placeholder: 'abc' } });
    expect(admins).not.toMatch(/token=|a-secret/);
  });
});
