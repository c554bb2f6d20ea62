import { LineSplitter } from './line-splitter.js';

/** One report of `-progress`. Values that ffmpeg does not know yet are undefined. */
export interface Progress {
  /** The furthest timestamp that any output has reached, in seconds; of the slowest output in builds with `reportsSlowest`. */
  readonly outSeconds: number | undefined;
  /** Number of frames that the first video output received so far. */
  readonly frames?: number | undefined;
  readonly fps: number | undefined;
  /** Processed seconds of media per second of time. */
  readonly speed: number | undefined;
  readonly droppedFrames: number | undefined;
  readonly duplicatedFrames: number | undefined;
  /** Whether it is the last report of a run. */
  readonly end: boolean;
}

/** Longer than any line of a report. */
const MAX_LINE = 16_384;

/** Parses the key=value blocks that ffmpeg writes to `-progress`, in pieces of any size. Pure. */
export class ProgressParser {
  readonly #onProgress: (progress: Progress) => void;
  readonly #splitter = new LineSplitter({ end: /\n/, longest: MAX_LINE });
  #values = new Map<string, string>();

  constructor(onProgress: (progress: Progress) => void) {
    this.#onProgress = onProgress;
  }

  push(bytes: Uint8Array): void {
    for (const line of this.#splitter.push(bytes)) this.#line(line);
  }

  #line(line: string): void {
    const equals = line.indexOf('=');
    if (equals < 1) return;
    const key = line.slice(0, equals).trim();
    const value = line.slice(equals + 1).trim();
    if (key !== 'progress') {
      // A block has about 20 keys; more do not come from ffmpeg.
      if (this.#values.size < 100) this.#values.set(key, value);
      return;
    }
    // `out_time_ms` is in microseconds too, in every version: a bug that ffmpeg keeps for compatibility.
    const microseconds = this.#number('out_time_us') ?? this.#number('out_time_ms');
    this.#onProgress({
      outSeconds: microseconds === undefined || microseconds < 0 ? undefined : microseconds / 1e6,
      frames: this.#number('frame'),
      fps: this.#number('fps'),
      speed: this.#number('speed'),
      droppedFrames: this.#number('drop_frames'),
      duplicatedFrames: this.#number('dup_frames'),
      end: value === 'end',
    });
    this.#values = new Map();
  }

  #number(key: string): number | undefined {
    const value = Number.parseFloat(this.#values.get(key) ?? '');
    return Number.isFinite(value) ? value : undefined;
  }
}
