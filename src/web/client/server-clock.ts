/**
 * How far the node's clock is from this browser's, learnt from `Date` headers. A `Date` has whole seconds and was written
 * between the sending of the request and the receipt of the answer, so each answer bounds the difference from both sides;
 * the bounds narrow with every answer. Pure: local times are parameters, in milliseconds since the epoch.
 */
export class ServerClock {
  #lowest = Number.NEGATIVE_INFINITY;
  #highest = Number.POSITIVE_INFINITY;

  observe(date: number, sentAt: number, receivedAt: number): void {
    if (Number.isNaN(date)) return;
    const lowest = date - receivedAt;
    const highest = date + 999 - sentAt;
    const consistent = lowest <= this.#highest && highest >= this.#lowest;
    // Else one of the two clocks was set since: only the newest answer counts.
    this.#lowest = consistent ? Math.max(lowest, this.#lowest) : lowest;
    this.#highest = consistent ? Math.min(highest, this.#highest) : highest;
  }

  /** The node's time at a local time. Two clocks that may agree are taken to agree. */
  at(localTime: number): number {
    return localTime + Math.min(Math.max(0, this.#lowest), this.#highest);
  }
}
