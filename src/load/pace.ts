export interface PaceOptions {
  readonly intervalSeconds: number;
  readonly staleAfterSeconds: number;
}

/** Of the time for which a picture is fresh: what remains is for the way to its first viewer. */
const FRESH_SHARE = 0.75;

/** Leaves frames out while the machine has too much to do, as many as can be without the picture going stale. Pure. */
export class PicturePace {
  readonly #options: PaceOptions;
  #lastAt: number | undefined;
  #takenAt: number | undefined;

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  /** Whether a picture is to be made of a good frame. `slowing`: of so many one. `capturedAt`: milliseconds since the epoch. */
  takes(capturedAt: number, slowing: number): boolean {
    const last = this.#lastAt;
    this.#lastAt = capturedAt;
    const isDue = this.#takenAt === undefined || last === undefined || this.#isDue(capturedAt, last, slowing);
    if (isDue) this.#takenAt = capturedAt;
    return isDue;
  }

  #isDue(capturedAt: number, last: number, slowing: number): boolean {
    const elapsed = capturedAt - (this.#takenAt ?? capturedAt);
    const gap = capturedAt - last;
    // A clock that was set back says nothing.
    if (slowing <= 1 || elapsed < 0 || gap < 0) return true;
    const { intervalSeconds, staleAfterSeconds } = this.#options;
    const everySeconds = Math.min(intervalSeconds * slowing, staleAfterSeconds * FRESH_SHARE);
    // The next frame comes about a gap later: would that be too late? Frames never come to the millisecond.
    return elapsed + gap > everySeconds * 1100;
  }
}
