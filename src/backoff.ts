/** Delays between attempts, which double from failure to failure. Pure. */

export interface BackoffOptions {
  /** Failures so far, from 1. */
  readonly failures: number;
  readonly baseMs: number;
  readonly capMs: number;
}

export interface JitterOptions extends BackoffOptions {
  /** From 0 to below 1. */
  readonly random: number;
}

/** `baseMs` after the first failure, twice as much after each further one, at most `capMs`. */
export function doublingMs({ failures, baseMs, capMs }: BackoffOptions): number {
  return Math.min(capMs, baseMs * 2 ** Math.min(30, Math.max(0, failures - 1)));
}

/** Full jitter: anything from nothing to the doubled delay, so that nodes that failed together return apart. */
export function fullJitterMs({ random, ...backoff }: JitterOptions): number {
  return random * doublingMs(backoff);
}

/** Equal jitter: half of the doubled delay and a random part of the other half, for waits that must not be short. */
export function equalJitterMs({ random, ...backoff }: JitterOptions): number {
  return ((1 + random) / 2) * doublingMs(backoff);
}
