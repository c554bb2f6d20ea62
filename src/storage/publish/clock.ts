import { steadyNow } from '../../clock.js';

/** Time as the publisher sees it, so that a test can run hours in a second. */
export interface Clock {
  /** Milliseconds since the epoch that never run backwards: leases are measured with them. */
  now(): number;
  /** Runs `run` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, run: () => void): () => void;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: steadyNow,
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
