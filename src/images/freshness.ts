import type { ImageState } from '../terms.js';
export interface FreshnessLimits {
  /** The interval after which the next thumbnail is due. */
  readonly intervalSeconds: number;
  readonly staleAfterSeconds: number;
  readonly offlineAfterSeconds: number;
}

export interface Freshness {
  readonly state: ImageState;
  /** Undefined if there was never a thumbnail. */
  readonly ageSeconds: number | undefined;
  /** How long the state and the image may be cached from now on: never beyond the end of the state. Seconds. */
  readonly maxAgeSeconds: number;
}

/** An image dated further in the future is not from then: the clock was set back since. */
const clockToleranceSeconds = 1;

/**
 * The freshness of a thumbnail: fresh below `staleAfterSeconds`, offline from `offlineAfterSeconds` on, stale in between. Times are
 * milliseconds since the epoch. A thumbnail from the future is stale, because its real age is unknown.
 */
export function freshnessOf(capturedAt: number | undefined, now: number, limits: FreshnessLimits): Freshness {
  const { intervalSeconds, staleAfterSeconds, offlineAfterSeconds } = limits;
  if (capturedAt === undefined) return { state: 'offline', ageSeconds: undefined, maxAgeSeconds: intervalSeconds };
  const elapsedSeconds = (now - capturedAt) / 1000;
  const ageSeconds = Math.max(0, elapsedSeconds);
  if (ageSeconds >= offlineAfterSeconds) return { state: 'offline', ageSeconds, maxAgeSeconds: intervalSeconds };
  const fresh = ageSeconds < staleAfterSeconds && elapsedSeconds >= -clockToleranceSeconds;
  const remainingSeconds = (fresh ? staleAfterSeconds : offlineAfterSeconds) - ageSeconds;
  return { state: fresh ? 'fresh' : 'stale', ageSeconds, maxAgeSeconds: Math.min(remainingSeconds, intervalSeconds) };
}
