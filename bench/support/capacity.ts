import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../src/errors.js';
import { until } from '../../test/support/wait.js';
import { type CameraProcess, startCameras } from './camera-process.js';
import { makeClip } from './clip.js';
import { freePort } from './free-port.js';
import { type NodeProcess, startNodeProcess } from './node-process.js';
import { type Answer, atLeast, atMost, type Curve, type Ratio, type Row } from './question.js';
import { quantile } from './statistics.js';

const INTERVAL_SECONDS = 5;
const GOP_SECONDS = 2;
const SEGMENT_SECONDS = 2;
/** A picture's age: taken at most an interval ago, a keyframe had to be awaited, and a second for everything else. */
const MOST_AGE_SECONDS = INTERVAL_SECONDS + GOP_SECONDS + 1;
/** The only count of a quick run, which says whether so many go well, not how many would. */
const QUICK = 4;
const UP_SECONDS = 120;
const OBSERVE_SECONDS = { quick: 5, whole: 40 } as const;
/** Publishers start one after the other: what is measured is a node that runs, not one that starts. */
const PUBLISHER_EVERY_MS = 411;

export interface CapacityOptions {
  readonly quick: boolean;
  /** `pulled`: files, played in real time. `pushed`: published by RTMP from another process on the same machine. */
  readonly way: 'pulled' | 'pushed';
  /** Of streams, in the order in which they are tried. */
  readonly counts: readonly number[];
  /** A count that the project promises on two processors, and the count that is aimed for. */
  readonly promised: number;
  readonly aim: number;
}

interface Load {
  readonly streams: number;
  readonly ageP95: number;
  /** Fraction of the segments due in the time that were listed. */
  readonly segments: number;
  /** One less of each stream: where the time was cut. */
  readonly leastSegments: number;
  readonly restarts: number;
  /** Pictures that the load guard left out: then the age says what the guard does, not what the machine bears. */
  readonly slowed: number;
  readonly residentMegabytes: number;
}

/** How many copied 1080p30 streams with 720p thumbnails does a machine bear until freshness breaks? */
export async function measureCapacity({ quick, way, counts, promised, aim }: CapacityOptions): Promise<Answer> {
  const loads: Load[] = [];
  let failed: number | undefined;
  for (const count of quick ? [QUICK] : counts) {
    try {
      loads.push(await (way === 'pulled' ? measurePulled : measurePushed)(count, quick));
    } catch (error) {
      // So many did not even start, which is an answer, unless nothing works at all.
      if (loads.length === 0) throw error;
      process.stderr.write(`${count} streams: ${messageOf(error)}\n`);
      failed = count;
      break;
    }
    if (isBroken(loads.at(-1)!)) break;
  }
  const borne = loads.filter((load) => !isBroken(load)).at(-1)?.streams ?? 0;
  const most = 'most streams within both bounds';
  return {
    question: `Copied 1080p30 streams at 4.5 Mbit/s, a keyframe and a segment every 2 s, 1280×720 thumbnails every ${INTERVAL_SECONDS} s, ${
      way === 'pulled' ? 'files played in real time' : 'published by RTMP from another process on the same machine'
    }; bound of a picture's age: ${MOST_AGE_SECONDS} s`,
    rows: [
      ...loads.flatMap(rowsOf),
      ...(failed === undefined
        ? []
        : [{ name: `${failed} streams: not measured, they did not start`, value: 1, unit: '' }]),
    ],
    ratios: [
      ...promisesOf(loads.find(({ streams }) => streams === promised)),
      quick ? { name: `${most}, of ${QUICK} asked for`, value: borne, better: 'more' } : atLeast(most, borne, aim),
    ],
    curves: curvesOf(loads, way),
  };
}

function rowsOf({ streams, ageP95, segments, restarts, slowed, residentMegabytes }: Load): Row[] {
  const row = (what: string, value: number, unit: string): Row => ({
    ...{ name: `${streams} streams: ${what}`, value, unit, better: 'less' },
  });
  return [
    row('age of the thumbnail, p95', ageP95, 's'),
    { ...row('segments listed of those due', segments * 100, '%'), better: 'more' },
    row('restarts', restarts, ''),
    row('pictures slowed by the guard', slowed, ''),
    row("node's memory", residentMegabytes, 'MB'),
  ];
}

function promisesOf(load: Load | undefined): Ratio[] {
  if (load === undefined) return [];
  const { streams, ageP95, segments } = load;
  return [
    atMost(`${streams} streams: age p95 in s`, ageP95, MOST_AGE_SECONDS),
    atLeast(`${streams} streams: segments listed of those due`, segments, 0.98),
  ];
}

function curvesOf(loads: readonly Load[], way: CapacityOptions['way']): Curve[] {
  const curve = (name: string, y: (load: Load) => number) => ({
    plot: `Thumbnail age by number of ${way === 'pulled' ? '' : 'pushed '}streams`,
    name,
    x: 'streams',
    y: 'p95 age of the thumbnail in s',
    points: loads.map((load) => [load.streams, y(load)] as const),
  });
  return [curve('p95', ({ ageP95 }) => ageP95), curve('bound', () => MOST_AGE_SECONDS)];
}

function isBroken({ ageP95, segments, leastSegments, restarts }: Load): boolean {
  return !(ageP95 <= MOST_AGE_SECONDS) || segments < leastSegments || restarts > 0;
}

async function measurePulled(count: number, quick: boolean): Promise<Load> {
  const source = await makeClip({ seconds: 60 });
  const node = await startNodeProcess({
    config: { streams: namesOf(count).map((name) => streamOf(name, { source })) },
  });
  try {
    return await observe(node, count, quick);
  } finally {
    await node.close();
  }
}

async function measurePushed(count: number, quick: boolean): Promise<Load> {
  const startSeconds = (count * PUBLISHER_EVERY_MS) / 1000;
  const seconds = Math.ceil(startSeconds + UP_SECONDS + OBSERVE_SECONDS.whole);
  // The same file for several counts: it is read whole.
  const clip = await makeClip({ seconds: Math.max(200, seconds), container: 'flv' });
  const port = await freePort();
  const keyOf = (name: string) => `a-long-key-of-${name}`;
  const streams = namesOf(count).map((name) => streamOf(name, { source: 'push', keys: [keyOf(name)] }));
  const node = await startNodeProcess({ config: { rtmp: { host: '127.0.0.1', port }, streams } });
  let cameras: CameraProcess | undefined;
  try {
    const targets = streams.map(({ name }) => ({ port, key: `${name}?key=${keyOf(name)}` }));
    cameras = await startCameras({ kind: 'publish', clip, targets, startEveryMs: PUBLISHER_EVERY_MS });
    return await observe(node, count, quick);
  } finally {
    await cameras?.close();
    await node.close();
  }
}

const namesOf = (count: number) => Array.from({ length: count }, (_, index) => `camera-${index}`);

function streamOf(name: string, source: { readonly source: string; readonly keys?: readonly string[] }) {
  return {
    ...{ name, ...source },
    hls: { segmentSeconds: SEGMENT_SECONDS, windowSegments: 3 },
    thumbnail: { intervalSeconds: INTERVAL_SECONDS, width: 1280 },
  };
}

/** From the moment on at which all streams are live. */
async function observe(node: NodeProcess, count: number, quick: boolean): Promise<Load> {
  const isUp = async () =>
    (await node.streams()).every(({ state, thumbnail: { captured } }) => state === 'live' && captured > 1);
  await until(`${count} live streams`, isUp, { timeoutMs: UP_SECONDS * 1000, intervalMs: 500 });
  const listed = async () => (await node.streams()).reduce((sum, { hls }) => sum + hls.mediaSequence + hls.segments, 0);
  const restarts = async () => (await node.streams()).reduce((sum, { ffmpeg }) => sum + ffmpeg.restarts, 0);
  const slowed = () => node.metric('sidepipe_pictures_slowed_total');
  const before = {
    ...{ listed: await listed(), restarts: await restarts(), slowed: await slowed() },
    at: performance.now(),
  };
  const ages: number[] = [];
  for (let second = 0; second < OBSERVE_SECONDS[quick ? 'quick' : 'whole']; second += 1) {
    await delay(1000);
    for (const { thumbnail } of await node.streams()) ages.push(thumbnail.ageSeconds ?? Number.POSITIVE_INFINITY);
  }
  const due = ((performance.now() - before.at) / 1000 / SEGMENT_SECONDS) * count;
  return {
    streams: count,
    ageP95: quantile(ages, 0.95),
    segments: ((await listed()) - before.listed) / due,
    leastSegments: 1 - count / due,
    restarts: (await restarts()) - before.restarts,
    slowed: (await slowed()) - before.slowed,
    residentMegabytes: (await node.residentBytes()) / 1e6,
  };
}
