import { readFile } from 'node:fs/promises';
import { cpuSecondsOf } from './cpu.js';

/** What some processes have used. */
interface ProcessesUsage {
  readonly pids: readonly number[];
  /** User and system time so far, of the threads that they have now. */
  readonly cpuSeconds: number;
  /** Proportional set size: what several processes share is divided by their number. */
  readonly bytes: number;
}

/** What a process and those that it started have used. */
export interface Usage {
  readonly atSeconds: number;
  readonly own: ProcessesUsage;
  readonly children: ProcessesUsage;
}

/** Linux only. */
export async function familyUsage(pid: number): Promise<Usage> {
  // The children of a thread are its own: Node.js starts them from the main thread.
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  const children = text.trim().split(' ').filter(Boolean).map(Number);
  const atSeconds = performance.now() / 1000;
  return { atSeconds, own: await usageOf([pid]), children: await usageOf(children) };
}

async function usageOf(pids: readonly number[]): Promise<ProcessesUsage> {
  const each = await Promise.all(
    pids.map(async (pid) => ({
      cpuSeconds: await cpuSecondsOf(pid),
      bytes: parsePss(await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')),
    })),
  );
  const sum = (of: 'cpuSeconds' | 'bytes') => each.reduce((total, usage) => total + usage[of], 0);
  return { pids, cpuSeconds: sum('cpuSeconds'), bytes: sum('bytes') };
}

/** Pss of /proc/[pid]/smaps_rollup in bytes. Pure. */
export function parsePss(text: string): number {
  const kibibytes = /^Pss:\s+(\d+) kB$/m.exec(text)?.[1];
  if (kibibytes === undefined) throw new Error('no Pss');
  return Number(kibibytes) * 1024;
}
