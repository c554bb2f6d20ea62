/** Kinds of uploads, in order of importance if there are not enough slots. */
export const uploadKinds = ['init', 'playlist', 'segment', 'image', 'rest'] as const;
export type UploadKind = (typeof uploadKinds)[number];

export interface Queued {
  readonly kind: UploadKind;
  readonly stream: string;
  /** Within one kind of one stream, lower values go first. */
  readonly order: number;
}

/**
 * Pure: the jobs that wait for a slot. The most important kind goes first; within it, the stream with the fewest running uploads, and of
 * those the least recently served; within a stream, the lowest order.
 */
export class FairQueue<J extends Queued> {
  readonly #lines = new Map<UploadKind, Map<string, J[]>>(uploadKinds.map((kind) => [kind, new Map()]));
  readonly #servedAt = new Map<string, number>();
  #turn = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(job: J): void {
    const lines = this.#lines.get(job.kind)!;
    const line = lines.get(job.stream);
    this.#size += 1;
    if (line === undefined) {
      lines.set(job.stream, [job]);
      return;
    }
    let at = line.length;
    while (at > 0 && line[at - 1]!.order > job.order) at -= 1;
    line.splice(at, 0, job);
  }

  /** Whether it was there. */
  remove(job: J): boolean {
    const line = this.#lines.get(job.kind)!.get(job.stream);
    const at = line?.indexOf(job) ?? -1;
    if (at < 0) return false;
    line!.splice(at, 1);
    this.#forgetIfEmpty(job, line!);
    return true;
  }

  /** Takes the next job among `kinds`. `underWay` returns the number of a stream's running uploads. */
  take(kinds: readonly UploadKind[], underWay: (stream: string) => number): J | undefined {
    for (const kind of kinds) {
      let best: { line: J[]; load: number; servedAt: number } | undefined;
      for (const [stream, line] of this.#lines.get(kind)!) {
        const load = underWay(stream);
        const servedAt = this.#servedAt.get(stream) ?? -1;
        if (best === undefined || load < best.load || (load === best.load && servedAt < best.servedAt))
          best = { line, load, servedAt };
      }
      const job = best?.line.shift();
      if (job === undefined) continue;
      this.#turn += 1;
      this.#servedAt.set(job.stream, this.#turn);
      this.#forgetIfEmpty(job, best!.line);
      return job;
    }
    return undefined;
  }

  /** A stream was removed. */
  forget(stream: string): void {
    this.#servedAt.delete(stream);
  }

  #forgetIfEmpty(job: J, line: J[]): void {
    this.#size -= 1;
    if (line.length === 0) this.#lines.get(job.kind)!.delete(job.stream);
  }
}
