import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../test/support/wait.js';
import { makeClip } from './support/clip.js';
import { startNodeProcess } from './support/node-process.js';
import { type Answer, atMost, type QuestionOptions } from './support/question.js';

const LIMIT_MEGABYTES = 256;
const STREAMS = 3;

interface Usage {
  /** Node and every ffmpeg together, without what the kernel would give back. */
  readonly megabytes: number;
  readonly peakMegabytes: number;
  /** Seconds of CPU in a second. */
  readonly cores: number;
  readonly oldestSeconds: number;
  readonly restarts: number;
}

/** Does `profile: edge` live on one core with 256 MB, and what does it save? */
export async function run({ quick }: QuestionOptions): Promise<Answer> {
  const clip = await makeClip({ seconds: 60 });
  const edge = await usageOf(clip, 'edge', quick);
  const standard = await usageOf(clip, 'standard', quick);
  const row = (name: string, value: number, unit: string) => ({ name, value, unit, better: 'less' }) as const;
  const rowsOf = (name: string, usage: Usage) => [
    row(`${name}: node and ffmpegs`, usage.megabytes, 'MB'),
    row(`${name}: most at any moment, with what the kernel would give back`, usage.peakMegabytes, 'MB'),
    row(`${name}: CPU`, usage.cores * 100, '% of the core'),
    row(`${name}: oldest thumbnail`, usage.oldestSeconds, 's'),
    row(`${name}: restarts`, usage.restarts, ''),
  ];
  return {
    question: `${STREAMS} copied 1080p30 streams at 4.5 Mbit/s, all processes on one core in a control group of ${LIMIT_MEGABYTES} MB`,
    rows: [...rowsOf('edge', edge), ...rowsOf('standard', standard)],
    ratios: [
      atMost(`edge: memory ÷ ${LIMIT_MEGABYTES} MB`, edge.megabytes / LIMIT_MEGABYTES, 1),
      atMost('edge: oldest thumbnail ÷ interval, GOP and 1 s', edge.oldestSeconds / 13, 1),
      { name: 'memory: edge ÷ standard', value: edge.megabytes / standard.megabytes, better: 'less' },
      { name: 'CPU: edge ÷ standard', value: edge.cores / standard.cores, better: 'less' },
    ],
  };
}

async function usageOf(clip: string, profile: string, quick: boolean): Promise<Usage> {
  const group = `/sys/fs/cgroup/memory/sidepipe-bench-${process.pid}-${profile}`;
  // Throws where there is no such hierarchy, or where this user may not make groups.
  await mkdir(group);
  try {
    await writeFile(`${group}/memory.limit_in_bytes`, `${LIMIT_MEGABYTES}M`);
    const join = `echo $$ > ${group}/cgroup.procs && exec taskset -c 0 "$@"`;
    const streams = Array.from({ length: STREAMS }, (_, index) => ({ name: `camera-${index}`, source: clip }));
    const node = await startNodeProcess({
      config: { profile, streams },
      environment: { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '131072' },
      wrapper: ['sh', '-c', join, 'sh'],
    });
    try {
      const isUp = async () => (await node.streams()).every(({ thumbnail }) => thumbnail.captured > 4);
      await until('live streams', isUp, { timeoutMs: 120_000, intervalMs: 500 });
      await delay(quick ? 2_000 : 60_000);
      const seconds = quick ? 3 : 60;
      const before = await cpuSeconds(node.pid);
      const samples: number[] = [];
      let oldestSeconds = 0;
      for (let index = 0; index < seconds; index += 1) {
        await delay(1000);
        samples.push(await unreclaimable(group));
        const ages = (await node.streams()).map(({ thumbnail }) => thumbnail.ageSeconds ?? Number.POSITIVE_INFINITY);
        oldestSeconds = Math.max(oldestSeconds, ...ages);
      }
      const streamsNow = await node.streams();
      return {
        megabytes: Math.max(...samples) / 1e6,
        peakMegabytes: Number(await readFile(`${group}/memory.max_usage_in_bytes`, 'utf8')) / 1e6,
        cores: ((await cpuSeconds(node.pid)) - before) / seconds,
        oldestSeconds,
        restarts: streamsNow.reduce((sum, { ffmpeg }) => sum + ffmpeg.restarts, 0),
      };
    } finally {
      await node.close();
    }
  } finally {
    await until('an empty control group', () =>
      rmdir(group).then(
        () => true,
        () => false,
      ),
    );
  }
}

/** What processes hold by themselves: files that are read through the page cache do not count. */
async function unreclaimable(group: string): Promise<number> {
  const stat = await readFile(`${group}/memory.stat`, 'utf8');
  return Number(/^total_rss (\d+)$/m.exec(stat)?.[1]);
}

/** Of a process and all that it has started. */
async function cpuSeconds(pid: number): Promise<number> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').filter(Boolean);
  const of = async (each: number | string) => {
    const stat = await readFile(`/proc/${each}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  };
  const all = await Promise.all([pid, ...children].map(of));
  return all.reduce((sum, each) => sum + each, 0);
}
