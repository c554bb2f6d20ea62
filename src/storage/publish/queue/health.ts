/** Pure: a store's health, and how many concurrent uploads it gets. */

/**
 * `up`: all slots. `ramping`: it responds again after an outage; slots double with each successful upload. `down`: only a small probe is sent.
 * `refused`: it responds, but refuses uploads (credentials, settings); one upload at a time tests whether that has changed.
 */
export type HealthState = 'up' | 'ramping' | 'down' | 'refused';

/** `answered`: a probe succeeded, so the store is reachable; it may still not accept uploads. */
export type HealthEvent = 'success' | 'failure' | 'throttle' | 'refusal' | 'answered';

export interface Health {
  readonly state: HealthState;
  /** Maximum number of concurrent uploads. */
  readonly limit: number;
  /** Failures in a row. */
  readonly failures: number;
  /** Since when no upload has succeeded; undefined while uploads succeed. Milliseconds since the epoch. */
  readonly troubledSince: number | undefined;
  readonly decreasedAt: number;
}

/** This many failures in a row are an outage; fewer are normal. */
const failuresToDown = 5;
const decreaseEveryMs = 1000;

const next: Readonly<Record<HealthState, Readonly<Record<HealthEvent, HealthState>>>> = {
  up: { success: 'up', failure: 'up', throttle: 'up', refusal: 'refused', answered: 'up' },
  ramping: { success: 'ramping', failure: 'down', throttle: 'ramping', refusal: 'refused', answered: 'ramping' },
  down: { success: 'ramping', failure: 'down', throttle: 'down', refusal: 'refused', answered: 'ramping' },
  refused: { success: 'ramping', failure: 'down', throttle: 'refused', refusal: 'refused', answered: 'refused' },
};

export function healthy(limit: number): Health {
  return { state: 'up', limit, failures: 0, troubledSince: undefined, decreasedAt: Number.NEGATIVE_INFINITY };
}

export function stepHealth(
  health: Health,
  event: HealthEvent,
  { now, maximum }: { now: number; maximum: number },
): Health {
  const bad = event === 'failure' || event === 'throttle' || event === 'refusal';
  const failures = bad ? health.failures + 1 : event === 'success' ? 0 : health.failures;
  const troubledSince = event === 'success' ? undefined : (health.troubledSince ?? (bad ? now : undefined));
  let state = next[health.state][event];
  if (state === 'up' && bad && failures >= failuresToDown) state = 'down';

  let { limit, decreasedAt } = health;
  if (state === 'down' || state === 'refused') limit = 1;
  else if (state === 'ramping' && health.state !== 'ramping') limit = 1;
  else if (event === 'success') limit = state === 'ramping' ? limit * 2 : limit + 1;
  else if (event === 'throttle' && now - decreasedAt >= decreaseEveryMs) {
    limit = Math.max(1, Math.floor(limit / 2));
    decreasedAt = now;
  }
  limit = Math.min(limit, maximum);
  if (state === 'ramping' && limit === maximum) state = 'up';
  return { state, limit, failures, troubledSince, decreasedAt };
}
