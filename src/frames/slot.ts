import type { Frame } from './frame.js';

export interface FrameSlotOptions {
  /** Processes one frame at a time. The frame's data is lent until the promise settles. Must not reject. */
  readonly consume: (frame: Frame) => Promise<void>;
  /** Called for a frame that a newer one replaced before it was processed. */
  readonly onDropped: (frame: Frame) => void;
}

/**
 * Decouples a capture that must never wait from a consumer that may be slow. The newest frame waits, and the one before it is dropped.
 * Three buffers in total: one being filled, one waiting, one being consumed.
 */
export class FrameSlot {
  readonly #options: FrameSlotOptions;
  #free: Uint8Array[] = [];
  #waiting: Frame | undefined;
  #busy: Promise<void> | undefined;

  constructor(options: FrameSlotOptions) {
    this.#options = options;
  }

  /** A buffer of exactly `bytes` to fill for the next `offer`. */
  acquire(bytes: number): Uint8Array {
    // Buffers of another length belong to a frame size that is no longer used.
    this.#free = this.#free.filter(({ length }) => length === bytes);
    return this.#free.pop() ?? new Uint8Array(bytes);
  }

  offer(frame: Frame): void {
    if (this.#waiting !== undefined) {
      this.#options.onDropped(this.#waiting);
      this.#release(this.#waiting.data);
    }
    this.#waiting = frame;
    this.#busy ??= this.#drain();
  }

  /** Whether a newer frame waits behind the one that is being consumed. */
  get hasWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  /** Settles when nothing is waiting or being consumed. */
  async idle(): Promise<void> {
    while (this.#busy !== undefined) await this.#busy;
  }

  async #drain(): Promise<void> {
    for (let frame = this.#take(); frame !== undefined; frame = this.#take()) {
      await this.#options.consume(frame);
      this.#release(frame.data);
    }
    this.#busy = undefined;
  }

  #take(): Frame | undefined {
    const frame = this.#waiting;
    this.#waiting = undefined;
    return frame;
  }

  #release(buffer: Uint8Array): void {
    if (this.#free.length < 3) this.#free.push(buffer);
  }
}
