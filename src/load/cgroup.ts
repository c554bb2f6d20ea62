import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What the control groups of this process leave it. Undefined: as much as the machine has. */
export interface CgroupReading {
  readonly memory: { readonly availableBytes: number; readonly totalBytes: number } | undefined;
  readonly cpu: { readonly usedMs: number; readonly cores: number } | undefined;
}

const places = { cgroup: '/sys/fs/cgroup', self: '/proc/self/cgroup' };

/** The tightest limits of the groups (version 2) that this process is in. Never rejects; where there are no groups, none. */
export async function readCgroup({ cgroup, self } = places): Promise<CgroupReading> {
  const path = /^0::(\/.*)$/m.exec((await text(self)) ?? '')?.[1];
  if (path === undefined) return { memory: undefined, cpu: undefined };
  const names = path.split('/').filter((name) => name !== '');
  const folders = names.map((_, index) => join(cgroup, ...names.slice(0, index + 1)));
  const readings = await Promise.all([cgroup, ...folders].map(readGroup));
  const memories = readings.flatMap(({ memory }) => memory ?? []);
  const cpus = readings.flatMap(({ cpu }) => cpu ?? []);
  return {
    memory: memories.sort((a, b) => a.availableBytes / a.totalBytes - b.availableBytes / b.totalBytes)[0],
    cpu: cpus.sort((a, b) => a.cores - b.cores)[0],
  };
}

async function readGroup(folder: string): Promise<CgroupReading> {
  const [most, current, memoryStat, quota, cpuStat] = await Promise.all(
    ['memory.max', 'memory.current', 'memory.stat', 'cpu.max', 'cpu.stat'].map((name) => text(join(folder, name))),
  );
  return { memory: memoryOf(most, current, memoryStat), cpu: cpuOf(quota, cpuStat) };
}

function memoryOf(most: string | undefined, current: string | undefined, stat: string | undefined) {
  const totalBytes = Number(most);
  const usedBytes = Number(current);
  if (!(totalBytes > 0) || !Number.isFinite(usedBytes)) return undefined;
  // Pages of files that nobody reads are given back before anything is refused.
  const reclaimable = Number(/^inactive_file (\d+)$/m.exec(stat ?? '')?.[1] ?? 0);
  return { totalBytes, availableBytes: Math.max(0, totalBytes - usedBytes + reclaimable) };
}

function cpuOf(quota: string | undefined, stat: string | undefined) {
  const [, most, period] = /^(\d+) (\d+)/.exec(quota ?? '') ?? [];
  const used = /^usage_usec (\d+)$/m.exec(stat ?? '')?.[1];
  if (most === undefined || used === undefined) return undefined;
  return { usedMs: Number(used) / 1000, cores: Number(most) / Number(period) };
}

async function text(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').then(
    (content) => content.trim(),
    () => undefined,
  );
}
