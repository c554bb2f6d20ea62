import type { MediaPart } from './segmenter.js';

/** A part of one rendition. */
export interface RenditionPart {
  readonly rendition: string;
  readonly part: MediaPart;
}

export interface InStepOptions {
  readonly renditions: readonly string[];
  /** The maximum number of waiting parts of all renditions; beyond it nothing waits any longer. */
  readonly maxWaitingBytes: number;
}

/**
 * Lists no segment of a rendition before every rendition has its first part, however much later an encoder is than a copy. So whenever a
 * run ends, all renditions have the same segments, and their media sequence and discontinuity sequence numbers stay the same, which
 * RFC 8216bis 6.2.4 requires of the latter. Within a segment parts pass at once. Pure.
 */
export class PartsInStep {
  readonly #options: InStepOptions;
  readonly #waiting: ReadonlyMap<string, MediaPart[]>;
  #started = -1;
  #waitingBytes = 0;

  constructor(options: InStepOptions) {
    this.#options = options;
    this.#waiting = new Map(options.renditions.map((rendition) => [rendition, []]));
  }

  /** Takes the next part of a rendition; returns what may be listed now, in order for each rendition. */
  push(rendition: string, part: MediaPart): RenditionPart[] {
    this.#waiting.get(rendition)?.push(part);
    this.#waitingBytes += part.bytes.length;
    const ready = this.#take();
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      this.#started = next;
      ready.push(...this.#take());
    }
    return ready;
  }

  /** A new run starts: waiting parts are discarded. */
  begin(): void {
    for (const parts of this.#waiting.values()) parts.length = 0;
    this.#started = -1;
    this.#waitingBytes = 0;
  }

  /** The number of the segment that may start now, given the waiting parts; undefined: none. */
  #next(): number | undefined {
    const heads = [...this.#waiting.values()].flatMap(([head]) => (head === undefined ? [] : [head]));
    // After `take` the first part of each rendition is waiting.
    const mayBegin = heads.length === this.#waiting.size || this.#waitingBytes > this.#options.maxWaitingBytes;
    if (!mayBegin) return undefined;
    return Math.min(...heads.map(({ sequence }) => sequence));
  }

  #take(): RenditionPart[] {
    const taken: RenditionPart[] = [];
    for (const [rendition, parts] of this.#waiting) {
      while (parts[0] !== undefined && !this.#waits(parts[0])) {
        const part = parts.shift()!;
        this.#waitingBytes -= part.bytes.length;
        taken.push({ rendition, part });
      }
    }
    return taken;
  }

  #waits({ startsSegment, sequence }: MediaPart): boolean {
    return startsSegment && sequence > this.#started;
  }
}
