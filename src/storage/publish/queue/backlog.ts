/** An object in memory that waits for a store. */
export interface Held {
  readonly bytes: number;
  /** If memory is full, images are given up before segments. */
  readonly kind: 'image' | 'segment';
  /** It is being sent: on a slow link it is the closest to completion, so it is not given up. */
  busy(): boolean;
}

/**
 * Pure: compares the bytes of all waiting objects, of all streams, with one limit. The order of `hold` calls is the order of age. Objects
 * count until they are stored.
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

  /** The object is no longer in memory: stored or given up. Calling it again has no effect. */
  release(item: H): void {
    if (this.#held.delete(item)) this.#bytes -= item.bytes;
  }

  /** The objects to give up to be within the limit again: images, then the oldest segments that are not being sent. */
  overflow(): readonly H[] {
    let excess = this.#bytes - this.limitBytes;
    if (excess <= 0) return [];
    const victims: H[] = [];
    const give = (item: H): void => {
      victims.push(item);
      excess -= item.bytes;
    };
    // An object that can never fit must not displace all others first.
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
