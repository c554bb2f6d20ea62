import type { ImageState } from '../terms.js';
export interface FreshnessLimits {
  /** When the next picture is due after the last. */
  readonly intervalSeconds: number;
  readonly staleAfterSeconds: number;
  readonly offlineAfterSeconds: number;
}

export interface Freshness {
  readonly state: ImageState;
  /** Undefined when there never was a picture. */
  readonly ageSeconds: number | undefined;
  /** How long from now the state and the picture may be taken as they are: never past the end of the state. Seconds. */
  readonly maxAgeSeconds: number;
}

/** A picture from further in the future than this was not taken then: the clock was set back since. */
const clockToleranceSeconds = 1;

/**
 * How fresh a picture is: fresh below `staleAfterSeconds`, offline from `offlineAfterSeconds` on, stale between. Times are
 * milliseconds since the epoch. A picture from the future is called stale, for nothing says how old it really is.
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
