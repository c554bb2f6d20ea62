import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../test/support/wait.js';
import { makeClip } from './support/clip.js';
import { missingOf } from './support/installed.js';
import { type Nginx, startNginx } from './support/nginx.js';
import { type NodeProcess, startNodeProcess } from './support/node-process.js';
import { type Answer, atLeast, atMost, type QuestionOptions, type Row } from './support/question.js';
import { interleave, median, quantile } from './support/statistics.js';
import { startViewers } from './support/viewers.js';
import { loadWithWrk } from './support/wrk.js';

const SEGMENT_SECONDS = 2;
const VIEWERS = 200;
const CONNECTIONS = 32;
const stream = {
  name: 'camera',
  hls: { segmentSeconds: SEGMENT_SECONDS, windowSegments: 6 },
  thumbnail: { intervalSeconds: 2, width: 1280, height: 720 },
};

/** How fast is a live stream served, and does it cost its pictures anything? */
export async function run({ quick }: QuestionOptions): Promise<Answer> {
  const clip = await makeClip({ seconds: 20 });
  const node = await startNodeProcess({ config: { streams: [{ ...stream, source: clip }] } });
  try {
    // Quick: the viewers come first, so that the window fills and the compiler learns meanwhile.
    const early = quick ? await watchedBy(node, quick) : undefined;
    await until('segments', () => hasSegments(node, quick ? 1 : 6), { timeoutMs: 60_000 });
    const missing = await missingOf(['nginx', 'wrk']);
    const against = missing.length > 0 ? { rows: [], ratios: [] } : await againstNginx(node, quick);
    const watched = early ?? (await watchedBy(node, quick));
    return {
      question: questionOf(missing, quick),
      rows: [...against.rows, ...watched.rows],
      ratios: [...against.ratios, ...watched.ratios],
    };
  } finally {
    await node.close();
  }
}

type Result = Pick<Answer, 'rows' | 'ratios'>;

function questionOf(missing: readonly string[], quick: boolean): string {
  const source = 'a live 1080p30 stream at 4.5 Mbit/s';
  if (missing.length > 0) {
    return `${VIEWERS} viewers of ${source} on the same machine. Not against nginx, for want of ${missing.join(' and ')} (apt-get install nginx-light wrk)`;
  }
  const beside = quick ? '' : '; with a worker a core it is told beside';
  return `Requests a second of one node with ${source} against nginx on the same bytes and headers, both out of memory, over ${CONNECTIONS} connections; then ${VIEWERS} viewers of that stream on the same machine. The aims are against nginx with one worker, because a node serves on one thread${beside}`;
}

/**
 * Images and playlists are small: 30,000 of them per second are more than the viewers need whose segments fill a link of 10 Gbit/s. So their
 * aim is below nginx's rate, and there is no second path through the server for them.
 */
const kinds = [
  { name: 'segments', least: 1, path: newestSegment },
  { name: 'images', least: 0.15, path: async () => '/live/camera/thumbnail.jpg' },
  { name: 'media playlists', least: 0.15, path: async () => '/live/camera/source/index.m3u8' },
] as const;

async function againstNginx(node: NodeProcess, quick: boolean): Promise<Result> {
  const nginx = await startNginx();
  const everyCore = quick ? undefined : await startNginx({ workers: 'auto' });
  const result: { rows: Row[]; ratios: Answer['ratios'][number][] } = { rows: [], ratios: [] };
  const seconds = quick ? 1 : 2;
  try {
    for (const { name, least, path } of kinds) {
      // Not measured: the compiler learns, nginx opens its file.
      const target = await sameBytes(node, nginx, await path(node));
      if (!quick) for (const url of target) await loadWithWrk({ url, seconds: 1, connections: CONNECTIONS });
      const pairs = await interleave(
        quick ? 1 : 8,
        async () => {
          const [, url] = await sameBytes(node, nginx, await path(node));
          return loadWithWrk({ url, seconds, connections: CONNECTIONS });
        },
        async () => {
          const [url] = await sameBytes(node, nginx, await path(node));
          return loadWithWrk({ url, seconds, connections: CONNECTIONS });
        },
      );
      const allWorkers: number[] = [];
      while (everyCore !== undefined && allWorkers.length < 4) {
        const [, url] = await sameBytes(node, everyCore, await path(node));
        allWorkers.push(await loadWithWrk({ url, seconds, connections: CONNECTIONS }));
      }
      result.rows.push(
        { name: `${name}: sidepipe`, value: median(pairs.map(({ other }) => other)), unit: 'requests/s' },
        { name: `${name}: nginx, one worker`, value: median(pairs.map(({ base }) => base)), unit: 'requests/s' },
        ...(everyCore === undefined
          ? []
          : [{ name: `${name}: nginx, a worker a core`, value: median(allWorkers), unit: 'requests/s' }]),
      );
      const ratio = median(pairs.map(({ base, other }) => other / base));
      result.ratios.push(atLeast(`${name}: sidepipe ÷ nginx`, ratio, least));
    }
  } finally {
    await nginx.close();
    await everyCore?.close();
  }
  return result;
}

/** Gives nginx what the node answers now, and the addresses of both. */
async function sameBytes(node: NodeProcess, nginx: Nginx, path: string): Promise<readonly [string, string]> {
  const answer = await fetch(`${node.url}${path}`);
  if (!answer.ok) throw new Error(`${path}: status ${answer.status}`);
  await nginx.put(path, new Uint8Array(await answer.arrayBuffer()));
  return [`${node.url}${path}`, `${nginx.url}${path}`];
}

async function newestSegment(node: NodeProcess): Promise<string> {
  const playlist = await (await fetch(`${node.url}/live/camera/source/index.m3u8`)).text();
  return `/live/camera/source/${playlist.split('\n').findLast((line) => line !== '' && !line.startsWith('#'))}`;
}

/** Freshness with and without viewers, in turn. */
async function watchedBy(node: NodeProcess, quick: boolean): Promise<Result> {
  // Quick: a little longer than from one picture to the next.
  const seconds = quick ? 2.2 : 20;
  await until('a picture', async () => (await node.streams())[0]!.thumbnail.captured > 0, { timeoutMs: 60_000 });
  const alone: number[] = [];
  const watched: number[] = [];
  const playlistMs: number[] = [];
  const segmentMs: number[] = [];
  let failures = 0;
  for (let round = 0; round < (quick ? 1 : 3); round += 1) {
    alone.push(...(await picturesSeen(node, seconds)));
    await until('a segment', () => hasSegments(node, 1), { timeoutMs: 60_000 });
    const url = `${node.url}/live/camera/index.m3u8`;
    const viewers = startViewers({ url, count: VIEWERS, segmentSeconds: SEGMENT_SECONDS });
    // All have come.
    await delay((quick ? 1.25 : 2) * SEGMENT_SECONDS * 1000);
    viewers.begin();
    watched.push(...(await picturesSeen(node, seconds)));
    const views = await viewers.close();
    playlistMs.push(...views.playlistMs);
    segmentMs.push(...views.segmentMs);
    failures += views.failures;
  }
  const times = (name: string, values: readonly number[]): Row[] =>
    [0.5, 0.99].map((share) => ({
      name: `${VIEWERS} viewers: ${name}, ${share === 0.5 ? 'median' : 'p99'}`,
      value: quantile(values, share),
      unit: 'ms',
    }));
  const fresh = (name: string, ages: readonly number[]): Row[] =>
    [0.5, 0.99].map((share) => ({
      name: `from capture to served picture, ${name}, ${share === 0.5 ? 'median' : 'p99'}`,
      value: quantile(ages, share),
      unit: 'ms',
    }));
  return {
    rows: [
      ...times('playlist', playlistMs),
      ...times('segment', segmentMs),
      { name: `${VIEWERS} viewers: requests that failed`, value: failures, unit: '' },
      ...fresh('alone', alone),
      ...fresh(`${VIEWERS} viewers`, watched),
    ],
    ratios: [
      atMost('segment p99: part of the segment’s duration', quantile(segmentMs, 0.99) / (SEGMENT_SECONDS * 1000), 0.25),
      atMost(
        'playlist p99: part of the segment’s duration',
        quantile(playlistMs, 0.99) / (SEGMENT_SECONDS * 1000),
        0.25,
      ),
      atMost('capture to served picture: with viewers ÷ alone', median(watched) / median(alone), 1.1),
    ],
  };
}

async function hasSegments(node: NodeProcess, count: number): Promise<boolean> {
  return (await node.streams())[0]!.hls.segments >= count;
}

/** How old each new picture is when it is first served, in milliseconds; one at least. */
async function picturesSeen(node: NodeProcess, seconds: number): Promise<number[]> {
  const ages: number[] = [];
  let newest = 0;
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end || ages.length === 0) {
    if (performance.now() > end + 30_000) throw new Error('no new picture');
    const { headers } = await fetch(`${node.url}/live/camera/thumbnail.jpg`, { method: 'HEAD' });
    const capturedAt = Date.parse(headers.get('sidepipe-captured-at') ?? '');
    // The first was there before this began to look.
    if (capturedAt > newest && newest > 0) ages.push(Date.now() - capturedAt);
    newest = Math.max(newest, capturedAt);
    await delay(10);
  }
  return ages;
}
