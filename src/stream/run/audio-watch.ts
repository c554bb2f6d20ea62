import type { MediaPart } from '../../hls/segmenter.js';

/** How long audio may come later than video before it counts as silent. */
const PATIENCE_MS = 3000;
/** An encoder may be that slow to give its first picture, without which audio does not come out either. */
const ENCODER_PATIENCE_MS = 10_000;
/** A recording is not opened again for audio that comes later, so it is given more time. */
const RECORDING_PATIENCE_MS = 15_000;
/** How much video without any audio in it makes the audio silent once it was heard. */
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

/** `open`: too early to tell. `settled`: the audio is as expected. `silent`: it is announced, but does not come. */
export type AudioVerdict = 'open' | 'settled' | 'silent';

/**
 * Watches whether the audio that a source announces comes. ffmpeg's muxers wait for the first packet of each track, most of them for
 * ever, and players stop where one of two tracks ends.
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

  /** How long after the first video a verdict is due. */
  get patienceMs(): number {
    const { isRecorded, isEncoded } = this.#options;
    if (isRecorded) return RECORDING_PATIENCE_MS;
    return isEncoded ? ENCODER_PATIENCE_MS : PATIENCE_MS;
  }

  /** The source was opened. */
  opened(hasAudio: boolean): void {
    if (!hasAudio) this.#isSettled = true;
  }

  /** A packet of the source's video came. Returns whether it was the first. */
  video(): boolean {
    const isFirst = this.#videoSince === undefined;
    this.#videoSince ??= this.#options.now();
    return isFirst;
  }

  /** A part of a rendition came. */
  part({ hasAudio, durationSeconds }: Pick<MediaPart, 'hasAudio' | 'durationSeconds'>): void {
    this.#isHeard ||= hasAudio;
    this.#withoutSeconds = hasAudio ? 0 : this.#withoutSeconds + durationSeconds;
  }

  /** No more time is to be spent on it. */
  hurry(): void {
    this.#videoSince = Number.NEGATIVE_INFINITY;
  }

  /** Whether audio that was announced has not come so far. */
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
