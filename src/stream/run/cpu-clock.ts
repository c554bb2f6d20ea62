/** CPU time of a series of processes, each of which starts at zero. */
export class CpuClock {
  #last = 0;

  /** CPU time since the last call, in seconds; `total`: of the current process, undefined if there is none. */
  take(total: number | undefined): number {
    if (total === undefined) return 0;
    const spent = total >= this.#last ? total - this.#last : total;
    this.#last = total;
    return spent;
  }
}
