/** One access unit of the track that decides where to cut: video, or audio where there is no video. */
export interface TimedUnit {
  /** Decoding time on the source's timeline, in seconds. */
  readonly dtsSeconds: number;
  /** Until the next unit; seconds. */
  readonly durationSeconds: number;
  /** Decoding can start here. */
  readonly isKey: boolean;
}

export interface CutTimingOptions {
  /** How long a partial segment should be. */
  readonly partSeconds: number;
  /** How long a segment should be at least. */
  readonly segmentSeconds: number;
  /** A segment without a keyframe ends after so long all the same: what waits for one that never comes fills memory. */
  readonly maxSegmentSeconds: number;
}

/** What starts with a unit. A segment's start is a part's start too. */
export type Cut = 'none' | 'part' | 'segment';

/**
 * How much longer than its whole number of frames a part may become, where timestamps are rounded, jitter or jump: not by a whole
 * frame, and not so that a part some hundredths shorter than usual has less than 85 % of it.
 */
const SPARE_FRAMES = 0.75;
const MOST_SPARE = 1.12;
/** Frame durations that the part target is derived from: the newest. */
const MAX_MEASURED_FRAMES = 64;
/** By how much of itself a frame's usual duration has to change. */
const CHANGED_RATE = 0.1;
/** With so many their median is believed until the next segment. */
const ENOUGH_FRAMES = 16;
/** Fewer do not say how far apart frames usually are. */
const FEWEST_FRAMES = 8;

/**
 * Decides where parts and segments start. RFC 8216bis 4.4.4.9: a part's duration MUST be at most the part target duration and at
 * least 85 % of it, unless it is the last of its segment. So the part target is a whole number of frames: with 12.5 frames a
 * second a part of 0.2 s would hold two and a half. Pure: time comes with the units.
 */
export class CutTiming {
  readonly #options: CutTimingOptions;
  readonly #frameSeconds: number[] = [];
  #frame = 0;
  #segmentStart: number | undefined;
  #partStart = 0;
  #end = 0;
  /** Whether the current part has any unit. */
  #hasPart = false;
  /** The newest keyframe, and how long after the one before it came. */
  #key: { readonly dtsSeconds: number; readonly afterSeconds: number | undefined } | undefined;
  /** The open segment begins at a jump, wherever that is between two keyframes of a grid. */
  #isAfterJump = false;

  constructor(options: CutTimingOptions) {
    this.#options = options;
  }

  /** The longest that a part of whole frames at the source's usual rate gets; seconds. Undefined until the first part is complete. */
  get partTargetSeconds(): number | undefined {
    return this.#frame === 0 ? undefined : Math.ceil(this.#limit() * 1000) / 1000;
  }

  /** How far apart frames usually are; undefined while too few were seen. */
  get usualFrameSeconds(): number | undefined {
    return this.#frameSeconds.length < FEWEST_FRAMES ? undefined : this.#usualFrame();
  }

  /** How much of the current part is there; seconds. */
  get partSeconds(): number {
    return this.#end - this.#partStart;
  }

  /** Takes the next unit; returns what starts with it. */
  next(unit: TimedUnit): Cut {
    const cut = this.#cutBefore(unit);
    if (cut !== 'none') this.closePart();
    if (cut === 'segment') this.#startSegment(unit);
    if (cut !== 'none') this.#partStart = unit.dtsSeconds;
    if (unit.isKey) this.#noteKey(unit);
    this.#hasPart = true;
    this.#end = unit.dtsSeconds + unit.durationSeconds;
    this.#measure(unit.durationSeconds);
    return cut;
  }

  /** Whether the current part has no room for another usual frame, so that there is no need to wait for it. */
  get isPartFull(): boolean {
    return this.partSeconds + 0.9 * this.#frame > this.#limit();
  }

  /** The current part is complete, though no unit after it is known yet. The next unit starts another. */
  closePart(): void {
    if (!this.#hasPart) return;
    this.#hasPart = false;
  }

  /** The next unit does not follow from the one before: a segment starts with it. */
  jump(): void {
    this.closePart();
    this.#segmentStart = undefined;
    this.#isAfterJump = true;
    if (this.#key !== undefined) this.#key = { ...this.#key, dtsSeconds: Number.NaN };
  }

  #noteKey({ dtsSeconds }: TimedUnit): void {
    const afterSeconds = dtsSeconds - (this.#key?.dtsSeconds ?? Number.NaN);
    this.#key = { dtsSeconds, afterSeconds: Number.isNaN(afterSeconds) ? this.#key?.afterSeconds : afterSeconds };
  }

  /** Behind a jump a keyframe is early enough where the next one would come too late for the target duration, which must not change. */
  #wouldBeLong(segmentSeconds: number): boolean {
    const { afterSeconds = 0 } = this.#key ?? {};
    return this.#isAfterJump && Math.round(segmentSeconds + afterSeconds) > Math.round(this.#options.segmentSeconds);
  }

  #startSegment({ dtsSeconds }: TimedUnit): void {
    this.#isAfterJump = this.#segmentStart === undefined && this.#isAfterJump;
    this.#segmentStart = dtsSeconds;
    const usual = this.#usualFrame();
    // Jitter must not change how many frames a part has.
    if (Math.abs(usual - this.#frame) > CHANGED_RATE * this.#frame) this.#frame = usual;
  }

  #cutBefore(unit: TimedUnit): Cut {
    if (this.#segmentStart === undefined) return 'segment';
    const segmentSeconds = unit.dtsSeconds - this.#segmentStart;
    // A frame early is on time: an encoder's keyframe is the first frame behind a multiple of the segment's length.
    const isLongEnough = segmentSeconds + 1.01 * this.#frame >= this.#options.segmentSeconds;
    if (unit.isKey && (isLongEnough || this.#wouldBeLong(segmentSeconds))) return 'segment';
    if (segmentSeconds >= this.#options.maxSegmentSeconds) return 'segment';
    if (!this.#hasPart) return 'part';
    return unit.dtsSeconds + unit.durationSeconds - this.#partStart > this.#limit() ? 'part' : 'none';
  }

  #limit(): number {
    // Half a frame is rounded up, whichever way timestamps are rounded.
    const wholeFrames = Math.round(this.#options.partSeconds / (this.#frame || this.#options.partSeconds) + 0.05);
    const frames = Math.max(1, wholeFrames);
    return (this.#frame || this.#options.partSeconds) * Math.min(frames + SPARE_FRAMES, frames * MOST_SPARE);
  }

  #measure(durationSeconds: number): void {
    if (durationSeconds <= 0) return;
    this.#frameSeconds.push(durationSeconds);
    if (this.#frameSeconds.length > MAX_MEASURED_FRAMES) this.#frameSeconds.shift();
    if (this.#frameSeconds.length < ENOUGH_FRAMES) this.#frame = this.#usualFrame();
  }

  /** The median: a frame that lasts long because the source paused makes one long part and no later one. */
  #usualFrame(): number {
    const sorted = [...this.#frameSeconds].sort((one, other) => one - other);
    return sorted[sorted.length >> 1] ?? 0;
  }
}
