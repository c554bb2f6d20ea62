import type { Clock } from '../clock.js';

/** Waits for the end of work that many hands do. */
export class Drain {
  readonly #clock: Clock;
  readonly #isIdle: () => boolean;
  #waiters: (() => void)[] = [];

  constructor(clock: Clock, isIdle: () => boolean) {
    this.#clock = clock;
    this.#isIdle = isIdle;
  }

  /** Something is done. Looked at after the work that called this, which may not be quite done itself. */
  changed(): void {
    if (this.#waiters.length === 0) return;
    queueMicrotask(() => {
      if (this.#isIdle()) for (const resolve of this.#waiters.splice(0)) resolve();
    });
  }

  /** Resolves when there is nothing to do, at the deadline, or when the signal is aborted. */
  async reached(deadlineMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#isIdle() || signal?.aborted) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        cancelTimer();
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const cancelTimer = this.#clock.after(deadlineMs, done);
      signal?.addEventListener('abort', done);
      this.#waiters.push(done);
    });
  }
}
