/** Keeps playback of a live stream close to live. Pure: times and positions are parameters, in seconds. */

/** The position of a player at one moment. */
export interface LivePlace {
  /** Distance from the position to the end of the playlist, plus the time since the playlist was read. */
  readonly latency: number;
  /** The intended distance to that end. */
  readonly target: number;
  /** Media buffered ahead of the position, without a gap. */
  readonly buffered: number;
  /** How much the playlist grows at a time: the part target duration, or the target duration without parts. */
  readonly step: number;
  /** Lag beyond `target` from which playback no longer catches up by rate. */
  readonly far: number;
  /** Time since something was added to the playlist. */
  readonly age: number;
}

export interface Correction {
  readonly rate: number;
  /** Too far behind to catch up by rate: seek to the target position. */
  readonly jumps: boolean;
}

const FASTEST = 1.3;
/** With too little buffered, playing slightly slower than live lets the buffer grow before it runs out. */
const SLOWEST = 0.95;
/** Uncertainty of the end of a playlist: in steps, with a minimum in seconds. */
const NEAR_STEPS = 0.25;
const NEAR_SECONDS = 0.1;
/** If the end has not moved for this many steps, it is late. */
const LATE_STEPS = 3;
/** Minimum buffer for playing faster: the next step takes time to load. */
const AHEAD_STEPS = 1.5;

export const steady: Correction = { rate: 1, jumps: false };

/** Tolerated distance to the target position, for a playlist that grows by `step` seconds. */
export function nearOf(step: number): number {
  return Math.max(NEAR_SECONDS, NEAR_STEPS * step);
}

/** The correction for a position that should be live. `rate`: the current one. */
export function correctionAt({ latency, target, buffered, step, far, age }: LivePlace, rate: number): Correction {
  // The source pauses: there is nothing to catch up with.
  if (age > LATE_STEPS * step) return steady;
  const behind = latency - target;
  if (behind > far) return { rate: FASTEST, jumps: true };
  // A changed rate stays until the position is right: a position at the limit must not toggle it at every check.
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
 * Additional latency of a player because of stalls: grows with each stall and shrinks while playback is smooth, so that the player
 * recovers after a bad minute.
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
