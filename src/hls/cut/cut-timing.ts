/** One access unit of the track that determines the cuts: video, or audio if there is no video. */
export interface TimedUnit {
  /** Decoding time on the source's timeline, in seconds. */
  readonly dtsSeconds: number;
  /** Time until the next unit, in seconds. */
  readonly durationSeconds: number;
  /** Decoding can start here. */
  readonly isKey: boolean;
}

export interface CutTimingOptions {
  /** The desired duration of a partial segment. */
  readonly partSeconds: number;
  /** The minimum duration of a segment. */
  readonly segmentSeconds: number;
  /** The maximum duration of a segment without a keyframe: waiting for a keyframe that never comes would fill memory. */
  readonly maxSegmentSeconds: number;
}

/** What starts with a unit. A segment's start is also a part's start. */
export type Cut = 'none' | 'part' | 'segment';

/**
 * How much longer than its whole number of frames a part may become if timestamps are rounded, jitter or jump: less than a whole frame, and
 * little enough that a part some hundredths shorter than usual still has 85 % of it.
 */
const SPARE_FRAMES = 0.75;
const MOST_SPARE = 1.12;
/** Number of recent frame durations that determine the part target. */
const MAX_MEASURED_FRAMES = 64;
/** The relative change of the usual frame duration that counts as a change. */
const CHANGED_RATE = 0.1;
/** With this many durations their median is used until the next segment. */
const ENOUGH_FRAMES = 16;
/** Fewer durations do not determine the usual one. */
const FEWEST_FRAMES = 8;

/**
 * Decides where parts and segments start. RFC 8216bis 4.4.4.9: a part's duration MUST be at most the part target duration and at
 * least 85 % of it, unless it is the last of its segment. So the part target is a whole number of frames: at 12.5 frames per second a
 * part of 0.2 s would contain two and a half. Pure: the units carry the time.
 */
export class CutTiming {
  readonly #options: CutTimingOptions;
  readonly #frameSeconds: number[] = [];
  #frame = 0;
  #segmentStart: number | undefined;
  #partStart = 0;
  #end = 0;
  /** Whether the current part contains any unit. */
  #hasPart = false;
  /** The newest keyframe, and its distance from the one before. */
  #key: { readonly dtsSeconds: number; readonly afterSeconds: number | undefined } | undefined;
  /** The open segment starts at a jump, anywhere between two keyframes of a grid. */
  #isAfterJump = false;

  constructor(options: CutTimingOptions) {
    this.#options = options;
  }

  /** The maximum duration of a part of whole frames at the source's usual rate, in seconds. Undefined until the first part is complete. */
  get partTargetSeconds(): number | undefined {
    return this.#frame === 0 ? undefined : Math.ceil(this.#limit() * 1000) / 1000;
  }

  /** The usual frame duration; undefined while too few were seen. */
  get usualFrameSeconds(): number | undefined {
    return this.#frameSeconds.length < FEWEST_FRAMES ? undefined : this.#usualFrame();
  }

  /** Duration of the current part so far, in seconds. */
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

  /** Whether the current part has no room for another frame, so that waiting for one is unnecessary. */
  get isPartFull(): boolean {
    return this.partSeconds + 0.9 * this.#frame > this.#limit();
  }

  /** The current part is complete before the next unit is known. The next unit starts another part. */
  closePart(): void {
    if (!this.#hasPart) return;
    this.#hasPart = false;
  }

  /** The next unit is not continuous with the previous one: a segment starts with it. */
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

  /** After a jump a keyframe may start a segment early if the next one would exceed the target duration, which must not change. */
  #wouldBeLong(segmentSeconds: number): boolean {
    const { afterSeconds = 0 } = this.#key ?? {};
    return this.#isAfterJump && Math.round(segmentSeconds + afterSeconds) > Math.round(this.#options.segmentSeconds);
  }

  #startSegment({ dtsSeconds }: TimedUnit): void {
    this.#isAfterJump = this.#segmentStart === undefined && this.#isAfterJump;
    this.#segmentStart = dtsSeconds;
    const usual = this.#usualFrame();
    // Jitter must not change the number of frames per part.
    if (Math.abs(usual - this.#frame) > CHANGED_RATE * this.#frame) this.#frame = usual;
  }

  #cutBefore(unit: TimedUnit): Cut {
    if (this.#segmentStart === undefined) return 'segment';
    const segmentSeconds = unit.dtsSeconds - this.#segmentStart;
    // One frame early is on time: an encoder's keyframe is the first frame after a multiple of the segment duration.
    const isLongEnough = segmentSeconds + 1.01 * this.#frame >= this.#options.segmentSeconds;
    if (unit.isKey && (isLongEnough || this.#wouldBeLong(segmentSeconds))) return 'segment';
    if (segmentSeconds >= this.#options.maxSegmentSeconds) return 'segment';
    if (!this.#hasPart) return 'part';
    return unit.dtsSeconds + unit.durationSeconds - this.#partStart > this.#limit() ? 'part' : 'none';
  }

  #limit(): number {
    // Half a frame is rounded up, in whichever direction timestamps are rounded.
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

  /** The median: a long frame during a pause of the source makes one long part, and does not affect later ones. */
  #usualFrame(): number {
    const sorted = [...this.#frameSeconds].sort((one, other) => one - other);
    return sorted[sorted.length >> 1] ?? 0;
  }
}
