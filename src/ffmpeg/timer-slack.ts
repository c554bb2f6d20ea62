import { writeFileSync } from 'node:fs';

const OWN_SLACK = '/proc/self/timerslack_ns';

/**
 * Calls `begin`, and the process that it starts may oversleep by so much wherever nothing wakes it: Linux then lets many short waits end
 * together. It is inherited from whoever starts a process (PR_SET_TIMERSLACK of prctl(2)), so this process has it too, for
 * the time of the call. On other systems, and from a worker thread, nothing changes.
 */
export function withTimerSlack<T>(milliseconds: number, begin: () => T): T {
  if (!setSlack(Math.round(milliseconds * 1e6))) return begin();
  try {
    return begin();
  } finally {
    // Back to what it was at its start.
    setSlack(0);
  }
}

function setSlack(nanoseconds: number): boolean {
  try {
    writeFileSync(OWN_SLACK, String(nanoseconds));
    return true;
  } catch {
    return false;
  }
}
