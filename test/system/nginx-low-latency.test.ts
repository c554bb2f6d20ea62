import { readFile, writeFile } from 'node:fs/promises';
import { createServer, request as forward, type Server } from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { parse, type types } from 'hls-parser';
import { expect, it, onTestFinished } from 'vitest';
import { freePort, runNginx } from '../support/nginx.js';
import { startNode } from '../support/node.js';
import { testCertificate } from '../support/rtmp-certificate.js';
import { until } from '../support/wait.js';

/** The configuration that the project ships, in a real nginx, in front of a real node. */

const shipped = new URL('../../deploy/nginx-low-latency.conf', import.meta.url);
const VIEWERS = 1000;
/** nginx takes 128 requests at once on a connection. */
const PER_CONNECTION = 100;

/** Counts what comes by on its way to `upstream`. */
async function startCounter(upstream: string): Promise<{ port: number; counts: Map<string, number> }> {
  const counts = new Map<string, number>();
  const server: Server = createServer((request, response) => {
    const path = request.url ?? '';
    counts.set(path, (counts.get(path) ?? 0) + 1);
    const { method, headers } = request;
    const onward = forward(new URL(path, upstream), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { port: (server.address() as AddressInfo).port, counts };
}

async function startShipped(upstreamPort: number): Promise<string> {
  const port = await freePort();
  const probe = await freePort();
  const nginx = await runNginx(async (folder) => {
    await writeFile(join(folder, 'live.crt'), testCertificate.cert);
    await writeFile(join(folder, 'live.key'), testCertificate.key);
    const text = await readFile(shipped, 'utf8');
    // What its first lines say that has to be changed, and nothing else.
    const changes: readonly (readonly [string, string])[] = [
      ['server 127.0.0.1:8080;', `server 127.0.0.1:${upstreamPort};`],
      ['/var/cache/nginx/sidepipe', join(folder, 'cache')],
      ['listen 443 ssl http2;', `listen 127.0.0.1:${port} ssl http2;`],
      ['server_name live.example.org;', 'server_name localhost;'],
      ['/etc/nginx/live.example.org.crt', join(folder, 'live.crt')],
      ['/etc/nginx/live.example.org.key', join(folder, 'live.key')],
    ];
    for (const [from] of changes) expect(text.split(from)).toHaveLength(2);
    const http = changes.reduce((changed, [from, to]) => changed.replace(from, to), text);
    const ready = `server { listen 127.0.0.1:${probe}; return 204; }`;
    return { http: `${http}\n${ready}`, ready: `http://127.0.0.1:${probe}` };
  });
  onTestFinished(() => nginx.close());
  return `https://localhost:${port}`;
}

interface Got {
  readonly status: number;
  readonly body: Buffer;
}

function get(session: ClientHttp2Session, path: string, method = 'GET'): Promise<Got> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': path, ':method': method });
    const pieces: Buffer[] = [];
    let status = 0;
    stream.on('response', (headers) => {
      status = Number(headers[':status']);
    });
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('end', () => resolve({ status, body: Buffer.concat(pieces) }));
    stream.on('error', reject);
    stream.end();
  });
}

function dial(origin: string): ClientHttp2Session {
  const session = connect(origin, { ca: testCertificate.cert });
  onTestFinished(() => session.destroy());
  return session;
}

it(`one request goes to the node for ${VIEWERS} viewers who wait for a part, and all are answered`, async () => {
  const node = await startNode({
    streams: [{ name: 'cam', source: 'test', hls: { segmentSeconds: 2, container: 'fmp4' } }],
  });
  const counter = await startCounter(node.url);
  const origin = await startShipped(counter.port);
  const path = '/live/cam/source/index.m3u8';
  const session = dial(origin);
  await until('three segments', async () => (await node.segments('cam')).length >= 3, {
    timeoutMs: 120_000,
    intervalMs: 100,
  });

  const now = parse((await get(session, path)).body.toString()) as types.MediaPlaylist;
  const next = now.segments.at(-1)!.mediaSequenceNumber + 1;
  const wanted = `${path}?_HLS_msn=${next}&_HLS_part=0`;
  const sessions = Array.from({ length: VIEWERS / PER_CONNECTION }, () => dial(origin));
  const answers = await Promise.all(
    sessions.flatMap((each) =>
      Array.from({ length: PER_CONNECTION }, (_, index) => get(each, `${wanted}&CMCD=sid%3D%22${index}%22`)),
    ),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const bodies = new Set(answers.map(({ body }) => body.toString()));
  expect(bodies.size).toBe(1);
  const playlist = parse([...bodies][0]!) as types.MediaPlaylist;
  const reached = playlist.segments.find(({ mediaSequenceNumber }) => mediaSequenceNumber === next);
  expect(reached?.parts.length).toBeGreaterThan(0);
  const upstream = [...counter.counts].filter(([asked]) => asked.startsWith(wanted));
  expect(upstream.map(([, count]) => count)).toEqual([1]);

  // What else is in the key: a delta update is no whole playlist, and a token no other token.
  const delta = await get(session, `${wanted}&_HLS_skip=YES`);
  expect(delta.status).toBe(200);
  for (const more of ['&_HLS_skip=YES', '&token=a', '&token=b']) await get(session, `${wanted}${more}`);
  const asked = [...counter.counts.keys()]
    .filter((each) => each.startsWith(wanted))
    .map((each) => each.slice(wanted.length));
  expect(asked.filter((each) => !each.startsWith('&CMCD')).toSorted()).toEqual([
    '&_HLS_skip=YES',
    '&token=a',
    '&token=b',
  ]);

  expect((await get(session, `${path}?_HLS_msn=${next + 1000}&_HLS_part=0`)).status).toBe(400);
  const part = reached!.parts[0]!.uri;
  const media = `/live/cam/source/${part}`;
  const direct = await node.bytes(media);
  expect(direct.status).toBe(200);
  for (let again = 0; again < 3; again += 1) expect((await get(session, media)).body.equals(direct.body)).toBe(true);
  expect(counter.counts.get(media)).toBe(1);
  expect(await get(session, media, 'HEAD')).toMatchObject({ status: 200, body: Buffer.alloc(0) });
  expect((await get(session, '/live/cam/thumbnail.jpg')).status).toBe(200);
});
