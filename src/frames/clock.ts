/** One observation: `ptsSeconds` was seen at `now`. It can be late, never early. */
interface Bucket {
  readonly startedAt: number;
  offsetMs: number;
}

/** ECMA-262, 21.4.1.1: the maximum distance of a date from the epoch, in milliseconds. */
const MAX_TIME_MS = 8.64e15;

export interface SourceClockOptions {
  /** How long an observation is used, in milliseconds: long enough to bridge bursts, short enough to follow drift. */
  readonly windowMs?: number;
}

/**
 * Maps a stream's timestamps to capture time. With B-frames a frame leaves a keyframe-only decoder whole GOPs after its capture, and
 * queues add to that, so arrival time is not capture time. But no packet arrives before it exists: over a sliding window, the smallest
 * difference between arrival and timestamp contains the least delay, and it converts every timestamp to that time. Observations come
 * from whatever arrives earliest, usually ffmpeg's progress reports of copied packets. Pure.
 */
export class SourceClock {
  readonly #windowMs: number;
  readonly #bucketMs: number;
  #buckets: Bucket[] = [];

  constructor(options: SourceClockOptions = {}) {
    this.#windowMs = options.windowMs ?? 30_000;
    this.#bucketMs = this.#windowMs / 30;
  }

  /** Records that a packet or frame with `ptsSeconds` was seen at `now` (milliseconds of a monotonic clock). */
  observe(ptsSeconds: number, now: number): void {
    const offsetMs = now - ptsSeconds * 1000;
    const last = this.#buckets.at(-1);
    // The wall clock was set back, so observations from before are invalid.
    if (last !== undefined && now < last.startedAt) this.#buckets = [];
    const open = this.#buckets.at(-1);
    if (open !== undefined && now - open.startedAt < this.#bucketMs) {
      open.offsetMs = Math.min(open.offsetMs, offsetMs);
      return;
    }
    this.#buckets.push({ startedAt: now, offsetMs });
    while (this.#buckets[0] !== undefined && now - this.#buckets[0].startedAt > this.#windowMs) this.#buckets.shift();
  }

  /** Discards observations from `from` (epoch milliseconds) on, because they were wrong. */
  forgetSince(from: number): void {
    this.#buckets = this.#buckets.filter(({ startedAt }) => startedAt + this.#bucketMs <= from);
  }

  /**
   * The time of a timestamp, in milliseconds. Undefined before the first observation, and for a timestamp outside the range of dates.
   */
  timeOf(ptsSeconds: number): number | undefined {
    if (this.#buckets.length === 0) return undefined;
    const time = Math.min(...this.#buckets.map((bucket) => bucket.offsetMs)) + ptsSeconds * 1000;
    return Math.abs(time) <= MAX_TIME_MS ? time : undefined;
  }
}
