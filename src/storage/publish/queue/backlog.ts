/** Something in memory that waits for a store. */
export interface Held {
  readonly bytes: number;
  /** Images go before segments when there is no room. */
  readonly kind: 'image' | 'segment';
  /** Being sent at this moment: on a slow link it is the nearest to being done, so it is not given up. */
  busy(): boolean;
}

/**
 * Pure: the bytes of all that waits, over all streams, against one limit. The order of `hold` calls is the order of
 * age. What is sent counts until it is stored.
 */
export class Backlog<H extends Held> {
  readonly limitBytes: number;
  readonly #held = new Set<H>();
  #bytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Everything in memory, oldest first. */
  items(): Iterable<H> {
    return this.#held;
  }

  hold(item: H): void {
    if (this.#held.has(item)) return;
    this.#held.add(item);
    this.#bytes += item.bytes;
  }

  /** No longer in memory: stored or given up. Calling it again changes nothing. */
  release(item: H): void {
    if (this.#held.delete(item)) this.#bytes -= item.bytes;
  }

  /** What must be given up to be within the limit again: images, then the oldest segments that are not being sent. */
  overflow(): readonly H[] {
    let excess = this.#bytes - this.limitBytes;
    if (excess <= 0) return [];
    const victims: H[] = [];
    const give = (item: H): void => {
      victims.push(item);
      excess -= item.bytes;
    };
    // What can never fit must not push out all the rest first.
    for (const item of this.#held) if (item.bytes > this.limitBytes && !item.busy()) give(item);
    for (const kind of ['image', 'segment'] as const) {
      for (const item of this.#held) {
        if (excess <= 0) return victims;
        if (item.kind === kind && item.bytes <= this.limitBytes && !item.busy()) give(item);
      }
    }
    return victims;
  }
}
