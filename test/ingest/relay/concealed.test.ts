import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { findFfmpeg } from '../../../src/ffmpeg/locate.js';
import { type ConcealedUrls, createConcealedUrls } from '../../../src/ingest/relay/concealed.js';

async function started(isOwn = async () => true): Promise<ConcealedUrls> {
  const urls = createConcealedUrls(isOwn);
  await urls.start();
  onTestFinished(() => urls.close());
  return urls;
}

/** What ffmpeg says of a source; it never plays. */
async function ffmpegSays(args: readonly string[]): Promise<string> {
  const path = await findFfmpeg(undefined);
  return new Promise((resolve) => {
    execFile(path, ['-v', 'info', ...args, '-f', 'null', '-'], { timeout: 20_000 }, (_error, _stdout, stderr) => {
      resolve(stderr);
    });
  });
}

const basic = `Basic ${Buffer.from('viewer:se@cret').toString('base64')}`;

it('concealed URLs: ffmpeg opens an HTTP source with its password and token, and its command line has neither', async () => {
  const asked: string[] = [];
  const camera = createHttpServer((request, response) => {
    asked.push(`${request.url} ${request.headers.authorization}`);
    if (request.headers.authorization === basic) response.writeHead(404).end();
    else response.writeHead(401, { 'www-authenticate': 'Basic realm="camera"' }).end();
  }).listen(0);
  await once(camera, 'listening');
  onTestFinished(() => void camera.close());
  const { port } = camera.address() as AddressInfo;
  const { url } = (await started()).conceal(`http://viewer:se%40cret@127.0.0.1:${port}/v.ts?token=abc`);
  expect(url).toMatch(/^http:\/\/127\.\d+\.\d+\.\d+:\d+\/[0-9a-f]{32}\.ts$/);
  await ffmpegSays(['-i', url]);
  expect(asked).toEqual(['/v.ts?token=abc undefined', `/v.ts?token=abc ${basic}`]);
});

it('concealed URLs: ffmpeg opens the longest URL that a source may have, whole', async () => {
  const asked: string[] = [];
  const camera = createHttpServer((request, response) => {
    asked.push(String(request.url));
    response.writeHead(404).end();
  }).listen(0);
  await once(camera, 'listening');
  onTestFinished(() => void camera.close());
  const at = `http://127.0.0.1:${(camera.address() as AddressInfo).port}`;
  // The way out of streams of the API writes a few characters more.
  const path = `/v.ts?token=${'x'.repeat(3810 - at.length - '/v.ts?token='.length)}`;
  const { url } = (await started()).conceal(at + path);
  expect(url).not.toContain('xx');
  await ffmpegSays(['-i', url]);
  expect(asked).toEqual([path]);
});

it('concealed URLs: ffmpeg opens an RTSP source with its password and token', async () => {
  const asked: string[] = [];
  const camera = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (piece) => {
      const [first = ''] = piece.toString('latin1').split('\r\n');
      const [, sequence = ''] = /CSeq: (\d+)/.exec(piece.toString('latin1')) ?? [];
      const [, credentials] = /Authorization: (.*)\r/.exec(piece.toString('latin1')) ?? [];
      asked.push(`${first.replace(/:\d+\//, '/')} ${credentials}`);
      const answer = first.startsWith('OPTIONS')
        ? '200 OK\r\nPublic: DESCRIBE'
        : credentials === undefined
          ? '401 Unauthorized\r\nWWW-Authenticate: Basic realm="camera"'
          : '404 Not Found';
      socket.write(`RTSP/1.0 ${answer}\r\nCSeq: ${sequence}\r\n\r\n`);
    });
  }).listen(0);
  await once(camera, 'listening');
  onTestFinished(() => void camera.close());
  const { port } = camera.address() as AddressInfo;
  const { url } = (await started()).conceal(`rtsp://viewer:se%40cret@127.0.0.1:${port}/1?token=abc`);
  expect(url).toMatch(/^rtsp:\/\/127\.\d+\.\d+\.\d+:\d+\/[0-9a-f]{32}$/);
  await ffmpegSays(['-rtsp_transport', 'tcp', '-i', url]);
  expect(asked.at(-1)).toBe(`DESCRIBE rtsp://127.0.0.1/1?token=abc RTSP/1.0 ${basic}`);
});

it('concealed URLs: tell a process of another user nothing', async () => {
  const { url } = (await started(async () => false)).conceal('http://viewer:secret@camera/');
  const socket = connect(Number(new URL(url).port), new URL(url).hostname).on('error', () => {});
  socket.write(`GET ${new URL(url).pathname} HTTP/1.1\r\nHost: x\r\n\r\n`);
  let answer = '';
  socket.on('data', (piece) => {
    answer += piece;
  });
  await once(socket, 'close');
  expect(answer).toBe('');
});

it('concealed URLs: are followed again until they are closed, and then lead nowhere', async () => {
  const concealed = (await started()).conceal('https://camera/live.m3u8?key=ö');
  for (let time = 0; time < 2; time++) {
    const answer = await fetch(concealed.url, { redirect: 'manual' });
    expect(answer.status).toBe(302);
    expect(Buffer.from(answer.headers.get('location')!, 'latin1').toString()).toBe('https://camera/live.m3u8?key=ö');
  }
  concealed.close();
  expect((await fetch(concealed.url, { redirect: 'manual' })).status).toBe(404);
});

it.each(['x\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n', 'OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n', `${'x'.repeat(20_000)}`])(
  'concealed URLs: answer no secret to %j',
  async (request) => {
    const urls = await started();
    const { url } = urls.conceal('rtsp://viewer:secret@camera/');
    const { port, hostname } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {});
    socket.write(request);
    let answer = '';
    socket.on('data', (piece) => {
      answer += piece;
    });
    await once(socket, 'close');
    expect(answer).not.toContain('camera');
  },
);

it('concealed URLs: give a playlist, and only until it is closed', async () => {
  const concealed = (await started()).conceal({ playlist: '#EXTM3U\nsrt://h:1?streamid=ö\n' });
  expect(concealed.url).toMatch(/^http:\/\/127\.\d+\.\d+\.\d+:\d+\/[0-9a-f]{32}\.m3u8$/);
  const answer = await fetch(concealed.url);
  expect(answer.status).toBe(200);
  expect(await answer.text()).toBe('#EXTM3U\nsrt://h:1?streamid=ö\n');
  concealed.close();
  expect((await fetch(concealed.url)).status).toBe(404);
});
