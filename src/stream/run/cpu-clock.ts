/** CPU time of a series of processes, of which each begins with none. */
export class CpuClock {
  #last = 0;

  /** What was spent since the last call, in seconds; `total`: of the process that runs now, undefined where none does. */
  take(total: number | undefined): number {
    if (total === undefined) return 0;
    const spent = total >= this.#last ? total - this.#last : total;
    this.#last = total;
    return spent;
  }
}
