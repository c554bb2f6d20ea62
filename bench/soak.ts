import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../test/support/wait.js';
import { ALLOCATOR_SETTINGS, assignments } from './support/allocator.js';
import { makeClip } from './support/clip.js';
import { type NodeProcess, startNodeProcess } from './support/node-process.js';
import { type Answer, atMost, type QuestionOptions } from './support/question.js';
import { quantile, slopeOf } from './support/statistics.js';

/** An hour: asked for by its name. */
export const isLong = true;

const STREAMS = 10;
const INTERVAL_SECONDS = 5;
const GOP_SECONDS = 2;
/** V8 and the allocator settle, ever more slowly: what they take in the first minutes is no leak. */
const SETTLING_MINUTES = 15;

interface Sample {
  readonly minutes: number;
  readonly residentMegabytes: number;
  readonly openFiles: number;
  readonly eventLoopP99Ms: number;
  readonly oldestSeconds: number;
  readonly captured: number;
  readonly restarts: number;
}

/** Does a node stay as it is over an hour? */
export async function run({ quick }: QuestionOptions): Promise<Answer> {
  const minutes = quick ? 1 : 60;
  const clip = await makeClip({ seconds: 60 });
  const streams = Array.from({ length: STREAMS }, (_, index) => ({
    name: `camera-${index}`,
    source: clip,
    thumbnail: { intervalSeconds: INTERVAL_SECONDS },
  }));
  const node = await startNodeProcess({ config: { streams }, environment: ALLOCATOR_SETTINGS });
  try {
    const isUp = async () => (await node.streams()).every(({ thumbnail: { captured } }) => captured > 1);
    await until('live streams', isUp, { timeoutMs: 60_000, intervalMs: 500 });
    const samples: Sample[] = [];
    const startedAt = performance.now();
    while (performance.now() - startedAt < minutes * 60_000) {
      await delay(5000);
      samples.push(await sample(node, (performance.now() - startedAt) / 60_000));
    }
    return answerOf(samples, minutes);
  } finally {
    await node.close();
  }
}

function answerOf(samples: readonly Sample[], minutes: number): Answer {
  const settled = samples.filter((each) => each.minutes > Math.min(SETTLING_MINUTES, minutes / 4));
  const perHour = (part: keyof Sample) => slopeOf(settled.map((each) => [each.minutes / 60, each[part]]));
  const all = (part: keyof Sample) => settled.map((each) => each[part]);
  const [first, last] = [settled[0]!, settled.at(-1)!];
  const scatter = (quantile(all('residentMegabytes'), 0.95) - quantile(all('residentMegabytes'), 0.05)) / 2;
  const due = ((last.minutes - first.minutes) * 60 * STREAMS) / (INTERVAL_SECONDS + GOP_SECONDS / 2);
  const row = (name: string, value: number, unit: string) => ({ name, value, unit, better: 'less' }) as const;
  return {
    question: `${STREAMS} copied 1080p30 streams over ${minutes} minutes with ${assignments(ALLOCATOR_SETTINGS)}, the first ${Math.min(SETTLING_MINUTES, minutes / 4)} not counted`,
    rows: [
      row('memory at the beginning', first.residentMegabytes, 'MB'),
      row('memory at the end', last.residentMegabytes, 'MB'),
      row('memory: slope', perHour('residentMegabytes'), 'MB an hour'),
      row('memory: half of what 90 % of the samples lie within', scatter, 'MB'),
      row('file descriptors: fewest', Math.min(...all('openFiles')), ''),
      row('file descriptors: most', Math.max(...all('openFiles')), ''),
      row('file descriptors: slope', perHour('openFiles'), 'an hour'),
      row('oldest thumbnail of any stream at any moment', Math.max(...all('oldestSeconds')), 's'),
      row('restarts', last.restarts - first.restarts, ''),
      { name: 'thumbnails captured', value: last.captured - first.captured, unit: '', better: 'more' },
      row('event loop delay p99, median over the time', quantile(all('eventLoopP99Ms'), 0.5), 'ms'),
    ],
    ratios: [
      atMost('memory slope in an hour ÷ its scatter', Math.abs(perHour('residentMegabytes')) / scatter, 1),
      atMost(
        'oldest thumbnail ÷ interval, GOP and 1 s',
        Math.max(...all('oldestSeconds')) / (INTERVAL_SECONDS + GOP_SECONDS + 1),
        1,
      ),
      atMost('thumbnails due ÷ captured', due / (last.captured - first.captured), 1),
      atMost('event loop p99 in ms', quantile(all('eventLoopP99Ms'), 0.5), 30),
    ],
    curves: [
      {
        plot: 'Memory over an hour',
        name: `${STREAMS} streams`,
        x: 'minutes',
        y: 'resident memory in MB',
        points: samples.map((each) => [each.minutes, each.residentMegabytes]),
      },
    ],
  };
}

async function sample(node: NodeProcess, minutes: number): Promise<Sample> {
  const streams = await node.streams();
  return {
    minutes,
    residentMegabytes: (await node.residentBytes()) / 1e6,
    openFiles: await node.openFiles(),
    eventLoopP99Ms: (await node.metric('nodejs_eventloop_lag_p99_seconds')) * 1000,
    oldestSeconds: Math.max(...streams.map(({ thumbnail }) => thumbnail.ageSeconds ?? Number.POSITIVE_INFINITY)),
    captured: streams.reduce((sum, { thumbnail }) => sum + thumbnail.captured, 0),
    restarts: streams.reduce((sum, { ffmpeg }) => sum + ffmpeg.restarts, 0),
  };
}
