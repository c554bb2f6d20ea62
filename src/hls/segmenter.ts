import type { CutPart } from './cut/cutter.js';

/** A part with its position among a run's segments. */
export interface MediaPart extends CutPart {
  /** Number of its segment within the run. */
  readonly sequence: number;
  /** When its last byte arrived, in milliseconds of the caller's clock. */
  readonly completedAtMs: number;
}

export interface SegmenterOptions {
  /** A segment that would exceed this ends early, at any part. */
  readonly maxSegmentBytes: number;
}

/** Assigns the parts of one run to numbered segments. Pure. */
export class Segmenter {
  readonly #options: SegmenterOptions;
  #sequence = -1;
  #bytes = 0;

  constructor(options: SegmenterOptions) {
    this.#options = options;
  }

  add(part: CutPart, completedAtMs: number): MediaPart {
    const isTooLarge = this.#bytes > 0 && this.#bytes + part.bytes.length > this.#options.maxSegmentBytes;
    const startsSegment = part.startsSegment || isTooLarge || this.#sequence < 0;
    if (startsSegment) {
      this.#sequence += 1;
      this.#bytes = 0;
    }
    this.#bytes += part.bytes.length;
    return { ...part, startsSegment, sequence: this.#sequence, completedAtMs };
  }
}
