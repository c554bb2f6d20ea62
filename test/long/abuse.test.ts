import { connect } from 'node:net';
import { expect, it, vi } from 'vitest';
import { signPlayback } from '../../src/http/access/playback-token.js';
import { startNode, type TestNode } from '../support/node.js';

const adminToken = 'the-admin-token-of-this-node';
const key = { id: 'k1', secret: 'a-secret-of-at-least-32-characters' };
const small = { hls: { segmentSeconds: 1 }, thumbnail: { intervalSeconds: 1, width: 160 } } as const;
const patience = { timeout: 60_000, interval: 100 };

async function startGuarded(): Promise<TestNode> {
  const node = await startNode({
    admin: { token: adminToken },
    playback: { keys: [key] },
    streams: [
      { name: 'open', source: 'test', ...small },
      { name: 'closed', source: 'test', ...small, playback: { access: 'signed' } },
    ],
  });
  await vi.waitFor(async () => {
    for (const name of ['open', 'closed']) expect((await node.stream(name)).hls.bandwidth).not.toBeNull();
  }, patience);
  return node;
}

/** Writes bytes to the node and gives what comes back until the other side ends. */
function exchange(node: TestNode, text: string): Promise<string> {
  const { port } = new URL(node.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(text));
    const pieces: Buffer[] = [];
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    socket.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' ? undefined : reject(error)));
    socket.on('close', () => resolve(Buffer.concat(pieces).toString('latin1')));
  });
}

const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);

/** What was going on goes on: pictures are fresh, and a viewer gets the newest segment whole. */
async function expectUnharmed(node: TestNode): Promise<void> {
  const thumbnail = await node.bytes('/live/open/thumbnail.jpg');
  expect([thumbnail.status, thumbnail.headers.get('sidepipe-image-state')]).toEqual([200, 'fresh']);
  const segment = (await node.segments('open')).at(-1)!;
  const answer = await fetch(segment);
  expect((await answer.arrayBuffer()).byteLength).toBe(Number(answer.headers.get('content-length')));
  const { ffmpeg, state } = await node.stream('open');
  expect([state, ffmpeg.restarts]).toEqual(['live', 0]);
}

function expectNoSecrets(node: TestNode, ...secrets: string[]): void {
  const log = JSON.stringify(node.log);
  for (const secret of [adminToken, key.secret, ...secrets]) expect(log).not.toContain(secret);
}

it('stops who guesses the token, at the login and at the API, and nobody else', async () => {
  const node = await startGuarded();
  const { origin } = new URL(node.url);
  const login = (token: string) =>
    fetch(`${node.url}/login`, {
      method: 'POST',
      redirect: 'manual',
      headers: { origin, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ token }).toString(),
    });
  const signedIn = await login(adminToken);
  expect(signedIn.status).toBe(303);
  const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? '';
  const statuses = new Map<number, number>();
  for (let guess = 0; guess < 60; guess += 1) {
    const isLogin = guess % 2 === 0;
    const { status } = await (isLogin
      ? login(`a-wrong-guess-${guess}`)
      : fetch(`${node.url}/api/v1/streams/open/snapshot`, {
          method: 'POST',
          headers: { authorization: `Bearer a-wrong-guess-${guess}` },
        }));
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  expect(Object.fromEntries(statuses)).toEqual({ 401: 10, 429: 50 });
  // Who is in stays in, and whoever only watches notices nothing.
  const still = await fetch(`${node.url}/watch/closed`, { headers: { cookie, accept: 'text/html' } });
  expect(still.status).toBe(200);
  const lines = node.log.filter(({ msg }) => String(msg).includes('wrong admin token'));
  expect(lines).toHaveLength(10);
  expect(lines[0]).toMatchObject({ address: expect.stringContaining('127.0.0.1') });
  expectNoSecrets(node, 'a-wrong-guess', cookie.split('=')[1] ?? 'no cookie');
  // By the signed-in operator: the address itself has no guess left.
  const thumbnail = await node.bytes('/live/open/thumbnail.jpg');
  expect(thumbnail.headers.get('sidepipe-image-state')).toBe('fresh');
});

it('opens a signed stream to its signatures only, all the way to the segments', async () => {
  const node = await startGuarded();
  const token = signPlayback({ key, stream: 'closed', expiresAt: Date.now() + 60_000 });
  const playlist = async (url: string) =>
    (await (await fetch(url)).text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const multivariant = `${node.url}/live/closed/index.m3u8?token=${token}`;
  const [media] = await playlist(multivariant);
  const mediaUrl = new URL(media!, multivariant).href;
  const segments = await playlist(mediaUrl);
  expect(segments.length).toBeGreaterThan(0);
  const segment = new URL(segments.at(-1)!, mediaUrl).href;
  expect((await fetch(segment)).status).toBe(200);
  const bare = segment.split('?')[0];
  const expired = signPlayback({ key, stream: 'closed', expiresAt: Date.now() - 1000 });
  const other = signPlayback({ key, stream: 'open', expiresAt: Date.now() + 60_000 });
  const foreign = signPlayback({
    key: { ...key, secret: 'x'.repeat(40) },
    stream: 'closed',
    expiresAt: Date.now() + 1e6,
  });
  const reasons = [];
  for (const query of [
    '',
    `?token=${expired}`,
    `?token=${other}`,
    `?token=${foreign}`,
    `?token=${token}A`,
    '?token=%00',
  ]) {
    const answer = await fetch(`${bare}${query}`);
    const { status, reason } = (await answer.json()) as { status: number; reason: string };
    reasons.push([answer.status, status, reason]);
  }
  expect(reasons).toEqual(
    ['missing', 'expired', 'signature', 'signature', 'signature', 'signature'].map((reason) => [403, 403, reason]),
  );
  for (const file of ['thumbnail.jpg', 'preview.webp', 'storyboard.vtt', 'index.m3u8', 'source/index.m3u8']) {
    expect([file, (await fetch(`${node.url}/live/closed/${file}`)).status]).toEqual([file, 403]);
    // Another spelling of the same address goes another way through the program.
    const spelled = file.replace('.', '%2e');
    expect([spelled, (await fetch(`${node.url}/live/closed/${spelled}`)).status]).toEqual([spelled, 403]);
  }
  expect(await (await fetch(`${node.url}/api/v1/streams`)).text()).not.toContain('token=');
  expectNoSecrets(node, token, expired, other, foreign);
  await expectUnharmed(node);
});

const odd = [
  ['GET /live/../../../../etc/passwd HTTP/1.1', 404],
  ['GET /live/open/../../../etc/passwd HTTP/1.1', 404],
  ['GET /live/open/%2e%2e/%2e%2e/%2e%2e/etc/passwd HTTP/1.1', 404],
  ['GET /live/open/..%2f..%2f..%2fetc%2fpasswd HTTP/1.1', 404],
  ['GET /live/open/source/..%5c..%5cetc%5cpasswd HTTP/1.1', 404],
  ['GET /live/open/source/%00 HTTP/1.1', 404],
  ['GET /live/%ff%fe/index.m3u8 HTTP/1.1', 404],
  ['GET /assets/../package.json HTTP/1.1', 404],
  ['GET //etc/passwd HTTP/1.1', 404],
  ['GET /login?next=%0d%0aSet-Cookie:%20a=b HTTP/1.1', 200],
  ['GET /live/open/index.m3u8?token=%0d%0aSet-Cookie:%20a=b HTTP/1.1', 200],
  ['GET /live/closed/index.m3u8?token=%0d%0aSet-Cookie:%20a=b HTTP/1.1', 403],
  ['GET /watch/%0d%0aSet-Cookie:%20a=b HTTP/1.1', 404],
  ['GET /live/open/index.m3u8\r\nSet-Cookie: a=b HTTP/1.1', 200],
  [`GET /${'a'.repeat(5000)} HTTP/1.1`, 414],
  [`GET / HTTP/1.1\r\nX-Large: ${'a'.repeat(40_000)}`, 431],
  [`GET / HTTP/1.1\r\n${'X-Many: 1\r\n'.repeat(3000)}X: 1`, 431],
  ['POST /login HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3', 400],
  ['TRACE / HTTP/1.1', 405],
  ['CONNECT evil.example:443 HTTP/1.1', 0],
] as const;

it('answers odd requests for what they are, one by one, and stays well', async () => {
  const node = await startGuarded();
  const found = [];
  for (const [line, status] of odd) {
    const answer = await exchange(node, `${line}\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    const [head = ''] = answer.split('\r\n\r\n');
    const isHarmless =
      !head.toLowerCase().includes('\r\nset-cookie') && !/root:.*:0:0:|node_modules|"dependencies"/.test(answer);
    if (statusOf(answer) !== status || !isHarmless)
      found.push({ line: line.slice(0, 100), answer: answer.slice(0, 200) });
  }
  expect(found).toEqual([]);
  expect(node.log.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  expectNoSecrets(node);
  await expectUnharmed(node);
});

it('keeps no huge body and serves others while slow and idle connections wait', async () => {
  const node = await startGuarded();
  const { port } = new URL(node.url);
  const huge = 'x'.repeat(8_000_000);
  for (const [path, headers] of [
    ['/login', { 'content-type': 'application/x-www-form-urlencoded', origin: node.url }],
    ['/api/v1/streams', { 'content-type': 'application/json', authorization: `Bearer ${adminToken}` }],
    ['/live/open/index.m3u8', {}],
  ] as const) {
    // The node may answer and close before it has all: that is a refusal too.
    const status = await fetch(`${node.url}${path}`, { method: 'POST', headers, body: huge }).then(
      async (answer) => {
        await answer.arrayBuffer();
        return answer.status;
      },
      () => 0,
    );
    expect([0, 405, 413], path).toContain(status);
  }
  const slow = Array.from({ length: 300 }, (_, index) => {
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => undefined);
    const start = ['GET /live/open/', 'POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nx', ''][
      index % 3
    ];
    socket.write(start ?? '');
    return socket;
  });
  await vi.waitFor(() => expect(slow.every((socket) => socket.readyState === 'open')).toBe(true), patience);
  await expectUnharmed(node);
  const before = (await node.stream('open')).thumbnail.captured;
  await vi.waitFor(
    async () => expect((await node.stream('open')).thumbnail.captured).toBeGreaterThan(before + 2),
    patience,
  );
  for (const socket of slow) socket.destroy();
  expectNoSecrets(node);
});

it('closes what an address has beyond its connections, and others keep theirs', async () => {
  const node = await startNode({ http: { maxConnectionsPerAddress: 20 }, streams: [] });
  const { port } = new URL(node.url);
  const sockets = Array.from({ length: 40 }, () => connect(Number(port), '127.0.0.1'));
  for (const socket of sockets) socket.on('error', () => undefined);
  const closed = () => sockets.filter((socket) => socket.destroyed || socket.readyState === 'closed').length;
  for (const socket of sockets) socket.resume().on('end', () => socket.destroy());
  await vi.waitFor(() => expect(closed()).toBe(20), patience);
  expect(node.log.filter(({ msg }) => String(msg).includes('connection rejected'))).toHaveLength(1);
  for (const socket of sockets) socket.destroy();
  await vi.waitFor(async () => expect((await node.text('/healthz')).status).toBe(200), patience);
});
