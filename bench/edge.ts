import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../test/support/wait.js';
import { ALLOCATOR_SETTINGS, assignments } from './support/allocator.js';
import { makeClip } from './support/clip.js';
import { cpuSecondsOf, pinToOneCpu } from './support/cpu.js';
import { type MemoryGroup, makeMemoryGroup } from './support/memory-group.js';
import { type NodeProcess, startNodeProcess } from './support/node-process.js';
import { type Answer, atMost, type QuestionOptions, type Row } from './support/question.js';
import { watchSegments } from './support/segment-watch.js';

/** Memory and age take minutes to show. */
export const isSlow = true;

const LIMIT_BYTES = 256 * 1024 ** 2;
const MEBIBYTE = 1024 ** 2;
const STREAMS = 3;
/** A picture of the profile is taken every 10 s, waits for a keyframe of a 2-s GOP, and has a second for everything else. */
const MOST_AGE_SECONDS = 13;

interface Usage {
  /** Node and every ffmpeg together, the most of a second. */
  readonly ownMebibytes: number;
  /** With the page cache, which the kernel takes back when it needs it. */
  readonly peakMebibytes: number | undefined;
  /** Seconds of CPU in a second. */
  readonly cores: number;
  readonly oldestSeconds: number;
  readonly restarts: number;
  readonly killed: number;
  /** Pictures that the load guard left out. */
  readonly slowed: number;
  readonly segments: number;
  readonly problems: readonly string[];
}

interface Case {
  readonly name: string;
  readonly profile: 'edge' | 'standard';
  readonly environment: Readonly<Record<string, string>>;
}

/** Does `profile: edge` live on one core with 256 MiB, and what does it save? */
export async function run({ quick }: QuestionOptions): Promise<Answer> {
  const clip = await makeClip({ seconds: 60 });
  const measured = async (options: Case) => ({ name: options.name, usage: await usageOf(clip, options, quick) });
  const tuned = { profile: 'edge', environment: ALLOCATOR_SETTINGS } as const;
  const edge = await measured({ name: 'edge', ...tuned });
  const standard = await measured({ name: 'standard', ...tuned, profile: 'standard' });
  const untuned = quick ? [] : [await measured({ name: 'edge, untuned', ...tuned, environment: {} })];
  return {
    question: `${STREAMS} copied 1080p30 streams at 4.5 Mbit/s, node and ffmpegs on one core in a control group of ${LIMIT_BYTES / MEBIBYTE} MiB with ${assignments(ALLOCATOR_SETTINGS)} (untuned: without), each played by one viewer`,
    rows: [edge, standard, ...untuned].flatMap(({ name, usage }) => rowsOf(name, usage)),
    ratios: [
      atMost(`memory ÷ ${LIMIT_BYTES / MEBIBYTE} MiB`, (edge.usage.ownMebibytes * MEBIBYTE) / LIMIT_BYTES, 1),
      atMost('oldest thumbnail ÷ interval, GOP and 1 s', edge.usage.oldestSeconds / MOST_AGE_SECONDS, 1),
      atMost('killed, restarted, not whole', faultsOf(edge.usage), 0),
      { name: 'memory: edge ÷ standard', value: edge.usage.ownMebibytes / standard.usage.ownMebibytes, better: 'less' },
      { name: 'CPU: edge ÷ standard', value: edge.usage.cores / standard.usage.cores, better: 'less' },
    ],
  };
}

function faultsOf({ killed, restarts, problems }: Usage): number {
  return killed + restarts + problems.length;
}

function rowsOf(name: string, usage: Usage): Row[] {
  const row = (what: string, value: number, unit = '') =>
    ({ name: `${name}: ${what}`, value, unit, better: 'less' }) as const;
  return [
    row('node and ffmpegs, the most', usage.ownMebibytes, 'MiB'),
    ...(usage.peakMebibytes === undefined ? [] : [row('with page cache, the most', usage.peakMebibytes, 'MiB')]),
    row('CPU', usage.cores * 100, '% of the core'),
    row('oldest thumbnail', usage.oldestSeconds, 's'),
    row('pictures that the load guard left out', usage.slowed),
    row('ffmpegs begun anew', usage.restarts),
    row('processes killed for want of memory', usage.killed),
    { name: `${name}: segments fetched`, value: usage.segments, unit: '' },
    row('of them missing, not whole or listed wrongly', usage.problems.length),
  ];
}

async function usageOf(clip: string, { name, profile, environment }: Case, quick: boolean): Promise<Usage> {
  const core = await pinToOneCpu();
  if (core.length === 0) throw new Error('no taskset to keep it on one core: apt-get install util-linux');
  const group = await makeMemoryGroup(`sidepipe-bench-${process.pid}-${name.replaceAll(/\W+/g, '-')}`, LIMIT_BYTES);
  try {
    const streams = Array.from({ length: STREAMS }, (_, index) => ({ name: `camera-${index}`, source: clip }));
    const wrapper = [...group.wrapper, ...core];
    const node = await startNodeProcess({ config: { profile, streams }, environment, wrapper });
    try {
      const isUp = async () => (await node.streams()).every(({ thumbnail }) => thumbnail.captured > 1);
      await until('live streams', isUp, { timeoutMs: 120_000, intervalMs: 500 });
      await delay(quick ? 1_000 : 30_000);
      return await watched(node, group, quick ? 4 : 90);
    } finally {
      await node.close();
    }
  } catch (cause) {
    // Without the node nothing can be read of it: this is why.
    const { killed } = await group.reading();
    throw killed > 0 ? new Error(`${name}: ${killed} processes killed for want of memory`, { cause }) : cause;
  } finally {
    await group.close();
  }
}

async function watched(node: NodeProcess, group: MemoryGroup, seconds: number): Promise<Usage> {
  const restarts = async () => (await node.streams()).reduce((sum, { ffmpeg }) => sum + ffmpeg.restarts, 0);
  const viewers = Array.from({ length: STREAMS }, (_, index) =>
    watchSegments({ url: `${node.url}/live/camera-${index}/source/index.m3u8`, pollSeconds: 1, framesPerSecond: 30 }),
  );
  const cpuBefore = await cpuSeconds(node.pid);
  const startedAt = performance.now();
  let ownBytes = 0;
  let oldestSeconds = 0;
  while (performance.now() - startedAt < seconds * 1000) {
    await delay(1000);
    const reading = await group.reading();
    // Or it would not be the whole that is measured.
    if (reading.processes !== 1 + STREAMS) throw new Error(`${reading.processes} processes in the control group`);
    ownBytes = Math.max(ownBytes, reading.ownBytes);
    const ages = (await node.streams()).map(({ thumbnail }) => thumbnail.ageSeconds ?? Number.POSITIVE_INFINITY);
    oldestSeconds = Math.max(oldestSeconds, ...ages);
  }
  const cores = ((await cpuSeconds(node.pid)) - cpuBefore) / ((performance.now() - startedAt) / 1000);
  await Promise.all(viewers.map((viewer) => viewer.stop()));
  const { peakBytes, killed } = await group.reading();
  return {
    ownMebibytes: ownBytes / MEBIBYTE,
    peakMebibytes: peakBytes === undefined ? undefined : peakBytes / MEBIBYTE,
    ...{ cores, oldestSeconds, killed },
    restarts: await restarts(),
    slowed: await node.metric('sidepipe_pictures_slowed_total'),
    segments: viewers.reduce((sum, viewer) => sum + viewer.segments, 0),
    problems: viewers.flatMap((viewer) => viewer.problems),
  };
}

/** Of a process and all that it has started and that runs still. */
async function cpuSeconds(pid: number): Promise<number> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').filter(Boolean);
  const all = await Promise.all([pid, ...children.map(Number)].map(cpuSecondsOf));
  return all.reduce((sum, each) => sum + each, 0);
}
