import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runToEnd } from '../src/ffmpeg/child.js';
import { findFfmpeg } from '../src/ffmpeg/locate.js';
import { createNode } from '../src/node/node.js';
import { clockPicture, readClockPicture } from '../test/support/clock-picture.js';
import { type PacedStream, paceTransportStream } from '../test/support/paced-transport-stream.js';
import { ffmpegCost } from './support/ffmpeg-cost.js';
import { type Answer, atMost, type QuestionOptions, type Ratio, type Row } from './support/question.js';
import { median } from './support/statistics.js';

interface Gop {
  readonly seconds: number;
  readonly bFrames: number;
}

/** What is decoded is decided in real time. */
export const isSlow = true;

const RATE = 25;
const COST_SECONDS = 30;
/** How often a thumbnail is asked for. */
const LOOK_EVERY_MS = 100;
/** What the first thumbnail may take, and all may be stale until. */
const FROM_SECONDS = 5;
const QUESTION = 'What does each decode mode cost, and how old does the frame in the thumbnail get?';
const lengths = {
  quick: { costs: [2, 10], intervals: [1, 5], gops: [2, 10], watchSeconds: 20 },
  whole: { costs: [1, 2, 4, 10, 30], intervals: [1, 2, 5, 20], gops: [1, 2, 4, 10, 30], watchSeconds: 75 },
} as const;

/** `FFMPEG=path` measures another ffmpeg than the embedded one; `DECODE=costs` and `DECODE=ages` one half of it. */
export async function run({ quick }: QuestionOptions): Promise<Answer> {
  const { costs, intervals, gops, watchSeconds } = lengths[quick ? 'quick' : 'whole'];
  const ffmpeg = await findFfmpeg(process.env['FFMPEG']);
  const half = process.env['DECODE'];
  const folder = await mkdtemp(join(tmpdir(), 'sidepipe-bench-'));
  const rows: Row[] = [];
  const ratios: Ratio[] = [];
  try {
    const each = (all: readonly number[]) => all.flatMap((seconds) => [0, 2].map((bFrames) => ({ seconds, bFrames })));
    for (const gop of half === 'ages' ? [] : each(costs)) rows.push(...(await costsOf(gop, { folder, ffmpeg, quick })));
    for (const gop of half === 'costs' ? [] : each(gops)) {
      const found = await agesOf(gop, { folder, ffmpeg, intervals, watchSeconds });
      rows.push(...found.rows);
      ratios.push(...found.ratios);
    }
    return { question: QUESTION, rows, ratios };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const nameOf = ({ seconds, bFrames }: Gop) => `a keyframe every ${seconds} s${bFrames > 0 ? ', B-frames' : ''}`;

async function encode(path: string, { seconds, bFrames }: Gop, rate: number, input: readonly string[]): Promise<void> {
  const args = [
    ...['-v', 'error', '-y', '-f', 'lavfi', ...input, '-c:v', 'libx264', '-preset', 'superfast', '-pix_fmt', 'yuv420p'],
    ...[
      '-bf',
      String(bFrames),
      '-b_strategy',
      '0',
      '-g',
      String(rate * seconds),
      '-keyint_min',
      String(rate * seconds),
    ],
    ...['-sc_threshold', '0'],
  ];
  // Made by the embedded ffmpeg, whichever is measured.
  const target = path.endsWith('.ts') ? ['-muxdelay', '0', '-muxpreload', '0', '-f', 'mpegts'] : [];
  await runToEnd({ path: await findFfmpeg(undefined), args: [...args, ...target, path], timeoutMs: 600_000 });
}

/** CPU time of ffmpeg for 1080p30 of 4.5 Mbit/s. */
async function costsOf(gop: Gop, of: { folder: string; ffmpeg: string; quick: boolean }): Promise<Row[]> {
  const clip = join(of.folder, `cost-${gop.seconds}-${gop.bFrames}.mp4`);
  const picture = 'testsrc2=size=1920x1080:rate=30,noise=alls=7:allf=t';
  const bits = ['-b:v', '4500k', '-maxrate', '4500k', '-bufsize', '9000k'];
  await encode(clip, gop, 30, ['-i', picture, '-t', String(COST_SECONDS), ...bits]);
  const measure = async (decode: 'keyframes' | 'references', intervalSeconds: number, frames = true) => {
    const stream = { thumbnail: { decode, intervalSeconds, width: 640 } };
    const found: number[] = [];
    for (let index = 0; index < (of.quick ? 1 : 3); index += 1) {
      const cost = await ffmpegCost({ clip, stream, frames, realTime: false, ffmpeg: of.ffmpeg });
      found.push((cost.cpuSeconds / COST_SECONDS) * 100);
    }
    return median(found);
  };
  const row = (name: string, value: number): Row => ({ name: `${nameOf(gop)}: ${name}`, value, unit: '% of a core' });
  const rows = [row('no thumbnails', await measure('keyframes', 5, false))];
  for (const decode of ['keyframes', 'references'] as const)
    for (const intervalSeconds of of.quick ? [5] : [1, 5, 20])
      rows.push(row(`${decode}, every ${intervalSeconds} s`, await measure(decode, intervalSeconds)));
  await rm(clip);
  return rows;
}

interface AgeOptions {
  readonly folder: string;
  readonly ffmpeg: string;
  readonly intervals: readonly number[];
  readonly watchSeconds: number;
}

interface Watched {
  readonly name: string;
  readonly intervalSeconds: number;
  readonly clock: PacedStream;
  /** Seconds from the first frame that was sent to the first thumbnail. */
  first?: number;
  /** When the source was first opened. */
  startedAt?: number;
  oldest: number;
}

/** By the number in the frame: how old it is in the thumbnail that a viewer gets. */
async function agesOf(gop: Gop, options: AgeOptions): Promise<{ rows: Row[]; ratios: Ratio[] }> {
  const { folder, ffmpeg, intervals, watchSeconds } = options;
  const path = join(folder, `age-${gop.seconds}-${gop.bFrames}.ts`);
  const input = clockPicture({ size: '320x180', rate: RATE });
  await encode(path, gop, RATE, ['-i', input, '-t', String(watchSeconds + 30)]);
  const bytes = await readFile(path);
  const watched = intervals.map((intervalSeconds): Watched => {
    return { name: `every-${intervalSeconds}`, intervalSeconds, clock: paceTransportStream(bytes), oldest: 0 };
  });
  const source = createServer((request, response) => {
    watched.find(({ name }) => request.url === `/${name}.ts`)!.clock.route(request, response);
  });
  await new Promise<void>((resolve) => source.listen(0, '127.0.0.1', resolve));
  const { port } = source.address() as AddressInfo;
  const node = createNode({
    log: { level: 'silent' },
    http: { host: '127.0.0.1', port: 0 },
    ffmpeg: { path: ffmpeg },
    // Or a busy machine slows thumbnails, and that is measured.
    guard: { enabled: false },
    streams: watched.map(({ name, intervalSeconds }) => ({
      ...{ name, source: `http://127.0.0.1:${port}/${name}.ts` },
      thumbnail: {
        intervalSeconds,
        width: 320,
        quality: 90,
        staleAfterSeconds: 120,
        gate: { black: false, flat: false, frozen: false },
      },
    })),
  });
  await node.start();
  try {
    await watch(watched, `http://127.0.0.1:${node.address!.port}`, watchSeconds);
    const described = new Map(node.streams.list().map((stream) => [stream.name, stream.describe()]));
    return report(gop, watched, (name) => described.get(name)!);
  } finally {
    await node.close();
    source.closeAllConnections();
    source.close();
    await rm(path);
  }
}

async function watch(watched: readonly Watched[], url: string, seconds: number): Promise<void> {
  const start = performance.now();
  const isDue = () => performance.now() - start > FROM_SECONDS * 1000;
  while (performance.now() - start < seconds * 1000) {
    for (const each of watched) {
      if (each.clock.requests > 0) each.startedAt ??= each.clock.startedAt;
      const response = await fetch(`${url}/live/${each.name}/thumbnail.jpg`);
      const image = Buffer.from(await response.arrayBuffer());
      const isFresh = response.headers.get('sidepipe-image-state') === 'fresh';
      if (!isFresh && isDue()) each.oldest = Number.POSITIVE_INFINITY;
      if (!isFresh) continue;
      const ageSeconds = (Date.now() - each.clock.takenAt(await readClockPicture(image))) / 1000;
      each.first ??= (Date.now() - each.startedAt!) / 1000;
      // After a restart of the source its clock starts again, and an older frame seems to be of the future.
      if (isDue()) each.oldest = Math.max(each.oldest, ageSeconds);
    }
    await delay(LOOK_EVERY_MS);
  }
}

function report(
  gop: Gop,
  watched: readonly Watched[],
  describe: (name: string) => { thumbnail: { decode: { mode: string } } },
): { rows: Row[]; ratios: Ratio[] } {
  const rows: Row[] = [];
  const ratios: Ratio[] = [];
  for (const { name, intervalSeconds, first, oldest, clock } of watched) {
    const { mode } = describe(name).thumbnail.decode;
    const title = `${nameOf(gop)}, every ${intervalSeconds} s: ${mode}`;
    rows.push(
      { name: `${title}: oldest frame from ${FROM_SECONDS} s on`, value: oldest, unit: 's', better: 'less' },
      { name: `${title}: first thumbnail`, value: first ?? Number.POSITIVE_INFINITY, unit: 's', better: 'less' },
      { name: `${title}: connections to the source`, value: clock.requests, unit: '' },
    );
    ratios.push(atMost(`${title}: oldest frame ÷ (interval + 1 s)`, oldest / (intervalSeconds + 1), 1));
  }
  return { rows, ratios };
}
