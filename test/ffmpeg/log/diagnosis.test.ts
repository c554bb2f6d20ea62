import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { diagnose } from '../../../src/ffmpeg/log/diagnosis.js';
import { parseLogLine } from '../../../src/ffmpeg/log/log-line.js';
import { inputArguments } from '../../../src/ingest/input.js';
import { parseSource } from '../../../src/ingest/source.js';
import { embedded, ffmpegs, makeDirectory, makeWithFfmpeg } from '../../support/ffmpeg.js';
import { protocolsOf, runPlan, smallPlan } from '../run-plan.js';

const codeOf = (...lines: string[]) => diagnose(lines.map(parseLogLine))?.code;

describe('diagnose', () => {
  it.each([
    ['[rtsp @ 0x1] [error] method DESCRIBE failed: 401 Unauthorized', true],
    ['[http @ 0x1] [warning] HTTP error 401 Unauthorized', true],
    ['[rtmp @ 0x1] [error] Server error: Authorization failed.', true],
    ['[error] x: Server returned 403 Forbidden (access denied)', true],
    ['[error] srt: ERROR:UNSECURE', true],
    ['[http @ 0x1] [warning] HTTP error 403 Address not allowed', undefined],
    ['[http @ 0x1] [warning] HTTP error 403 Playlist not allowed', undefined],
    ['[error] file:/x: Permission denied', undefined],
    ['[tcp @ 0x1] [error] Connection refused', undefined],
  ])('says whether the source rejected the credentials: %s', (line, denied) => {
    const lines = [line, '[error] x: Server returned 403 Forbidden (access denied)'].slice(
      0,
      line.includes('not allowed') ? 2 : 1,
    );
    expect(diagnose(lines.map(parseLogLine))?.denied).toBe(denied);
  });

  it.each([
    ['[http @ 0x1] [warning] HTTP error 401 Unauthorized', 'source-refused'],
    ['[rtsp @ 0x1] [error] method DESCRIBE failed: 401 Unauthorized', 'source-refused'],
    ['[rtmp @ 0x1] [error] Server error: Authorization failed.', 'source-refused'],
    ['[error] x: Server returned 403 Forbidden (access denied)', 'source-refused'],
    ['[rtsp @ 0x1] [error] method DESCRIBE failed: 404 Not Found', 'source-unavailable'],
    ['[rtmp @ 0x1] [error] Server error: NetStream.Play.StreamNotFound', 'source-unavailable'],
    ['[error] x: Server returned 4XX Client Error, but not one of 40{0,1,3,4}', 'source-refused'],
    ['[error] x: Server returned 5XX Server Error reply', 'source-unavailable'],
    [
      '[h264 @ 0x1] [IMGUTILS @ 0x2] [error] Picture size 16000x16000 exceeds specified max pixel count 35651584, see the documentation if you wish to increase it',
      'source-unsupported',
    ],
    ['[error] file:/tmp: Is a directory', 'source-refused'],
    ['[error] file:/x: No such file or directory', 'source-unavailable'],
    ['[error] file:/x: Permission denied', 'source-refused'],
    ["[fatal] Stream map '0:V:0' matches no streams.", 'source-without-video'],
    ['[error] srt://x: Protocol not found', 'source-unsupported'],
    ['[tcp @ 0x1] [error] Failed to resolve hostname camera: Name or service not known', 'source-unavailable'],
    ['[tls @ 0x1] [error] A TLS packet with unexpected length was received.', 'source-unavailable'],
    ['[tcp @ 0x1] [error] Connection to tcp://127.0.0.1:9 failed: Connection refused', 'source-unavailable'],
    ['[error] x: No route to host', 'source-unavailable'],
    ['[error] x: Connection timed out', 'source-unavailable'],
    ['[error] x: Operation timed out', 'source-unavailable'],
    ['[error] x: Connection reset by peer', 'source-unavailable'],
    [
      '[mp4 @ 0x1] [error] Could not find tag for codec pcm_mulaw in stream #1, codec not currently supported in container',
      'source-unsupported',
    ],
    ['[mp4 @ 0x1] [error] Malformed AAC bitstream detected: use the audio bitstream filter', 'source-unsupported'],
    ['[error] x: Invalid data found when processing input', 'source-not-media'],
    ['[mov @ 0x1] [error] moov atom not found', 'source-not-media'],
    ['[error] x: Input/output error', 'source-unavailable'],
    ["[hls @ 0x1] [error] Protocol 'file' not on whitelist 'http,https,tcp,tls'!", 'source-refused'],
  ])('knows %s', (line, code) => {
    const diagnosis = diagnose([parseLogLine(line)]);
    expect(diagnosis?.code).toBe(code);
    expect(diagnosis?.message).toMatch(/^[A-Z].*\.$/);
  });

  it('says nothing where nothing is known', () => {
    expect(codeOf()).toBeUndefined();
    expect(codeOf('[error] something new')).toBeUndefined();
    expect(codeOf('[info] No such file or directory', 'Connection refused')).toBeUndefined();
  });

  it('prefers the cause to what follows from it', () => {
    expect(
      codeOf('[error] x: Invalid data found when processing input', '[http @ 0x1] [warning] HTTP error 404 Not Found'),
    ).toBe('source-unavailable');
    expect(codeOf('[error] x: Input/output error', "[error] Protocol 'file' not on whitelist 'http'!")).toBe(
      'source-refused',
    );
  });
});

let directory: Awaited<ReturnType<typeof makeDirectory>>;
let port: number;
let rtspPort: number;
let refusedPort: number;
let secure: string;

const playlist = (line: string) =>
  `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n${line}\n#EXT-X-ENDLIST\n`;
const server: Server = createServer((request, response) => {
  const path = request.url ?? '';
  const status = Number(/^\/(\d{3})/.exec(path)?.[1]);
  if (status) response.writeHead(status).end('no');
  else if (path === '/to-file.m3u8') response.end(playlist(`file://${directory.path}/clip.ts`));
  else if (path === '/to-plain-path.m3u8') response.end(playlist(`${directory.path}/clip.ts`));
  else if (path === '/concat') response.end(`ffconcat version 1.0\nfile 'file:${directory.path}/clip.ts'\n`);
  else if (path === '/silent') response.writeHead(200, { 'content-type': 'video/mp2t' }).flushHeaders();
  else if (path === '/cut') request.socket.destroy();
  else response.end('<!doctype html><title>A page</title><p>that is no video at all</p>'.repeat(50));
});
/** Answers every RTSP request alike. */
const rtsp: TcpServer = createTcpServer((socket) => {
  socket.on('error', () => {});
  socket.on('data', (data) => {
    const [, method, path, sequence] = /^(\w+) \S*?(\/\d*)? RTSP.*?CSeq: (\d+)/s.exec(data.toString()) ?? [];
    const status = method === 'OPTIONS' ? '200 OK' : path === '/401' ? '401 Unauthorized' : '404 Not Found';
    socket.write(`RTSP/1.0 ${status}\r\nCSeq: ${sequence}\r\n\r\n`);
  });
});

async function listen(each: TcpServer | Server): Promise<number> {
  await new Promise<void>((resolve) => each.listen({ host: '127.0.0.1', port: 0 }, resolve));
  return (each.address() as AddressInfo).port;
}
const close = (each: TcpServer | Server) => new Promise<void>((resolve) => each.close(() => resolve()));

beforeAll(async () => {
  directory = await makeDirectory();
  const at = (name: string) => join(directory.path, name);
  const tone = ['-f', 'lavfi', '-i', 'sine=duration=1'];
  const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=64x36:rate=25:duration=1'];
  await makeWithFfmpeg(embedded.path, [...tone, '-c:a', 'aac', at('tone.m4a')]);
  await makeWithFfmpeg(embedded.path, [...picture, '-c:v', 'mpeg2video', at('clip.ts')]);
  await makeWithFfmpeg(embedded.path, [...picture, '-c:v', 'huffyuv', at('odd.avi')]);
  await writeFile(at('words.log'), 'These are words and not a picture.\n'.repeat(200));
  await writeFile(at('empty.mp4'), '');
  await writeFile(at('to-network.m3u8'), playlist('http://127.0.0.1:9/1.ts'));
  port = await listen(server);
  rtspPort = await listen(rtsp);
  const refusing = createTcpServer();
  refusedPort = await listen(refusing);
  await close(refusing);
  secure = `https://127.0.0.1:${port}/x`;
});
afterAll(async () => {
  server.closeAllConnections();
  await Promise.all([close(server), close(rtsp)]);
  await directory.remove();
});

/** Every rule that can be provoked here, by what ffmpeg really prints. */
describe.concurrent.each(ffmpegs)('a failure of the $name ffmpeg', ({ path, options: build }) => {
  it.each<[string, () => string, string, RegExp]>([
    ['a file that is missing', () => 'missing.mp4', 'source-unavailable', /does not exist/],
    ['a directory', () => '.', 'source-refused', /directory/],
    ['a text', () => 'words.log', 'source-not-media', /not video/],
    ['an empty file', () => 'empty.mp4', 'source-not-media', /not video/],
    ['a file without video', () => 'tone.m4a', 'source-without-video', /no video/],
    ['a codec that HLS cannot carry', () => 'odd.avi', 'source-unsupported', /Encode it/],
    ['a file that leads to the network', () => 'to-network.m3u8', 'source-refused', /protocol/],
    ['a port that refuses', () => `http://127.0.0.1:${refusedPort}/x`, 'source-unavailable', /refused/],
    ['RTSP to a port that refuses', () => `rtsp://127.0.0.1:${refusedPort}/x`, 'source-unavailable', /refused/],
    ['RTSPS to a port that refuses', () => `rtsps://127.0.0.1:${refusedPort}/x`, 'source-unavailable', /refused/],
    ['RTMP to a port that refuses', () => `rtmp://127.0.0.1:${refusedPort}/x/y`, 'source-unavailable', /refused/],
    ['a 401', () => `http://127.0.0.1:${port}/401`, 'source-refused', /401/],
    ['a 403', () => `http://127.0.0.1:${port}/403`, 'source-refused', /403/],
    ['a 404', () => `http://127.0.0.1:${port}/404`, 'source-unavailable', /404/],
    ['a 404 of a playlist', () => `http://127.0.0.1:${port}/404.m3u8`, 'source-unavailable', /404/],
    ['a 429', () => `http://127.0.0.1:${port}/429`, 'source-refused', /4xx/],
    ['a 500', () => `http://127.0.0.1:${port}/500`, 'source-unavailable', /5xx/],
    ['an RTSP 401', () => `rtsp://127.0.0.1:${rtspPort}/401`, 'source-refused', /401/],
    ['an RTSP 404', () => `rtsp://127.0.0.1:${rtspPort}/404`, 'source-unavailable', /404/],
    ['a web page', () => `http://127.0.0.1:${port}/page`, 'source-not-media', /not video/],
    ['a server that says nothing', () => `http://127.0.0.1:${port}/silent`, 'source-unavailable', /timed out|broke/],
    ['a server that hangs up', () => `http://127.0.0.1:${port}/cut`, 'source-unavailable', /broke/],
    ['a secure connection to a plain server', () => secure, 'source-unavailable', /TLS|broke/],
    ['a playlist that leads to a file', () => `http://127.0.0.1:${port}/to-file.m3u8`, 'source-refused', /protocol/],
    ['a list of files from the network', () => `http://127.0.0.1:${port}/concat`, 'source-not-media', /not video/],
  ])(
    'is put into words: %s',
    async (_, text, code, message) => {
      const source = parseSource(text(), (name) => join(directory.path, name));
      const options = {
        loop: false,
        rtspTimeout: build.rtspTimeout,
        protocols: await protocolsOf(path),
        timeouts: { connectSeconds: 2, readSeconds: 2, socketSeconds: 2 },
      };
      const input = inputArguments(source, options);
      const { lines, segments, pictures, exit } = await runPlan(path, {
        ...smallPlan,
        ...{ input, options: build, hls: { segmentSeconds: 1, container: 'fmp4' } },
      });
      const said = `${exit.code} ${exit.signal}\n${lines.map((each) => `[${each.level}] ${each.text}`).join('\n')}`;
      const diagnosis = diagnose(lines);
      expect(diagnosis, said).toMatchObject({ code, message: expect.stringMatching(message) });
      expect(segments, said).toEqual([]);
      expect(pictures, said).toEqual([]);
    },
    60_000,
  );

  it('never reads a file that a playlist from the network names by its path alone', async () => {
    const source = parseSource(`http://127.0.0.1:${port}/to-plain-path.m3u8`, (name) => name);
    const options = {
      loop: false,
      rtspTimeout: build.rtspTimeout,
      protocols: await protocolsOf(path),
      timeouts: { connectSeconds: 2, readSeconds: 2, socketSeconds: 2 },
    };
    const input = inputArguments(source, options);
    const plan = { ...smallPlan, input, options: build, hls: { segmentSeconds: 1, container: 'fmp4' as const } };
    const { segments, pictures } = await runPlan(path, plan);
    expect([segments.length, pictures.length]).toEqual([0, 0]);
  });
});
