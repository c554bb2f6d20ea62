/**
 * Pure: the one place of a key whose newest content alone matters. Content that comes while the last write is under
 * way, or less than `intervalMs` after its end, waits, and only the newest of it is written. After its end, because
 * nobody knows when between its start and its end the store counted it.
 */
export class CoalescingSlot {
  readonly #intervalMs: number;
  #waiting = false;
  #busy = false;
  #endedAt = Number.NEGATIVE_INFINITY;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** Whether there is content that no finished write has carried. */
  get dirty(): boolean {
    return this.#waiting || this.#busy;
  }

  get busy(): boolean {
    return this.#busy;
  }

  /** There is new content. */
  mark(): void {
    this.#waiting = true;
  }

  /** Milliseconds until a write may begin; undefined when there is nothing to write or a write is under way. */
  dueInMs(now: number): number | undefined {
    if (!this.#waiting || this.#busy) return undefined;
    return Math.max(0, this.#endedAt + this.#intervalMs - now);
  }

  /** A write was asked for; it takes all content marked until it is `sent`. */
  take(): void {
    this.#busy = true;
  }

  /** An attempt begins now with the newest content. */
  sent(): void {
    this.#waiting = false;
  }

  /** The write is over. One that was not `done` leaves its content waiting. */
  finish(done: boolean, now: number): void {
    this.#busy = false;
    this.#endedAt = now;
    if (!done) this.#waiting = true;
  }
}
