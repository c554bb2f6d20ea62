import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { isReached, PlaylistWaiters, type WantedPosition } from '../../../src/hls/blocking-reload.js';
import { createHttpServer } from '../../../src/http/server.js';
import { FakeStream, mediaOf, pictureOf, playlistOf } from '../../support/fake-streams.js';
import { until } from '../../support/wait.js';
import { makeApp, type TestApp } from '../make-app.js';

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

async function listen({ app }: TestApp): Promise<number> {
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const server = createHttpServer({ fetch: app.fetch, host: '127.0.0.1', port: 0, log });
  closers.push(() => server.close());
  return (await server.start()).port;
}

describe('a request to the listener', () => {
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
  ])('%s gets the response that the app gives to fetch, %j', async (path, headers) => {
    const test = madeApp();
    const port = await listen(test);
    const read = async (answer: Response) => {
      const { date: _, connection: __, 'keep-alive': ___, ...fields } = Object.fromEntries(answer.headers);
      return { status: answer.status, fields, body: await answer.text() };
    };
    for (const method of ['GET', 'HEAD', 'GET']) {
      const init = { method, headers };
      const received = await read(await fetch(`http://127.0.0.1:${port}${path}`, init));
      expect(received).toEqual(await read(await test.app.request(path, init)));
    }
  });

  it('gets 500 if the stream fails, and the log has no query', async () => {
    const playlists = {
      get: () => {
        throw new Error('broken');
      },
    };
    const test = makeApp([Object.assign(new FakeStream('cam'), { playlists })]);
    const port = await listen(test);
    const path = '/live/cam/source/index.m3u8';
    expect((await fetch(`http://127.0.0.1:${port}${path}?token=secret`)).status).toBe(500);
    expect(JSON.stringify(test.errors)).toContain(`${path}"`);
    expect(JSON.stringify(test.errors)).not.toContain('secret');
  });
});

describe('a blocked request', () => {
  /** A stream whose playlist advances when the test says so. */
  function blocking() {
    const at = { mediaSequence: 10, parts: 2, previousParts: 10 };
    const waiters = new PlaylistWaiters(100);
    const stream = new FakeStream('cam');
    stream.playlists.set('source', playlistOf('#EXTM3U\n#EXT-X-TARGETDURATION:2\n', now));
    const hls = {
      ...stream.hls,
      lowLatency: () => ({
        mediaSequence: at.mediaSequence,
        nextPart: { mediaSequence: 10, part: 2 },
        maxWaitMs: 60_000,
        isReached: (wanted: WantedPosition) => isReached(wanted, at),
        isTooFarAhead: () => false,
        isNextPart: () => false,
        wait: (wanted: WantedPosition, signal: AbortSignal) => waiters.wait(wanted, at, signal),
        delta: () => undefined,
      }),
    };
    Object.defineProperty(stream, 'hls', { value: hls });
    const advance = () => {
      at.parts += 1;
      waiters.advance(at);
    };
    return { waiters, advance, test: makeApp([stream], { now: () => now }) };
  }

  const get = 'GET /live/cam/source/index.m3u8?_HLS_msn=10&_HLS_part=2 HTTP/1.1\r\nHost: x\r\n\r\n';

  it('gets the playlist when the part is there', async () => {
    const { waiters, advance, test } = blocking();
    const socket = connect(await listen(test), '127.0.0.1');
    closers.push(() => socket.destroy());
    let received = '';
    socket.setEncoding('latin1').on('data', (piece: string) => {
      received += piece;
    });
    socket.write(get.repeat(3));
    await until('the requests to wait', () => waiters.size === 3);
    expect(received).toBe('');
    advance();
    await until('the responses', () => received.split('#EXT-X-TARGETDURATION').length === 4);
    expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual(new Array(3).fill('HTTP/1.1 200'));
  });

  it('stops waiting when its client disconnects, also behind another one on the same connection', async () => {
    const { waiters, test } = blocking();
    const port = await listen(test);
    for (const count of [1, 5]) {
      const socket = connect(port, '127.0.0.1');
      socket.write(get.repeat(count));
      await until('the requests to wait', () => waiters.size === count);
      socket.destroy();
      await until('no request to wait', () => waiters.size === 0);
    }
  });

  it('stops waiting when the request that an embedding server passes to fetch is aborted', async () => {
    const { waiters, test } = blocking();
    const gone = new AbortController();
    const path = '/live/cam/source/index.m3u8?_HLS_msn=10&_HLS_part=2';
    const response = test.app.fetch(new Request(`http://localhost${path}`, { signal: gone.signal }));
    await until('the request to wait', () => waiters.size === 1);
    gone.abort();
    await response;
    expect(waiters.size).toBe(0);
  });
});
