export interface Candidate<T> {
  readonly frame: T;
  /** Milliseconds since the epoch. */
  readonly capturedAt: number;
  /** Higher is better. */
  readonly score: number;
}

export interface BestOfOptions<T> {
  /** Number of frames to choose from. */
  readonly count: number;
  /** The interval of those frames. */
  readonly intervalSeconds: number;
  /** Whether the last chosen frame is still being processed: the next one waits, and can be replaced by a better one. */
  readonly busy: () => boolean;
  readonly onBest: (frame: T) => void;
  /** Called for a frame that another one replaced: its buffer is free. */
  readonly onBeaten: (frame: T) => void;
}

/**
 * Chooses the best frame of each interval. Holds one frame, so with the one being filled and the one being processed there are three. The
 * very first frame is passed on at once, and so is every frame of a source that sends them no more often than thumbnails are due.
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
    // If the clock goes back, selection starts over.
    const isRare = capturedAt < this.#lastAt || capturedAt - this.#lastAt >= intervalSeconds * 900;
    this.#lastAt = capturedAt;
    if (this.#best === undefined) {
      this.#startedAt = capturedAt;
      this.#best = candidate;
    } else {
      // A frame that has waited longer than an interval is old, so any newer one is better.
      const better = candidate.score >= this.#best.score || this.#overdue(capturedAt);
      onBeaten((better ? this.#best : candidate).frame);
      if (better) this.#best = candidate;
    }
    if (isRare || this.#complete(capturedAt)) this.#pass();
  }

  /** Passes on a waiting frame if its interval's last frame did not arrive. `now`: steady time. */
  expire(now: number): void {
    if (this.#best !== undefined && this.#overdue(now)) this.#pass();
  }

  #overdue(now: number): boolean {
    return now - this.#startedAt >= this.#options.intervalSeconds * 1000;
  }

  /** Frames are equally spaced: the last one of an interval comes one frame interval before its end. */
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
