import type { StoreTarget } from '../target.js';

/**
 * Keys that have left a rendition's window and may lie on a store. The playlist on that store lists them until it is
 * written again; only then does their grace begin.
 */
export class PendingDeletes {
  readonly #stream: string;
  readonly #graceMs: () => number;
  readonly #byPlace = new Map<number, string[]>();

  constructor(options: { readonly stream: string; readonly graceMs: () => number }) {
    this.#stream = options.stream;
    this.#graceMs = options.graceMs;
  }

  add(places: Iterable<number>, key: string): void {
    for (const place of places) {
      const keys = this.#byPlace.get(place);
      if (keys) keys.push(key);
      else this.#byPlace.set(place, [key]);
    }
  }

  /** No playlist on this store lists them any more. */
  release(target: StoreTarget): void {
    const keys = this.#byPlace.get(target.place);
    if (keys) target.retention.retire(this.#stream, keys, this.#graceMs());
    this.#byPlace.delete(target.place);
  }

  keys(): readonly string[] {
    return [...this.#byPlace.values()].flat();
  }
}
