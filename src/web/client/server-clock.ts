/**
 * The offset between the node's clock and this browser's, from `Date` headers. A `Date` has whole seconds and was written
 * between sending the request and receiving the response, so each response bounds the offset on both sides;
 * the bounds narrow with every response. Pure: local times are parameters, in milliseconds since the epoch.
 */
export class ServerClock {
  #lowest = Number.NEGATIVE_INFINITY;
  #highest = Number.POSITIVE_INFINITY;

  observe(date: number, sentAt: number, receivedAt: number): void {
    if (Number.isNaN(date)) return;
    const lowest = date - receivedAt;
    const highest = date + 999 - sentAt;
    const consistent = lowest <= this.#highest && highest >= this.#lowest;
    // Otherwise one of the two clocks was set: only the newest response counts.
    this.#lowest = consistent ? Math.max(lowest, this.#lowest) : lowest;
    this.#highest = consistent ? Math.min(highest, this.#highest) : highest;
  }

  /** The node's time at a local time. If the bounds allow an offset of 0, it is 0. */
  at(localTime: number): number {
    return localTime + Math.min(Math.max(0, this.#lowest), this.#highest);
  }
}
