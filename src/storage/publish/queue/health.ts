/** Pure: what is known of a store's health, and how many uploads it may be given at once. */

/**
 * `up`: all slots. `ramping`: it answers again after an outage; slots double with each upload that succeeds.
 * `down`: nothing is sent but a small probe. `refused`: it answers and refuses (credentials, settings); one upload at a
 * time tries whether that has changed.
 */
export type HealthState = 'up' | 'ramping' | 'down' | 'refused';

/** `answered` is a probe's success: the store is there, which says nothing of whether it takes uploads. */
export type HealthEvent = 'success' | 'failure' | 'throttle' | 'refusal' | 'answered';

export interface Health {
  readonly state: HealthState;
  /** Uploads at once. */
  readonly limit: number;
  /** Failures in a row. */
  readonly failures: number;
  /** Since when no upload has succeeded; undefined while all is well. Milliseconds since the epoch. */
  readonly troubledSince: number | undefined;
  readonly decreasedAt: number;
}

/** So many failures without one success in between are an outage, fewer are bad luck. */
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
