export interface StartLimiterOptions {
  /** Maximum number of streams that start at the same time. */
  readonly atOnce: () => number;
  /** A source without media does not delay the others for longer than this. Default 2 s. */
  readonly holdMs?: number;
}

/**
 * Staggers the starts of ffmpeg: each one probes, decodes and encodes immediately, and a hundred at the same instant would starve the
 * running streams.
 */
export class StartLimiter {
  readonly #options: StartLimiterOptions;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(options: StartLimiterOptions) {
    this.#options = options;
  }

  /** Streams that are starting, and streams that wait. */
  get counts(): { readonly beginning: number; readonly waiting: number } {
    return { beginning: this.#taken, waiting: this.#waiting.length };
  }

  /** Waits for a slot, in the order of the requests. Call the returned function once the stream has started; a second call has no effect. */
  async enter(signal: AbortSignal): Promise<() => void> {
    if (signal.aborted) return () => {};
    if (this.#taken >= this.#options.atOnce()) {
      const isIn = await this.#wait(signal);
      if (!isIn) return () => {};
    } else this.#taken += 1;
    return this.#place();
  }

  /** False if the signal aborted first. A slot is handed over, never free in between. */
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
