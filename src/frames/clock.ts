/** One observation: `ptsSeconds` was seen at `now`. It can only have been late, never early. */
interface Bucket {
  readonly startedAt: number;
  offsetMs: number;
}

/** ECMA-262, 21.4.1.1: a date is within so many milliseconds of the epoch. */
const MAX_TIME_MS = 8.64e15;

export interface SourceClockOptions {
  /** How long an observation counts, in milliseconds: long enough to bridge bursts, short enough to follow drift. */
  readonly windowMs?: number;
}

/**
 * Maps a stream's timeline to the time at which it is observed. A picture with B-frames leaves a keyframe-only decoder whole GOPs after it
 * was taken, and queues add to it, so arrival time is not capture time. But no packet arrives before it exists: over a
 * sliding window the smallest difference between arrival and timestamp is the one with the least delay in it, and with it
 * every timestamp can be told in that time. Observations come from whatever passes earliest, usually ffmpeg's
 * progress reports of copied packets. Pure.
 */
export class SourceClock {
  readonly #windowMs: number;
  readonly #bucketMs: number;
  #buckets: Bucket[] = [];

  constructor(options: SourceClockOptions = {}) {
    this.#windowMs = options.windowMs ?? 30_000;
    this.#bucketMs = this.#windowMs / 30;
  }

  /** Notes that a packet or picture of `ptsSeconds` was seen at `now` (milliseconds, of a clock that is never set). */
  observe(ptsSeconds: number, now: number): void {
    const offsetMs = now - ptsSeconds * 1000;
    const last = this.#buckets.at(-1);
    // The wall clock was set back: what was observed by the old time says nothing any more.
    if (last !== undefined && now < last.startedAt) this.#buckets = [];
    const open = this.#buckets.at(-1);
    if (open !== undefined && now - open.startedAt < this.#bucketMs) {
      open.offsetMs = Math.min(open.offsetMs, offsetMs);
      return;
    }
    this.#buckets.push({ startedAt: now, offsetMs });
    while (this.#buckets[0] !== undefined && now - this.#buckets[0].startedAt > this.#windowMs) this.#buckets.shift();
  }

  /** Lets go of what was observed at `from` (epoch milliseconds) or later, because something about it was wrong. */
  forgetSince(from: number): void {
    this.#buckets = this.#buckets.filter(({ startedAt }) => startedAt + this.#bucketMs <= from);
  }

  /**
   * The time of a timestamp, in milliseconds. Undefined before the first observation, and for a timestamp so absurd
   * that it gives none that a date can hold.
   */
  timeOf(ptsSeconds: number): number | undefined {
    if (this.#buckets.length === 0) return undefined;
    const time = Math.min(...this.#buckets.map((bucket) => bucket.offsetMs)) + ptsSeconds * 1000;
    return Math.abs(time) <= MAX_TIME_MS ? time : undefined;
  }
}
