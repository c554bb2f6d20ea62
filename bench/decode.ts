import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runToEnd } from '../src/ffmpeg/child.js';
import { findFfmpeg } from '../src/ffmpeg/locate.js';
import { createNode } from '../src/node.js';
import { makeClip } from './support/clip.js';
import { ffmpegCost } from './support/ffmpeg-cost.js';
import { type Answer, atMost, type QuestionOptions, type Ratio, type Row } from './support/question.js';
import { median } from './support/statistics.js';

type Way = 'auto' | 'keyframes' | 'references';

interface Clip {
  readonly name: string;
  readonly path: string;
  readonly seconds: number;
}

/** The way of decoding is found out after a while. */
export const isSlow = true;

const SETTLE_SECONDS = 20;
/** How often the picture is asked for. */
const LOOK_EVERY_MS = 40;

/** What does each way to decode pictures cost, and how old does the picture get? */
export async function run({ quick }: QuestionOptions): Promise<Answer> {
  const folder = await mkdtemp(join(tmpdir(), 'sidepipe-bench-'));
  try {
    const seconds = 20;
    const clips: readonly Clip[] = [
      { name: '2-s GOP', path: await makeClip({ seconds }), seconds },
      { name: '2-s GOP, B-frames', path: await makeClip({ seconds, bFrames: true }), seconds },
      { name: '10-s GOP', path: await makeLongGop(join(folder, 'long.mp4'), seconds), seconds },
    ];
    const rows: Row[] = [];
    const ratios: Ratio[] = [];
    for (const clip of quick ? clips.slice(1, 2) : clips) {
      rows.push(...(await costs(clip, quick ? 1 : 5)));
      const found = await freshness(clip, quick ? [5] : [1, 5, 20], quick ? 15 : 60);
      rows.push(...found.rows);
      ratios.push(...found.ratios);
    }
    return { question: 'What does each way to decode pictures cost, and how old does the picture get?', rows, ratios };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function makeLongGop(path: string, seconds: number): Promise<string> {
  const args = [
    ...[
      '-v',
      'error',
      '-f',
      'lavfi',
      '-i',
      'testsrc2=size=1920x1080:rate=30,noise=alls=7:allf=t',
      '-t',
      String(seconds),
    ],
    ...[
      '-c:v',
      'libx264',
      '-preset',
      'superfast',
      '-pix_fmt',
      'yuv420p',
      '-bf',
      '0',
      '-g',
      '300',
      '-keyint_min',
      '300',
    ],
    ...['-sc_threshold', '0', '-b:v', '4500k', '-maxrate', '4500k', '-bufsize', '9000k', path],
  ];
  await runToEnd({ path: await findFfmpeg(undefined), args, timeoutMs: 300_000 });
  return path;
}

/** CPU time of ffmpeg for an hour of the stream would be 36 times as many seconds as these per cent. */
async function costs({ name, path, seconds }: Clip, repetitions: number): Promise<Row[]> {
  const measure = async (decode: Exclude<Way, 'auto'>, frames: boolean) => {
    const stream = { thumbnail: { decode, intervalSeconds: 5, width: 640 } };
    const found: number[] = [];
    for (let index = 0; index < repetitions; index += 1)
      found.push((await ffmpegCost({ clip: path, stream, frames, realTime: false })).cpuSeconds);
    return (median(found) / seconds) * 100;
  };
  const unit = '% of a core';
  return [
    { name: `${name}: ffmpeg without pictures`, value: await measure('keyframes', false), unit },
    { name: `${name}: ffmpeg, keyframes`, value: await measure('keyframes', true), unit },
    { name: `${name}: ffmpeg, references`, value: await measure('references', true), unit },
  ];
}

/** The greatest age of the picture that a node serves, once the way of decoding has been found: all in one node. */
async function freshness({ name, path }: Clip, intervals: readonly number[], watchSeconds: number) {
  const ways = intervals.flatMap((intervalSeconds) =>
    (['keyframes', 'references', 'auto'] as const).map((way) => ({
      way,
      intervalSeconds,
      name: `${way}-${intervalSeconds}`,
    })),
  );
  const oldest = new Map<string, number>();
  const modes = new Map<string, string>();
  const node = createNode({
    log: { level: 'silent' },
    http: { host: '127.0.0.1', port: 0 },
    streams: ways.map(({ way, intervalSeconds, name }) => ({
      name,
      source: path,
      thumbnail: settings(way, intervalSeconds),
    })),
  });
  await node.start();
  try {
    // Four pictures a keyframe apart are looked at before the choice falls, and they may come two GOPs late.
    await delay(SETTLE_SECONDS * 1000);
    for (const end = performance.now() + watchSeconds * 1000; performance.now() < end; await delay(LOOK_EVERY_MS)) {
      for (const stream of node.streams.list()) {
        const { ageSeconds, decode } = stream.describe().thumbnail;
        oldest.set(stream.name, Math.max(oldest.get(stream.name) ?? 0, ageSeconds ?? Number.POSITIVE_INFINITY));
        modes.set(stream.name, decode.mode);
      }
    }
  } finally {
    await node.close();
  }
  const title = ({ way, intervalSeconds, name: stream }: (typeof ways)[number]) =>
    `${name}, every ${intervalSeconds} s, ${way}${way === 'auto' ? ` (${modes.get(stream)})` : ''}: oldest picture`;
  return {
    rows: ways.map((way): Row => ({ name: title(way), value: oldest.get(way.name)!, unit: 's' })),
    ratios: ways
      .filter(({ way }) => way === 'auto')
      .map((way) => atMost(`${title(way)}, over interval + 1 s`, oldest.get(way.name)! / (way.intervalSeconds + 1), 1)),
  };
}

function settings(decode: Way, intervalSeconds: number) {
  const gate = { black: false, flat: false, frozen: false };
  return { decode, intervalSeconds, width: 640, staleAfterSeconds: 60, gate };
}
