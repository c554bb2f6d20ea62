import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

export interface UntilOptions {
  readonly timeoutMs?: number;
  readonly intervalMs?: number;
}

/**
 * Asks again and again until the answer is neither undefined nor false, and gives it; throws when that takes too long, also
 * when it is a single question that is not answered.
 */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  { timeoutMs = 60_000, intervalMs = 20 }: UntilOptions = {},
): Promise<Exclude<T, undefined | false>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await answerTo(what, ask, deadline + graceMs - Date.now());
    if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await delay(intervalMs);
  }
}

/** A question that was asked just before the deadline may take its time. */
const graceMs = 10_000;

async function answerTo<T>(what: string, ask: () => T | Promise<T>, patienceMs: number): Promise<T> {
  const answer = ask();
  if (!(answer instanceof Promise)) return answer;
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer while waiting for: ${what}`)), Math.max(graceMs, patienceMs));
  });
  return Promise.race([answer, silence]).finally(() => clearTimeout(timer));
}

/** Whether a process runs. One that has ended but that nobody has waited for (a zombie) does not. */
export async function isRunning(pid: number): Promise<boolean> {
  if (!exists(pid)) return false;
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // Without an entry it is gone since; or there is no /proc at all.
  return stat === undefined ? exists(pid) : !/^\d+ \(.*\) [ZX]/s.test(stat);
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
