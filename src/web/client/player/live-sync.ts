/** Keeps playback of a live stream close to live. Pure: time and places are parameters, in seconds. */

/** Where a player is at one moment. */
export interface LivePlace {
  /** From the end of the playlist, moved on by the time since it was read, to the place. */
  readonly latency: number;
  /** How close to that end playback should be. */
  readonly target: number;
  /** How much media there is ahead of the place, without a gap. */
  readonly buffered: number;
  /** By how much the playlist grows at a time: the part target duration, or the target duration where it has no parts. */
  readonly step: number;
  /** How much further behind than `target` is too far to catch up by rate. */
  readonly far: number;
  /** How long nothing was added to the playlist. */
  readonly age: number;
}

export interface Correction {
  readonly rate: number;
  /** Too far behind to catch up by rate: go to where playback should be. */
  readonly jumps: boolean;
}

const FASTEST = 1.3;
/** Where too little is ahead, a little slower than live lets it grow before it runs out. */
const SLOWEST = 0.95;
/** Where the end of a playlist is, is only known so well: in steps, and in seconds at least. */
const NEAR_STEPS = 0.25;
const NEAR_SECONDS = 0.1;
/** An end that has not moved for so many steps will not move on time. */
const LATE_STEPS = 3;
/** So much must be ahead to play faster: the next step takes its time. */
const AHEAD_STEPS = 1.5;

export const steady: Correction = { rate: 1, jumps: false };

/** How far a place may be from where it should be and is right, for a playlist that grows by `step` seconds. */
export function nearOf(step: number): number {
  return Math.max(NEAR_SECONDS, NEAR_STEPS * step);
}

/** How to play on from a place that should be live. `rate`: the current one. */
export function correctionAt({ latency, target, buffered, step, far, age }: LivePlace, rate: number): Correction {
  // The source pauses: there is no live to catch up with.
  if (age > LATE_STEPS * step) return steady;
  const behind = latency - target;
  if (behind > far) return { rate: FASTEST, jumps: true };
  // Once changed, the rate stays until the place is right: a place at the limit must not change it at each look.
  const near = nearOf(step);
  if (Math.abs(behind) <= (rate === 1 ? near : near / 4)) return steady;
  if (behind < 0) return rate > 1 ? steady : { rate: SLOWEST, jumps: false };
  if (rate < 1 || buffered < AHEAD_STEPS * step) return steady;
  return { rate: Math.min(FASTEST, Math.round((1.05 + 0.25 * behind) * 20) / 20), jumps: false };
}

const STALL_SECONDS = 0.3;
const MOST_SECONDS = 1.5;
const FORGIVEN_SECONDS = 0.1;
const FORGIVES_EVERY_SECONDS = 30;

/**
 * How much further from live a player stays because it stalled: more with each stall, and less again while it plays well, so that it
 * comes back after a bad minute.
 */
export class StallReserve {
  #seconds = 0;
  #changedAt = 0;

  stalled(now: number): void {
    this.#seconds = Math.min(MOST_SECONDS, this.at(now) + STALL_SECONDS);
    this.#changedAt = now;
  }

  /** In seconds. */
  at(now: number): number {
    const steps = Math.floor((now - this.#changedAt) / FORGIVES_EVERY_SECONDS);
    return Math.max(0, Math.round((this.#seconds - steps * FORGIVEN_SECONDS) * 10) / 10);
  }
}
