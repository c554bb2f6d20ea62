import { readFile } from 'node:fs/promises';

/** The kernel's unit of CPU time, on every Linux that Node.js supports. */
const TICKS_PER_SECOND = 100;

/** CPU time of a process so far, user and system, in seconds. Undefined if it has exited, or without /proc. */
export async function cpuSecondsOf(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The second field is the program's name in parentheses, which can contain parentheses and spaces.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields?.[11]) + Number(fields?.[12]);
  return Number.isFinite(ticks) ? ticks / TICKS_PER_SECOND : undefined;
}
