import { request } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createHttpServer } from '../../../src/http/server.js';
import { Monitor } from '../../../src/monitor/monitor.js';
import { FakeStream } from '../../support/fake-streams.js';
import { openDeafViewer, openViewer, refusedUpgrade } from '../../support/monitor-viewer.js';
import { until } from '../../support/wait.js';
import { makeApp } from '../make-app.js';

async function start({ viewers = 10, origins = [] as string[], publicUrl = 'https://live.example.org' } = {}) {
  const monitor = new Monitor({
    name: 'cam',
    width: 640,
    height: 360,
    bitrate: 1e6,
    viewers,
    origins,
    onDropped: () => {},
  });
  const cam = new FakeStream('cam');
  cam.monitor = monitor;
  const { app, errors } = makeApp([cam, new FakeStream('plain')], { publicUrl });
  const log = { info: () => {}, warn: () => {}, error: (fields: object) => errors.push(fields) };
  const server = createHttpServer({ fetch: app.fetch, host: '127.0.0.1', port: 0, log });
  const { port } = await server.start();
  onTestFinished(async () => {
    monitor.close();
    await server.close();
  });
  return { url: `http://127.0.0.1:${port}`, port, monitor, errors };
}

const packets = (count: number) => Buffer.alloc(188 * count, 0x47);

describe('/live/{stream}/monitor', () => {
  it('hands every viewer whole packets from the moment it joined', async () => {
    const { url, monitor } = await start();
    monitor.push(packets(3));
    const first = await openViewer(url);
    monitor.push(Buffer.concat([packets(1), packets(1).subarray(0, 100)]));
    const second = await openViewer(url);
    monitor.push(packets(1).subarray(100));
    await expect.poll(() => [first.stream().length, second.stream().length]).toEqual([376, 188]);
    expect(first.messages[0]).toEqual(Buffer.from([...Buffer.from('jsmp'), 2, 128, 1, 104]));
    expect(monitor.status).toEqual({ viewers: 2, dropped: 0 });
  });

  it.each([
    [undefined, true],
    ['own', true],
    ['https://live.example.org', true],
    ['https://allowed.example', true],
    ['http://allowed.example', false],
    ['https://evil.example', false],
    ['https://live.example.org.evil.example', false],
    ['null', false],
    ['', false],
  ])('lets pages of %s in: %s', async (origin, isAllowed) => {
    const { url } = await start({ origins: ['https://allowed.example/'] });
    if (isAllowed) return void (await openViewer(url, 'cam', origin === 'own' ? url : origin));
    const refused = await refusedUpgrade(`${url}/live/cam/monitor`, { origin: origin! });
    expect([refused.status, JSON.parse(refused.body).code]).toEqual([403, 'origin-refused']);
  });

  it('lets all pages in where all are allowed', async () => {
    const { url } = await start({ origins: ['*'] });
    await openViewer(url, 'cam', 'https://elsewhere.example');
  });

  it('refuses in words, without a WebSocket', async () => {
    const { url, errors } = await start({ viewers: 1 });
    const refusal = async (path: string, headers = {}) => {
      const { status, body, headers: answered } = await refusedUpgrade(url + path, headers);
      expect(answered['content-type']).toBe('application/problem+json');
      return [status, JSON.parse(body).code];
    };
    expect(await refusal('/live/nobody/monitor')).toEqual([404, 'stream-unknown']);
    expect(await refusal('/live/plain/monitor')).toEqual([404, 'not-found']);
    expect(await refusal('/live/cam/other')).toEqual([404, 'not-found']);
    expect(await refusal(`/live/cam/monitor?${'a'.repeat(3000)}`)).toEqual([414, 'uri-too-long']);
    expect(await refusal('/live/cam/monitor', { host: 'a b' })).toEqual([400, 'bad-request']);
    await openViewer(url);
    expect(await refusal('/live/cam/monitor')).toEqual([503, 'too-many-viewers']);
    const plain = await fetch(`${url}/live/cam/monitor`);
    expect([plain.status, plain.headers.get('upgrade')]).toEqual([426, 'websocket']);
    expect(errors).toEqual([]);
  });

  it('answers a malformed handshake and goes on', async () => {
    const { url, port } = await start();
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /live/cam/monitor HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    const [answer] = await new Promise<Buffer[]>((resolve) => socket.once('data', (piece) => resolve([piece])));
    socket.destroy();
    expect(String(answer)).toMatch(/^HTTP\/1\.1 400 /);
    await openViewer(url);
  });

  it('drops a viewer that takes nothing, and no other', async () => {
    const { url, monitor } = await start();
    const [deaf, viewer] = [await openDeafViewer(url), await openViewer(url)];
    const gone = new Promise<void>((resolve) => deaf.once('close', () => resolve()));
    let pushed = 0;
    await until('a dropped viewer', () => {
      monitor.push(packets(1000));
      pushed += 188_000;
      return monitor.status.dropped > 0;
    });
    await expect.poll(() => monitor.status).toEqual({ viewers: 1, dropped: 1 });
    await expect.poll(() => viewer.stream().length).toBe(pushed);
    // What the kernel had taken for it is still read; then the end.
    deaf.resume();
    await gone;
  });

  it('takes nothing large from a viewer', async () => {
    const { url, monitor } = await start();
    const viewer = await openViewer(url);
    viewer.socket.send(Buffer.alloc(2000));
    expect(await viewer.closed).toBe(1009);
    await expect.poll(() => monitor.status.viewers).toBe(0);
  });
});

describe('a request to upgrade to something else', () => {
  it('is answered as if it had not asked, its body and further requests too', async () => {
    const { port } = await start();
    const h2c = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAAP__' };
    const ask = (method: string, path: string, body?: string) =>
      new Promise<readonly [number | undefined, string]>((resolve, reject) => {
        const asked = request({ port, method, path, headers: body ? { ...h2c, 'content-length': body.length } : h2c });
        asked.once('error', reject);
        asked.once('response', (response) => {
          let text = '';
          response.on('data', (piece) => {
            text += piece;
          });
          response.once('end', () => resolve([response.statusCode, text]));
        });
        asked.end(body);
      });
    const [status, text] = await ask('GET', '/api/v1/streams/cam');
    expect([status, JSON.parse(text).name]).toEqual([200, 'cam']);
    expect((await ask('POST', '/api/v1/streams/cam/snapshot', 'x'.repeat(5000)))[0]).toBe(401);
    const raw = await new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      let answered = '';
      socket.on('data', (piece) => {
        answered += piece;
      });
      socket.once('close', () => resolve(answered));
      socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
      socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    });
    expect(raw.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
  });
});
