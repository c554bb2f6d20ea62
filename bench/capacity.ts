import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../test/support/wait.js';
import { makeClip } from './support/clip.js';
import { type NodeProcess, startNodeProcess } from './support/node-process.js';
import { type Answer, atLeast, atMost, type QuestionOptions } from './support/question.js';
import { quantile } from './support/statistics.js';

const INTERVAL_SECONDS = 5;
const GOP_SECONDS = 2;
const SEGMENT_SECONDS = 2;
/** A picture's age: taken at most an interval ago, a keyframe had to be awaited, and a second for everything else. */
const MOST_AGE_SECONDS = INTERVAL_SECONDS + GOP_SECONDS + 1;
/** The count that the project promises on two processors. */
const PROMISED = 40;
/** The only count of a quick run, which says whether so many go well, not how many would. */
const QUICK = 4;

interface Load {
  readonly streams: number;
  readonly ageP95: number;
  /** Segments listed, as a part of those that the sources gave in the time. */
  readonly segments: number;
  /** One less of each stream: where the time was cut. */
  readonly leastSegments: number;
  readonly restarts: number;
  /** Pictures that the load guard left out: then the age says what the guard does, not what the machine bears. */
  readonly slowed: number;
  readonly residentMegabytes: number;
}

/** How many copied 1080p30 streams with 720p thumbnails does a machine bear until freshness breaks? */
export async function run({ quick }: QuestionOptions): Promise<Answer> {
  const clip = await makeClip({ seconds: 60 });
  const loads: Load[] = [];
  for (const count of quick ? [QUICK] : [1, 5, 10, 20, PROMISED, 60, 80, 100, 120, 160, 200]) {
    loads.push(await measure(clip, count, quick));
    if (isBroken(loads.at(-1)!)) break;
  }
  const promised = loads.find(({ streams }) => streams === PROMISED);
  const borne = loads.filter((load) => !isBroken(load)).at(-1)?.streams ?? 0;
  const curve = (name: string, y: (load: Load) => number) => ({
    plot: 'Thumbnail age by number of streams',
    name,
    x: 'streams',
    y: 'p95 age of the thumbnail in s',
    points: loads.map((load) => [load.streams, y(load)] as const),
  });
  return {
    question: `Copied 1080p30 streams at 4.5 Mbit/s, a keyframe and a segment every 2 s, 1280×720 thumbnails every ${INTERVAL_SECONDS} s, files played in real time; bound of a picture's age: ${MOST_AGE_SECONDS} s`,
    rows: loads.flatMap(({ streams, ageP95, segments, restarts, slowed, residentMegabytes }) => [
      { name: `${streams} streams: age of the thumbnail, p95`, value: ageP95, unit: 's', better: 'less' as const },
      {
        name: `${streams} streams: segments listed of those due`,
        value: segments * 100,
        unit: '%',
        better: 'more' as const,
      },
      { name: `${streams} streams: restarts`, value: restarts, unit: '', better: 'less' as const },
      { name: `${streams} streams: pictures slowed by the guard`, value: slowed, unit: '', better: 'less' as const },
      { name: `${streams} streams: node's memory`, value: residentMegabytes, unit: 'MB', better: 'less' as const },
    ]),
    ratios: [
      ...(promised === undefined
        ? []
        : [
            atMost(`${PROMISED} streams: age p95 in s`, promised.ageP95, MOST_AGE_SECONDS),
            atLeast(`${PROMISED} streams: segments listed of those due`, promised.segments, 0.98),
          ]),
      {
        name: `most streams within both bounds${quick ? `, of ${QUICK} asked for` : ''}`,
        value: borne,
        better: 'more',
      },
    ],
    curves: [curve('p95', ({ ageP95 }) => ageP95), curve('bound', () => MOST_AGE_SECONDS)],
  };
}

function isBroken({ ageP95, segments, leastSegments, restarts }: Load): boolean {
  return ageP95 > MOST_AGE_SECONDS || segments < leastSegments || restarts > 0;
}

async function measure(clip: string, count: number, quick: boolean): Promise<Load> {
  const streams = Array.from({ length: count }, (_, index) => ({
    name: `camera-${index}`,
    source: clip,
    hls: { segmentSeconds: SEGMENT_SECONDS, windowSegments: 3 },
    thumbnail: { intervalSeconds: INTERVAL_SECONDS, width: 1280 },
  }));
  const node = await startNodeProcess({ config: { streams } });
  try {
    const isUp = async () =>
      (await node.streams()).every(({ state, thumbnail: { captured } }) => state === 'live' && captured > 1);
    await until(`${count} live streams`, isUp, { timeoutMs: 120_000, intervalMs: 500 });
    return await observe(node, count, quick ? 5 : 40);
  } finally {
    await node.close();
  }
}

async function observe(node: NodeProcess, count: number, seconds: number): Promise<Load> {
  const listed = async () => (await node.streams()).reduce((sum, { hls }) => sum + hls.mediaSequence + hls.segments, 0);
  const restarts = async () => (await node.streams()).reduce((sum, { ffmpeg }) => sum + ffmpeg.restarts, 0);
  const slowed = () => node.metric('sidepipe_pictures_slowed_total');
  const before = {
    ...{ listed: await listed(), restarts: await restarts(), slowed: await slowed() },
    at: performance.now(),
  };
  const ages: number[] = [];
  for (let second = 0; second < seconds; second += 1) {
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
