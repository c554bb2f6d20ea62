export interface Candidate<T> {
  readonly frame: T;
  /** Milliseconds since the epoch. */
  readonly capturedAt: number;
  /** The higher, the better. */
  readonly score: number;
}

export interface BestOfOptions<T> {
  /** Frames to choose from. */
  readonly count: number;
  /** In which so many come. */
  readonly intervalSeconds: number;
  /** Whether the one chosen last is still being worked on: the next waits, and goes on being bettered. */
  readonly busy: () => boolean;
  readonly onBest: (frame: T) => void;
  /** A frame that another one beat: its buffer is free. */
  readonly onBeaten: (frame: T) => void;
}

/**
 * Chooses the best frame of each interval. Holds one frame: with the one being filled and the one being worked on that makes
 * three. The first frame of all is passed on at once, and so is each one of a source that gives them no more often than
 * pictures are due.
 */
export class BestOf<T> {
  readonly #options: BestOfOptions<T>;
  #best: Candidate<T> | undefined;
  #startedAt = Number.NEGATIVE_INFINITY;
  #lastAt = Number.NEGATIVE_INFINITY;

  constructor(options: BestOfOptions<T>) {
    this.#options = options;
  }

  offer(candidate: Candidate<T>): void {
    const { intervalSeconds, onBeaten } = this.#options;
    const { capturedAt } = candidate;
    // A clock that goes back begins anew.
    const isRare = capturedAt < this.#lastAt || capturedAt - this.#lastAt >= intervalSeconds * 900;
    this.#lastAt = capturedAt;
    if (this.#best === undefined) {
      this.#startedAt = capturedAt;
      this.#best = candidate;
    } else {
      // What has waited longer than an interval is old: any newer one is better.
      const better = candidate.score >= this.#best.score || this.#overdue(capturedAt);
      onBeaten((better ? this.#best : candidate).frame);
      if (better) this.#best = candidate;
    }
    if (isRare || this.#complete(capturedAt)) this.#pass();
  }

  /** Passes on what waits although its interval's last frame never came. `now`: steady time. */
  expire(now: number): void {
    if (this.#best !== undefined && this.#overdue(now)) this.#pass();
  }

  #overdue(now: number): boolean {
    return now - this.#startedAt >= this.#options.intervalSeconds * 1000;
  }

  /** Frames come at equal distances: the last one of an interval lies one distance before its end. */
  #complete(capturedAt: number): boolean {
    const { count, intervalSeconds } = this.#options;
    return capturedAt - this.#startedAt >= ((count - 1.5) / count) * intervalSeconds * 1000;
  }

  #pass(): void {
    const { busy, onBest } = this.#options;
    if (this.#best === undefined || busy()) return;
    const { frame } = this.#best;
    this.#best = undefined;
    onBest(frame);
  }
}
