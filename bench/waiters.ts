import { once } from 'node:events';
import { get } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { until } from '../test/support/wait.js';
import { makeClip } from './support/clip.js';
import { type NodeProcess, startNodeProcess } from './support/node-process.js';
import { type Answer, atMost, type QuestionOptions } from './support/question.js';
import { median, medianSlopeOf, quantile } from './support/statistics.js';

/** Ten thousand requests take a while to be made. */
export const isSlow = true;

const PLAYERS = 1000;
const ABANDONED = 10_000;
/** Of those, at the same time. */
const ABANDONED_AT_ONCE = 500;
const PLAYLIST = '/live/camera/source/index.m3u8';
/** The first such requests let V8 compile what they need, and fill caches, so growth is counted from the end of the first round. */
const ABANDONED_ROUNDS = 3;
/** Looks at the heap in each further round: a live stream's own objects come and go. */
const LOOKS = 5;
/** A heap that is collected twice is not the same to the byte. */
const NOISE_BYTES = 512 * 1024;

/** How soon do a thousand players that wait for the same part get it, and what do requests leave behind whose players hung up? */
export async function run({ quick }: QuestionOptions): Promise<Answer> {
  const clip = await makeClip({ seconds: 20 });
  const node = await startNodeProcess({
    config: { streams: [{ name: 'camera', source: clip, thumbnail: { intervalSeconds: 2 } }] },
    environment: { SIDEPIPE_HTTP_MAX_CONNECTIONS_PER_ADDRESS: String(2 * PLAYERS) },
    collects: true,
  });
  const bare = await startBareServer();
  try {
    await until('a playlist with parts', async () => (await positionOf(node)) !== undefined, { timeoutMs: 60_000 });
    const rounds = quick ? 5 : 40;
    const ours = await wakeUps(node.url, rounds, (players) => waitForPart(node, players));
    const theirs = await wakeUps(bare.url, rounds, (players) => waitForRelease(bare.url, players));
    const abandoned = quick ? ABANDONED / 10 : ABANDONED;
    const { first, further } = await leftBehind(node, abandoned);
    const [stream] = await node.streams();
    return {
      question: `${PLAYERS} players wait for the next part of one stream in each of ${rounds} rounds: from the first answer to the last byte of each of the others, beside a bare node:http server that holds as many requests; then ${ABANDONED_ROUNDS} rounds of ${abandoned} such requests whose players hang up`,
      rows: [
        { name: 'median wake-up', value: median(ours), unit: 'ms', better: 'less' },
        { name: 'wake-up of the slowest hundredth', value: quantile(ours, 0.99), unit: 'ms', better: 'less' },
        { name: 'the same of bare node:http', value: quantile(theirs, 0.99), unit: 'ms', better: 'less' },
        { name: `heap growth over the first ${abandoned} abandoned requests`, value: first / 1024, unit: 'KiB' },
        { name: `heap growth over ${abandoned} further ones`, value: further / 1024, unit: 'KiB', better: 'less' },
        { name: 'ffmpeg restarts', value: stream!.ffmpeg.restarts, unit: '', better: 'less' },
        {
          name: 'age of the thumbnail behind it all',
          value: stream!.thumbnail.ageSeconds ?? -1,
          unit: 's',
          better: 'less',
        },
      ],
      ratios: [
        atMost('wake-up of the slowest hundredth, in 30 ms', quantile(ours, 0.99) / 30, 1),
        atMost('wake-up against bare node:http', quantile(ours, 0.99) / quantile(theirs, 0.99), 3),
        atMost(`heap growth over ${abandoned} further abandoned requests, in 512 KiB`, further / NOISE_BYTES, 1),
      ],
    };
  } finally {
    await bare.close();
    await node.close();
  }
}

/** What each of many requests that are answered together gets, in milliseconds behind the first. */
async function wakeUps(
  url: string,
  rounds: number,
  round: (players: readonly Player[]) => Promise<readonly number[]>,
): Promise<readonly number[]> {
  const players = await connectPlayers(url);
  try {
    // Not measured: the compiler learns.
    for (let index = 0; index < 3; index += 1) await round(players);
    const all: number[] = [];
    for (let index = 0; index < rounds; index += 1) all.push(...(await round(players)));
    return all;
  } finally {
    for (const player of players) player.close();
  }
}

async function waitForPart(node: NodeProcess, players: readonly Player[]): Promise<readonly number[]> {
  const { sequence, part } = (await positionOf(node))!;
  // Parts that are to come, so that all requests are there before the part is.
  const path = `${PLAYLIST}?_HLS_msn=${sequence}&_HLS_part=${part + 3}`;
  return behindTheFirst(await Promise.all(players.map((player) => player.ask(path))));
}

async function waitForRelease(url: string, players: readonly Player[]): Promise<readonly number[]> {
  const answers = players.map((player) => player.ask('/wait'));
  await until('all requests', async () => Number(await (await fetch(`${url}/count`)).text()) === players.length);
  await fetch(`${url}/release`);
  return behindTheFirst(await Promise.all(answers));
}

function behindTheFirst(times: readonly number[]): readonly number[] {
  const first = Math.min(...times);
  return times.map((time) => time - first);
}

/** One connection. `node:http` would take longer to read the answers than the server to write them. */
interface Player {
  /** When the last byte of the answer has come. */
  ask(path: string): Promise<number>;
  close(): void;
}

async function connectPlayers(url: string): Promise<Player[]> {
  const players: Player[] = [];
  while (players.length < PLAYERS)
    players.push(...(await Promise.all(Array.from({ length: 100 }, () => connectPlayer(url)))));
  return players;
}

async function connectPlayer(url: string): Promise<Player> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  let answered: ((at: number) => void) | undefined;
  let failed: ((error: Error) => void) | undefined;
  let missing: number | undefined;
  socket.on('data', (piece: Buffer) => {
    if (missing === undefined) {
      const head = piece.indexOf('\r\n\r\n');
      const text = piece.toString('latin1', 0, head);
      if (!text.startsWith('HTTP/1.1 200')) failed?.(new Error(text.split('\r\n', 1)[0]));
      missing = head + 4 + Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1]);
    }
    missing -= piece.length;
    if (missing > 0) return;
    missing = undefined;
    answered?.(performance.now());
  });
  return {
    ask: (path) =>
      new Promise((resolve, reject) => {
        [answered, failed] = [resolve, reject];
        socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
      }),
    close: () => void socket.destroy(),
  };
}

/** The open segment and its newest part; undefined before there are parts. */
async function positionOf(node: NodeProcess): Promise<{ sequence: number; part: number } | undefined> {
  const text = await (await fetch(`${node.url}${PLAYLIST}`)).text();
  const first = Number(/^#EXT-X-MEDIA-SEQUENCE:(\d+)$/m.exec(text)?.[1]);
  const segments = text.match(/^#EXTINF:/gm)?.length ?? 0;
  const open = text.slice(text.lastIndexOf('#EXTINF:')).match(/^#EXT-X-PART:/gm)?.length ?? 0;
  return text.includes('#EXT-X-PART:') ? { sequence: first + segments, part: open - 1 } : undefined;
}

/** What a node's heap has grown by, in bytes. */
interface Growth {
  /** Over the first `count` requests: whatever they need once, and whatever each leaves behind. */
  readonly first: number;
  /** Over each further `count` requests: the median slope between two looks. */
  readonly further: number;
}

/** Lets players ask for parts that are to come and hang up, `count` in each round. */
async function leftBehind(node: NodeProcess, count: number): Promise<Growth> {
  const files = await node.openFiles();
  const areClosed = async () => (await node.openFiles()) < files + 10;
  const heapAfter = async (requests: number) => {
    for (let left = requests; left > 0; left -= ABANDONED_AT_ONCE)
      await abandon(node, Math.min(left, ABANDONED_AT_ONCE));
    await until('all connections to be closed', areClosed, { timeoutMs: 30_000 });
    return node.collectedHeapBytes();
  };
  const before = await heapAfter(0);
  const points: [rounds: number, bytes: number][] = [[0, await heapAfter(count)]];
  for (let look = 1; look <= (ABANDONED_ROUNDS - 1) * LOOKS; look += 1)
    points.push([look / LOOKS, await heapAfter(count / LOOKS)]);
  return { first: points[0]![1] - before, further: Math.max(0, medianSlopeOf(points)) };
}

async function abandon(node: NodeProcess, count: number): Promise<void> {
  const { sequence } = (await positionOf(node))!;
  const url = `${node.url}${PLAYLIST}?_HLS_msn=${sequence + 1}&_HLS_part=0`;
  const requests = Array.from({ length: count }, () => {
    const request = get(url, { agent: false }).on('error', () => {});
    request.on('response', (response) => response.resume());
    return request;
  });
  await Promise.all(requests.map((request) => (request.socket?.connecting === false ? undefined : connected(request))));
  // They reach the node before their players are gone.
  await delay(50);
  for (const request of requests) request.destroy();
}

async function connected(request: ReturnType<typeof get>): Promise<void> {
  const socket = request.socket ?? ((await once(request, 'socket'))[0] as NonNullable<typeof request.socket>);
  if (socket.connecting) await once(socket, 'connect');
}

/** A server that holds all requests until `/release` is requested. */
async function startBareServer(): Promise<{ url: string; close(): Promise<unknown> }> {
  const worker = new Worker(
    `const { createServer } = require('node:http');
    const { parentPort } = require('node:worker_threads');
    const body = Buffer.alloc(4096, 'x');
    let held = [];
    const answer = (response) => response.writeHead(200, { 'content-length': body.length }).end(body);
    const server = createServer((request, response) => {
      if (request.url === '/wait') held.push(response);
      else if (request.url === '/count') response.end(String(held.length));
      else {
        for (const each of held) answer(each);
        held = [];
        response.end();
      }
    });
    server.keepAliveTimeout = 60_000;
    server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`,
    { eval: true },
  );
  const [port] = await once(worker, 'message');
  return { url: `http://127.0.0.1:${port}`, close: () => worker.terminate() };
}
