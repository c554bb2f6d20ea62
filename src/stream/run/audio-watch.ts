import type { MediaPart } from '../../hls/segmenter.js';

/** How much later than video audio may start before it counts as silent. */
const PATIENCE_MS = 3000;
/** An encoder may take this long to output its first frame, and audio does not come out before that. */
const ENCODER_PATIENCE_MS = 10_000;
/** A recording is not reopened for audio that starts later, so it gets more time. */
const RECORDING_PATIENCE_MS = 15_000;
/** After audio was heard, this much video without audio makes it silent. */
const MOST_WITHOUT_SECONDS = 5;

export interface AudioWatchOptions {
  /** Whether the source's audio is part of the plan. */
  readonly isExpected: boolean;
  /** Whether the source starts from its beginning each time it is opened. */
  readonly isRecorded: boolean;
  /** Whether no rendition is a copy of the source's video. */
  readonly isEncoded: boolean;
  /** Steady time in milliseconds. */
  readonly now: () => number;
}

/** `open`: too early to tell. `settled`: the audio is as expected. `silent`: it is announced but missing. */
export type AudioVerdict = 'open' | 'settled' | 'silent';

/**
 * Checks whether the audio that a source announces arrives. ffmpeg's muxers wait for the first packet of each track, most of them
 * indefinitely, and players stop when one of two tracks ends.
 */
export class AudioWatch {
  readonly #options: AudioWatchOptions;
  #isSettled: boolean;
  #isHeard = false;
  #videoSince: number | undefined;
  #withoutSeconds = 0;

  constructor(options: AudioWatchOptions) {
    this.#options = options;
    this.#isSettled = !options.isExpected;
  }

  /** Time from the first video to the verdict. */
  get patienceMs(): number {
    const { isRecorded, isEncoded } = this.#options;
    if (isRecorded) return RECORDING_PATIENCE_MS;
    return isEncoded ? ENCODER_PATIENCE_MS : PATIENCE_MS;
  }

  /** The source was opened. */
  opened(hasAudio: boolean): void {
    if (!hasAudio) this.#isSettled = true;
  }

  /** A packet of the source's video arrived. Returns whether it was the first. */
  video(): boolean {
    const isFirst = this.#videoSince === undefined;
    this.#videoSince ??= this.#options.now();
    return isFirst;
  }

  /** A part of a rendition arrived. */
  part({ hasAudio, durationSeconds }: Pick<MediaPart, 'hasAudio' | 'durationSeconds'>): void {
    this.#isHeard ||= hasAudio;
    this.#withoutSeconds = hasAudio ? 0 : this.#withoutSeconds + durationSeconds;
  }

  /** The time limit has passed. */
  hurry(): void {
    this.#videoSince = Number.NEGATIVE_INFINITY;
  }

  /** Whether announced audio has not arrived so far. */
  get isMissing(): boolean {
    return !this.#isSettled && !this.#isHeard;
  }

  get verdict(): AudioVerdict {
    const { isRecorded, now } = this.#options;
    if (this.#isSettled) return 'settled';
    if (this.#isHeard) return this.#withoutSeconds > MOST_WITHOUT_SECONDS && !isRecorded ? 'silent' : 'settled';
    const waitedMs = this.#videoSince === undefined ? 0 : now() - this.#videoSince;
    return waitedMs >= this.patienceMs ? 'silent' : 'open';
  }
}
