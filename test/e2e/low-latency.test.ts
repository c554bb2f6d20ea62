import { createHmac } from 'node:crypto';
import { Agent, get, request as send } from 'node:http';
import { parse, type types } from 'hls-parser';
import { expect, it, onTestFinished } from 'vitest';
import { startNode, type TestNode } from '../support/node.js';
import { until } from '../support/wait.js';

const path = '/live/cam/source/index.m3u8';
const patience = { timeoutMs: 120_000, intervalMs: 50 };
const limits = { maxConnections: 5000, maxConnectionsPerAddress: 5000 };

async function newest(node: TestNode, query = ''): Promise<{ playlist: types.MediaPlaylist; next: number }> {
  const { body } = await node.text(`${path}${query}`);
  const playlist = parse(body) as types.MediaPlaylist;
  return { playlist, next: playlist.segments.at(-1)!.mediaSequenceNumber + 1 };
}

function started(node: TestNode): Promise<unknown> {
  return until('two segments', async () => (await node.segments('cam')).length >= 2, patience);
}

/** A request on a connection of its own. */
function ask(url: URL): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces).toString() }));
    }).on('error', reject);
  });
}

it('1,000 viewers who wait for one part all get it, and the stream does not notice', async () => {
  const node = await startNode({ http: limits, streams: [{ name: 'cam', source: 'test' }] });
  await started(node);
  const { next } = await newest(node);
  const url = new URL(`${path}?_HLS_msn=${next}`, node.url);
  const answers = await Promise.all(Array.from({ length: 1000 }, () => ask(url)));
  expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  for (const body of new Set(answers.map((answer) => answer.body))) {
    const { segments } = parse(body) as types.MediaPlaylist;
    expect(segments.find(({ mediaSequenceNumber }) => mediaSequenceNumber === next)?.parts.length).toBeGreaterThan(0);
  }
  const head = await fetch(new URL(`${path}?_HLS_msn=${next}&_HLS_part=0`, node.url), { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
  expect((await node.text(`${path}?_HLS_msn=${next + 100}`)).status).toBe(400);
  expect((await node.stream('cam')).state).toBe('live');
  expect((await node.text('/metrics')).body).not.toMatch(/^sidepipe_ffmpeg_restarts_total\{stream="cam"/m);
});

it('10,000 viewers who give up waiting leave room for those who come after them', async () => {
  // Long segments, so that nobody is woken meanwhile.
  const node = await startNode({
    http: limits,
    streams: [{ name: 'cam', source: 'test', hls: { segmentSeconds: 10 } }],
  });
  await until('a part', async () => (await node.text(path)).status === 200, patience);
  const agent = new Agent({ keepAlive: false });
  onTestFinished(() => agent.destroy());
  const { playlist } = await newest(node);
  const next = playlist.segments.at(-1)!.mediaSequenceNumber + 1;
  for (let round = 0; round < 20; round += 1) {
    await Promise.all(
      Array.from({ length: 500 }, () => {
        const request = send(new URL(`${path}?_HLS_msn=${next}`, node.url), { agent });
        return new Promise<void>((resolve) => {
          request.on('error', () => {});
          request.on('response', (response) => response.resume());
          request.on('close', () => resolve());
          request.on('socket', (socket) => socket.on('connect', () => setImmediate(() => request.destroy())));
          request.end();
        });
      }),
    );
  }
  const answers = await Promise.all(
    Array.from({ length: 500 }, () => ask(new URL(`${path}?_HLS_msn=${next}`, node.url))),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
});

it('viewers who wait when a stream is removed or stopped are answered', async () => {
  const node = await startNode({ streams: [] });
  const created = await node.api('POST', 'streams', { name: 'cam', source: 'test' });
  expect(created.status).toBe(201);
  await started(node);
  const { next } = await newest(node);
  const waits = [`_HLS_msn=${next}`, `_HLS_msn=${next}&_HLS_part=3`].map((query) => node.text(`${path}?${query}`));
  expect((await node.api('DELETE', 'streams/cam')).status).toBeLessThan(300);
  for (const { status, body } of await Promise.all(waits)) {
    expect(status).toBe(200);
    // What was waited for, or the end.
    expect(body).toMatch(/#EXT-X-(?:ENDLIST|PART:)/);
  }
});

it('signed addresses wait as open ones do, and what they get is signed: delta updates and the announced part too', async () => {
  const secret = 'long-enough-to-sign-with-0123456789abcdef';
  const node = await startNode({
    playback: { access: 'signed', keys: [{ id: 'k1', secret }] },
    streams: [{ name: 'cam', source: 'test' }],
  });
  const expiry = Math.floor(Date.now() / 1000) + 3600;
  const signature = createHmac('sha256', secret).update(`sidepipe-playback\nk1\ncam\n${expiry}`).digest('base64url');
  const token = `k1.${expiry}.${signature}`;
  await until('a playlist', async () => (await node.text(`${path}?token=${token}`)).status === 200, patience);
  const { next } = await newest(node, `?token=${token}`);
  const wanted = `_HLS_msn=${next}&_HLS_part=1`;
  expect((await node.text(`${path}?${wanted}`)).status).toBe(403);
  for (const skip of ['', '&_HLS_skip=YES']) {
    const { status, body } = await node.text(`${path}?token=${token}&${wanted}${skip}`);
    expect(status).toBe(200);
    const uris = [...body.matchAll(/^#EXT-X-(?:PART|PRELOAD-HINT|MAP):.*URI="([^"]*)"|^([^#\n]+)$/gm)];
    const files = uris.map(([, attribute, line]) => attribute ?? line!);
    expect(files.length).toBeGreaterThan(2);
    expect(files.filter((file) => !file.endsWith(`?token=${token}`))).toEqual([]);
    const hint = /^#EXT-X-PRELOAD-HINT:.*URI="([^"]*)"/m.exec(body)![1]!;
    expect((await node.bytes(`/live/cam/source/${hint}`)).status).toBe(200);
  }
});
