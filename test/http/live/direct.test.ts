import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createHttpServer } from '../../../src/http/server.js';
import { FakeStream, mediaOf, pictureOf, playlistOf } from '../../support/fake-streams.js';
import { makeApp } from '../make-app.js';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const now = Date.now();
const key = { id: 'k1', secret: 'a-secret-of-at-least-32-characters' };

function madeApp() {
  const cam = new FakeStream('cam');
  cam.multivariant = playlistOf('#EXTM3U\nsource/index.m3u8\n', now);
  cam.playlists.set('source', playlistOf('#EXTM3U\n#EXT-X-TARGETDURATION:2\na-1.ts\n', now));
  cam.media.set('source/a-1.ts', mediaOf(Buffer.alloc(1000, 'media'), 'video/mp2t', now));
  cam.pictures.set('jpg', pictureOf(Buffer.from('picture'), { modifiedAt: now, capturedAt: now, gate: 'good' }));
  const closed = new FakeStream('closed');
  closed.playbackKeys = [key];
  return makeApp([cam, closed], { now: () => now, access: { corsOrigins: ['https://www.example.org'] } });
}

async function listening(server: Server): Promise<string> {
  closers.push(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Two listeners for one app: with the short way and without. */
async function bothWays() {
  const { app, errors } = madeApp();
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const urls = [];
  for (const direct of [app.direct, undefined]) {
    const server = createHttpServer({ fetch: app.fetch, ...(direct && { direct }), host: '127.0.0.1', port: 0, log });
    closers.push(() => server.close());
    urls.push(`http://127.0.0.1:${(await server.start()).port}`);
  }
  return { urls, errors };
}

describe('the short way', () => {
  it.each([
    ['/live/cam/index.m3u8', {}],
    ['/live/cam/index.m3u8', { 'if-none-match': '*' }],
    ['/live/cam/source/index.m3u8', { origin: 'https://www.example.org' }],
    ['/live/cam/source/index.m3u8', { origin: 'https://evil.example' }],
    ['/live/cam/source/a-1.ts', {}],
    ['/live/cam/source/a-1.ts', { range: 'bytes=1-5' }],
    ['/live/cam/source/a-1.ts', { range: 'bytes=5000-' }],
    ['/live/cam/source/gone.ts', {}],
    ['/live/cam/thumbnail.jpg', {}],
    ['/live/cam/thumbnail.jpg?width=7', {}],
    ['/live/cam/preview.webp', {}],
    ['/live/cam/storyboard.vtt', {}],
    ['/live/cam/nothing.txt', {}],
    ['/live/nobody/index.m3u8', {}],
    ['/live/closed/index.m3u8', {}],
  ])('answers %s as the app does, %j', async (path, headers) => {
    const { urls } = await bothWays();
    // What is asked for often is answered out of prepared bytes.
    for (const method of ['GET', 'GET', 'GET', 'HEAD', 'GET']) {
      const [direct, detour] = await Promise.all(
        urls.map(async (url) => {
          const answer = await fetch(`${url}${path}`, { method, headers });
          const fields = Object.fromEntries(answer.headers);
          delete fields['date'];
          return { status: answer.status, fields, body: await answer.text() };
        }),
      );
      expect(direct).toEqual(detour);
    }
  });

  it('leaves everything else to the app', async () => {
    const { app } = madeApp();
    const seen: unknown[] = [];
    const url = await listening(
      createServer((request: IncomingMessage, response) => {
        seen.push(app.direct(request));
        response.end();
      }),
    );
    for (const path of [
      '/',
      '/live/cam',
      '/live/cam/monitor',
      '/live/cam/a%2Ets',
      '/live/cam/source/x/y.ts',
      '/api/v1/streams',
    ]) {
      await fetch(`${url}${path}`);
    }
    await fetch(`${url}/live/cam/index.m3u8`, { method: 'POST' });
    expect(seen).toEqual(new Array(7).fill(undefined));
  });

  it('says that something went wrong, and logs it without the query', async () => {
    const { app, errors } = makeApp([
      Object.assign(new FakeStream('cam'), {
        playlists: {
          get: () => {
            throw new Error('broken');
          },
        },
      }),
    ]);
    const url = await listening(
      createServer((request, response) => {
        const answer = app.direct(request);
        response.statusCode = answer !== undefined && 'status' in answer ? answer.status : 0;
        response.end();
      }),
    );
    expect((await fetch(`${url}/live/cam/source/index.m3u8?token=secret`)).status).toBe(500);
    expect(JSON.stringify(errors)).toContain('/live/cam/source/index.m3u8"');
    expect(JSON.stringify(errors)).not.toContain('secret');
  });
});
