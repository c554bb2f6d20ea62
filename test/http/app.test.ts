import { describe, expect, it } from 'vitest';
import type { StreamControl } from '../../src/control/stream-control.js';
import { SidepipeError } from '../../src/errors.js';
import { FakeStream, pictureOf } from '../support/fake-streams.js';
import { adminToken, makeApp, problemIn } from './make-app.js';

describe('API', () => {
  it('lists the streams in order and describes one', async () => {
    const { get } = makeApp([new FakeStream('b'), new FakeStream('a')]);
    const response = await get('/api/v1/streams');
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    const { streams } = (await response.json()) as { streams: { name: string }[] };
    expect(streams.map(({ name }) => name)).toEqual(['b', 'a']);
    const one = (await (await get('/api/v1/streams/a')).json()) as Record<string, unknown>;
    expect(one).toMatchObject({ name: 'a', state: 'live', playback: { hls: '/live/a/index.m3u8' } });
  });

  it.each(['1.2.3.999', 'a:99999', 'xn--a'])('says where to publish, also to who asked for %s', async (host) => {
    const control = {
      settings: () => ({ origin: 'api', settings: { source: 'push' }, keys: 1 }),
      publishPorts: { rtmp: 1935 },
    };
    const { get } = makeApp([new FakeStream('a')], { node: { control: () => control as unknown as StreamControl } });
    const response = await get('/api/v1/streams/a/settings', { host, authorization: `Bearer ${adminToken}` });
    expect([response.status, await response.json()]).toMatchObject([
      200,
      { publish: { rtmp: 'rtmp://localhost:1935/live' } },
    ]);
  });

  it('gives playback addresses under the public URL', async () => {
    const { get } = makeApp([new FakeStream('a')], { publicUrl: 'https://live.example.org/tv' });
    const one = (await (await get('/api/v1/streams/a')).json()) as { playback: object };
    expect(one.playback).toEqual({
      access: 'open',
      hls: 'https://live.example.org/tv/live/a/index.m3u8',
      thumbnail: 'https://live.example.org/tv/live/a/thumbnail.jpg',
      thumbnailImmutable: null,
      preview: 'https://live.example.org/tv/live/a/preview.webp',
      storyboard: 'https://live.example.org/tv/live/a/storyboard.vtt',
    });
  });

  it('has a problem with an unknown stream', async () => {
    const problem = await problemIn(await makeApp([]).get('/api/v1/streams/nobody?token=secret'));
    expect(problem).toMatchObject({ status: 404, field: 'stream', instance: '/api/v1/streams/nobody' });
  });
});

describe('health', () => {
  it('is alive', async () => {
    const response = await makeApp([]).get('/healthz');
    expect(await response.json()).toEqual({ status: 'ok', version: '1.2.3' });
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.has('access-control-allow-origin')).toBe(false);
  });

  const bad = { reason: 'failed', detail: 'the camera rejected the password of admin' };
  const threeStreams = () => [new FakeStream('a'), new FakeStream('b'), new FakeStream('c')] as const;

  it('/readyz stays 200 and lists the one bad camera of several', async () => {
    const streams = threeStreams();
    const { get } = makeApp([...streams]);
    expect(await (await get('/readyz')).json()).toEqual({ status: 'ready', streams: 3, notReady: [] });
    streams[1].whyNotReady = bad;
    const response = await get('/readyz');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      status: 'ready',
      streams: 3,
      notReady: [{ stream: 'b', reason: 'failed' }],
    });
  });

  it('/readyz fails for a bad camera where all streams, or this one, are asked for', async () => {
    const streams = threeStreams();
    const { get } = makeApp([...streams]);
    for (const path of ['/readyz?streams=all', '/readyz?stream=b']) expect((await get(path)).status).toBe(200);
    streams[1].whyNotReady = bad;
    for (const path of ['/readyz?streams=all', '/readyz?stream=b']) {
      const response = await get(path);
      expect(response.status).toBe(503);
      expect(response.headers.get('retry-after')).toBe('1');
      const problem = await problemIn(response);
      expect(problem).toMatchObject({ code: 'not-ready', detail: 'b: failed' });
      expect(problem).toMatchObject({ notReady: [{ stream: 'b', reason: 'failed' }] });
    }
    expect(await (await get('/readyz?stream=a')).json()).toEqual({ status: 'ready', streams: 1, notReady: [] });
  });

  it('/readyz gives the messages of ffmpeg and of the store to operators only', async () => {
    const streams = threeStreams();
    streams[0].whyNotReady = bad;
    streams[2].whyNotStored = { reason: 'the store has not answered', detail: 'InvalidAccessKeyId' };
    const { get } = makeApp([...streams]);
    const stranger = await (await get('/readyz?streams=all')).text();
    expect(stranger).toContain('a: failed; c: the store has not answered');
    expect(stranger).not.toMatch(/camera|InvalidAccessKeyId/);
    const operator = await problemIn(await get('/readyz?streams=all', { authorization: `Bearer ${adminToken}` }));
    expect(operator.detail).toBe(`a: failed: ${bad.detail}; c: the store has not answered: InvalidAccessKeyId`);
  });

  it('/readyz fails for the store where that is required, whatever is asked', async () => {
    const streams = threeStreams();
    streams[1].whyNotStored = { reason: 'the store has not answered' };
    const { get } = makeApp([...streams]);
    for (const path of ['/readyz', '/readyz?streams=all', '/readyz?stream=b']) {
      expect(await problemIn(await get(path))).toMatchObject({ status: 503, detail: 'b: the store has not answered' });
    }
    expect((await get('/readyz?stream=a')).status).toBe(200);
  });

  it.each(['starting', 'closing'] as const)('/readyz fails while the node is %s; /healthz does not', async (phase) => {
    const { get } = makeApp([...threeStreams()], { node: { phase: () => phase } });
    for (const path of ['/readyz', '/readyz?streams=all', '/readyz?stream=a']) {
      expect(await problemIn(await get(path))).toMatchObject({ status: 503, detail: `the node is ${phase}` });
    }
    expect((await get('/healthz')).status).toBe(200);
  });

  it.each([
    ['stream=nobody', 404, 'stream'],
    ['stream=', 400, 'stream'],
    ['stream', 400, 'stream'],
    ['stream=a&stream=b', 400, 'stream'],
    ['stream=a&streams=all', 400, 'streams'],
    ['streams=all&streams=all', 400, 'streams'],
    ['streams=none', 400, 'streams'],
    ['strems=all', 400, 'strems'],
    ['__proto__=all', 400, '__proto__'],
  ])('/readyz?%s answers %d: a probe that asks for nothing must not pass', async (query, status, field) => {
    const { get } = makeApp([...threeStreams()]);
    expect(await problemIn(await get(`/readyz?${query}`))).toMatchObject({ status, field });
  });

  it('shows the metrics in their own type', async () => {
    const response = await makeApp([]).get('/metrics');
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4');
    expect(await response.text()).toBe('sidepipe_streams 1\n');
  });

  it('says nothing from the inside when the metrics fail', async () => {
    const render = () => Promise.reject(new Error('password hunter2'));
    const { get, errors } = makeApp([], { metrics: { render } });
    const response = await get('/metrics');
    expect(response.status).toBe(500);
    expect(JSON.stringify(await problemIn(response))).not.toContain('hunter2');
    expect(errors).toHaveLength(1);
  });
});

describe('errors', () => {
  it.each(['/', '/watch/cam', '/api/v1/streams', '/api/v1/streams/cam'])(
    'keeps a failure inside of %s',
    async (path) => {
      const stream = new FakeStream('cam');
      stream.broken = new Error('hunter2 at /home/user/secret.ts');
      const { get, errors } = makeApp([stream]);
      const problem = await problemIn(await get(path));
      expect(problem).toMatchObject({ status: 500, code: 'internal' });
      expect(JSON.stringify(problem)).not.toContain('hunter2');
      expect(errors).toHaveLength(1);
    },
  );

  it('tells callers of their own mistakes, field and all', async () => {
    const stream = new FakeStream('cam');
    stream.broken = new SidepipeError('width must be a number', {
      code: 'request-invalid',
      fault: 'caller',
      details: { field: 'width' },
    });
    const { get, errors } = makeApp([stream]);
    const problem = await problemIn(await get('/api/v1/streams/cam'));
    expect(problem).toMatchObject({ status: 400, detail: 'width must be a number', field: 'width' });
    expect(errors).toHaveLength(0);
  });

  it('shows people a page and programs a problem', async () => {
    const { get } = makeApp([]);
    const accept = 'text/html,application/xhtml+xml';
    const page = await get('/no/such/page', { accept });
    expect(page.status).toBe(404);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await page.text()).toContain('href="../../"');
    expect((await problemIn(await get('/no/such/page'))).status).toBe(404);
    expect((await problemIn(await get('/live/x/index.m3u8', { accept }))).status).toBe(404);
    expect((await problemIn(await get('/api/nothing', { accept }))).status).toBe(404);
    const watch = await get('/watch/nobody', { accept });
    expect([watch.status, watch.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8']);
    expect((await problemIn(await get('/watch/nobody'))).code).toBe('stream-unknown');
  });
});

describe('methods', () => {
  const paths = [
    '/',
    '/watch/cam',
    '/live/cam/index.m3u8',
    '/live/cam/thumbnail.jpg',
    '/api/v1/streams/cam/stills',
    '/metrics',
    '/healthz',
  ];

  it.each(paths)('%s answers 405 to what it does not know', async (path) => {
    const { app } = makeApp([new FakeStream('cam')]);
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'QUERY', 'PROPFIND', 'X']) {
      const response = await app.request(path, { method });
      expect(response.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
      expect(await problemIn(response)).toMatchObject({ status: 405, code: 'method-not-allowed' });
    }
  });

  it('answers a preflight for what is open to all, and for nothing else', async () => {
    const { app } = makeApp([new FakeStream('cam')]);
    const headers = { origin: 'https://elsewhere.example', 'access-control-request-method': 'GET' };
    for (const path of ['/live/cam/index.m3u8', '/live/cam/source/x.ts', '/api/v1/streams/cam/stills']) {
      const response = await app.request(path, { method: 'OPTIONS', headers });
      expect(response.status).toBe(204);
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      expect(response.headers.get('access-control-allow-methods')).toBe('GET, HEAD, OPTIONS');
      expect(response.headers.get('access-control-allow-headers')).toMatch(/\bIf-None-Match\b.*\bRange\b/);
      expect(response.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
    }
    const metrics = await app.request('/metrics', { method: 'OPTIONS', headers });
    expect([metrics.status, metrics.headers.get('access-control-allow-origin')]).toEqual([204, null]);
    expect((await app.request('/nothing', { method: 'OPTIONS', headers })).status).toBe(404);
  });

  it('answers HEAD with the length that GET has', async () => {
    const stream = new FakeStream('cam');
    stream.pictures.set('jpg', pictureOf(Buffer.from('picture')));
    const { app } = makeApp([stream]);
    for (const path of [
      '/',
      '/watch/cam',
      '/api/v1/streams',
      '/metrics',
      '/readyz',
      '/assets/abc123/home.js',
      '/nothing',
    ]) {
      const [head, get] = [await app.request(path, { method: 'HEAD' }), await app.request(path)];
      expect(head.status).toBe(get.status);
      expect(head.headers.get('content-length')).toBe(String((await get.arrayBuffer()).byteLength));
      expect(await head.text()).toBe('');
    }
  });
});

describe('assets', () => {
  it('serves them for ever under their hash, compressed for who takes it', async () => {
    const { get } = makeApp([]);
    const plain = await get('/assets/abc123/home.js');
    expect(await plain.text()).toContain('42');
    expect(plain.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(plain.headers.get('vary')).toBe('Accept-Encoding');
    const zipped = await get('/assets/abc123/home.js', { 'accept-encoding': 'br, gzip' });
    expect(zipped.headers.get('content-encoding')).toBe('gzip');
    expect(await zipped.text()).toBe('zipped');
    expect(zipped.headers.get('etag')).not.toBe(plain.headers.get('etag'));
    const refused = await get('/assets/abc123/home.js', { 'accept-encoding': 'gzip;q=0, br' });
    expect(refused.headers.has('content-encoding')).toBe(false);
  });

  it.each([
    '/assets/other/home.js',
    '/assets/abc123/..%2f..%2fpackage.json',
    '/assets/abc123/__proto__',
    '/assets/abc123/',
  ])('knows no %s', async (path) => {
    expect((await problemIn(await makeApp([]).get(path))).status).toBe(404);
  });
});
