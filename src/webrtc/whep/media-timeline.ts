/** A jump of a source's timestamps against the clock that is not passed on to viewers: they would wait, or drop everything. */
const FARTHEST_SECONDS = 3;

/**
 * One continuous timeline of all tracks over ffmpeg's runs, each of which starts its timestamps again. A run continues where the clock says.
 * Pure.
 */
export class MediaTimeline {
  #offsetSeconds: number | undefined;
  #lastSeconds = 0;
  #lastAt: number | undefined;

  /** Another run starts. */
  begin(): void {
    this.#offsetSeconds = undefined;
  }

  /** The place of a timestamp. `now`: steady time in milliseconds. */
  at(ptsSeconds: number, now: number): number {
    const expected = this.#lastAt === undefined ? 0 : this.#lastSeconds + (now - this.#lastAt) / 1000;
    const offset = this.#offsetSeconds ?? expected - ptsSeconds;
    const isNear = Math.abs(ptsSeconds + offset - expected) <= FARTHEST_SECONDS;
    this.#offsetSeconds = isNear ? offset : expected - ptsSeconds;
    const seconds = ptsSeconds + this.#offsetSeconds;
    if (this.#lastAt === undefined || seconds > this.#lastSeconds) {
      this.#lastSeconds = seconds;
      this.#lastAt = now;
    }
    return seconds;
  }
}

/** A time as a timestamp of RTP: 32 bits, from a start that differs for each session. */
export function rtpTimestamp(seconds: number, clockRate: number, start: number): number {
  const ticks = Math.round(seconds * clockRate) + start;
  return ((ticks % 2 ** 32) + 2 ** 32) % 2 ** 32;
}
