export interface StartLimiterOptions {
  /** Streams that may begin at once, which can be others each time. */
  readonly atOnce: () => number;
  /** A source that gives nothing does not hold the others up for longer. Default 2 s. */
  readonly holdMs?: number;
}

/**
 * Staggers the starts of ffmpeg: each probes its source, decodes and encodes at once, and a hundred in one instant would starve
 * the streams that run.
 */
export class StartLimiter {
  readonly #options: StartLimiterOptions;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(options: StartLimiterOptions) {
    this.#options = options;
  }

  /** Streams that are beginning, and that wait for it. */
  get counts(): { readonly beginning: number; readonly waiting: number } {
    return { beginning: this.#taken, waiting: this.#waiting.length };
  }

  /** Waits for a place, in the order of asking. Call the answer once the stream has begun; it does nothing the second time. */
  async enter(signal: AbortSignal): Promise<() => void> {
    if (signal.aborted) return () => {};
    if (this.#taken >= this.#options.atOnce()) {
      const isIn = await this.#wait(signal);
      if (!isIn) return () => {};
    } else this.#taken += 1;
    return this.#place();
  }

  /** False when the signal aborted first. A place is handed on, never free in between. */
  #wait(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const enter = () => {
        signal.removeEventListener('abort', abandon);
        resolve(true);
      };
      const abandon = () => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1);
        resolve(false);
      };
      signal.addEventListener('abort', abandon, { once: true });
      this.#waiting.push(enter);
    });
  }

  #place(): () => void {
    let isHeld = true;
    const leave = () => {
      if (!isHeld) return;
      isHeld = false;
      clearTimeout(timer);
      this.#taken -= 1;
      while (this.#taken < this.#options.atOnce()) {
        const next = this.#waiting.shift();
        if (next === undefined) return;
        this.#taken += 1;
        next();
      }
    };
    const timer = setTimeout(leave, this.#options.holdMs ?? 2000).unref();
    return leave;
  }
}
