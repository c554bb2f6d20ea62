import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { promisify } from 'node:util';

const TICKS_PER_SECOND = 100;

/** CPU time that this process has used so far, in seconds. */
export function ownCpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** CPU time of the threads that a process has now, in seconds, to the nanosecond. Linux only. */
export async function cpuSecondsOf(pid: number): Promise<number> {
  const folder = `/proc/${pid}/task`;
  const threads = await Promise.all(
    (await readdir(folder)).map((thread) => readFile(`${folder}/${thread}/schedstat`, 'utf8')),
  );
  return threads.reduce((sum, schedstat) => sum + Number.parseInt(schedstat, 10), 0) / 1e9;
}

/**
 * CPU time of all children that have ended, their start and their end included, in seconds. In steps of 0.01 s, so only for
 * many children together. Linux only.
 */
export async function endedChildrenCpuSeconds(): Promise<number> {
  return parseChildrenCpu(await readFile('/proc/self/stat', 'utf8'));
}

/** Fields 16 and 17 of /proc/[pid]/stat, behind a program name that can hold anything. Pure. */
export function parseChildrenCpu(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
}

/**
 * The command that runs a program on one processor only; empty where there is no such command. Threads on two halves of one
 * core slow each other down, which shows as CPU time, more or less of it as they happen to meet.
 */
export async function pinToOneCpu(): Promise<string[]> {
  const command = ['taskset', '-c', String(cpus().length - 1)];
  try {
    await promisify(execFile)(command[0]!, [...command.slice(1), 'true']);
    return command;
  } catch {
    return [];
  }
}
