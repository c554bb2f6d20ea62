import type { StreamConfig } from '../../config/schema/schema.js';
import {
  chooseDecode,
  type DecodeChoice,
  LONGEST_DECISION_SECONDS,
  longestGapSeconds,
  type SourceTraits,
  TraitsReader,
} from '../../frames/decode.js';
import type { PacketTime } from '../../frames/packet-times.js';
import { findSps } from '../../hls/cut/sps.js';
import type { MediaPart } from '../../hls/segmenter.js';

export interface DecodeDecisionOptions {
  readonly config: Pick<StreamConfig, 'thumbnail'>;
  /** The mode that the run was started with. */
  readonly decode: DecodeChoice;
  /** Whether this run decides how its source is decoded. */
  readonly isOpen: boolean;
  /** Whether parts of the source's own video arrive, which reveal each keyframe; otherwise packets and thumbnails do. */
  readonly makesMedia: boolean;
  /** Steady time in milliseconds. */
  readonly now: () => number;
}

/** Timestamps that differ less are equal. */
const SAME_SECONDS = 0.001;

/** Observes the source's video during one run, and decides once what is decoded for thumbnails. */
export class DecodeDecision {
  readonly #options: DecodeDecisionOptions;
  readonly #reader = new TraitsReader();
  #choice: DecodeChoice | undefined;
  #firstKeyframe: PacketTime | undefined;
  #firstAt: number | undefined;
  #partEndSeconds: number | undefined;
  #isOver = false;
  /** The node marks keyframes, so that a decoder outputs each at once. */
  #isFlushed = false;

  constructor(options: DecodeDecisionOptions) {
    this.#options = options;
    this.#choice = options.isOpen ? undefined : options.decode;
  }

  /** Undefined until it is decided. */
  get choice(): DecodeChoice | undefined {
    return this.#choice;
  }

  get traits(): SourceTraits {
    return this.#reader.traits;
  }

  /** Whether thumbnails are too old because keyframes have become rare since the decision. */
  get isOutgrown(): boolean {
    const { config, decode } = this.#options;
    const { keyframeGapSeconds: gap = 0, hasOtherFrames } = this.traits;
    const isAutomatic = config.thumbnail.decode === 'auto' && decode.mode === 'keyframes';
    return isAutomatic && hasOtherFrames && gap > longestGapSeconds(config.thumbnail.intervalSeconds);
  }

  /** A keyframe-only decoder would get marks after the keyframes. */
  flushes(isFlushed: boolean): void {
    this.#isFlushed = isFlushed;
  }

  /** One of the source's first packets. */
  packet(packet: PacketTime): void {
    const { ptsSeconds, isKey } = packet;
    this.#firstAt ??= this.#options.now();
    if (isKey) this.#firstKeyframe ??= packet;
    if (this.#options.makesMedia) return;
    if (isKey) this.#reader.keyframe(ptsSeconds);
    else this.#reader.frame(ptsSeconds);
  }

  /** The start of the source's first keyframe. If no parameter set states the reordering, the timestamps reveal it. */
  keyframeStart(bytes: Uint8Array): void {
    const { ptsSeconds = 0, dtsSeconds = 0 } = this.#firstKeyframe ?? {};
    const reorderFrames = findSps(bytes)?.reorderFrames;
    const isReordered = reorderFrames === undefined ? ptsSeconds > dtsSeconds : reorderFrames > 0;
    this.#reader.late(isReordered && !this.#isFlushed);
  }

  /** A part of the source's own video. */
  part({ keyframeSeconds, frames, startSeconds, durationSeconds, isDiscontinuity }: MediaPart): void {
    this.#firstAt ??= this.#options.now();
    if (isDiscontinuity) this.#reader.jump();
    for (const seconds of keyframeSeconds) this.#reader.keyframe(seconds);
    // A part starts with its first frame in decoding order. Reordered, that frame is shown later than others of the part, and its end would
    // be after the next keyframe.
    const endSeconds = startSeconds + durationSeconds;
    const isInOrder = Math.abs(startSeconds - (this.#partEndSeconds ?? startSeconds)) < SAME_SECONDS;
    this.#partEndSeconds = endSeconds;
    if (frames > keyframeSeconds.length) this.#reader.frame(isInOrder ? endSeconds : startSeconds);
  }

  /** A keyframe was decoded. */
  picture(ptsSeconds: number): void {
    if (!this.#options.makesMedia && this.#options.decode.mode === 'keyframes') this.#reader.keyframe(ptsSeconds);
  }

  /** The source has advanced to `seconds`. */
  position(seconds: number): void {
    if (!this.#options.makesMedia && this.traits.hasOtherFrames) this.#reader.frame(seconds);
  }

  /** The time limit for the decision has passed. */
  hurry(): void {
    this.#isOver = true;
  }

  /** Decides, if enough is known now. */
  decide(): DecodeChoice | undefined {
    if (this.#choice !== undefined) return this.#choice;
    const { config, now } = this.#options;
    const { decode: setting, intervalSeconds } = config.thumbnail;
    const waitedSeconds = this.#firstAt === undefined ? 0 : (now() - this.#firstAt) / 1000;
    this.#choice = chooseDecode({
      ...{ setting, intervalSeconds, traits: this.traits },
      waitedSeconds: this.#isOver ? LONGEST_DECISION_SECONDS : waitedSeconds,
    });
    return this.#choice;
  }
}
