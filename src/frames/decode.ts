/** Which frames of a copied stream are decoded: keyframes alone, all that other frames refer to, or every one. */
type DecodeMode = 'keyframes' | 'references' | 'all';
export type DecodeSetting = 'auto' | 'keyframes' | 'references';

export interface DecodeChoice {
  readonly mode: DecodeMode;
  /** Why, in words. */
  readonly reason: string;
}

/** What a source has shown of its video so far. */
export interface SourceTraits {
  /**
   * A decoder holds keyframes back until others have followed, because the stream reorders frames: of keyframes alone those come
   * whole GOPs later. Undefined until the first keyframe was seen.
   */
  readonly isLate: boolean | undefined;
  /** The longest of the latest times between two keyframes, in seconds. Undefined until there were two. */
  readonly keyframeGapSeconds: number | undefined;
  /** How far the source has come since its newest keyframe, in seconds. */
  readonly sinceKeyframeSeconds: number;
  /** Whether any frame was not a keyframe. */
  readonly hasOtherFrames: boolean;
}

export const UNKNOWN_SOURCE: SourceTraits = {
  isLate: undefined,
  keyframeGapSeconds: undefined,
  sinceKeyframeSeconds: 0,
  hasOtherFrames: false,
};

/** A thumbnail may be older than the interval by this. */
const SLACK_SECONDS = 1;
/** The part of it that decoding, scaling and encoding take. */
const MARGIN_SECONDS = 0.25;
/**
 * How long a decision may take from the first keyframe on: nothing is listed meanwhile. A GOP of 250 frames, which encoders have by
 * default, has 10 s at 25 frames a second.
 */
export const LONGEST_DECISION_SECONDS = 12;

export interface DecodeFacts {
  readonly setting: DecodeSetting;
  readonly intervalSeconds: number;
  readonly traits: SourceTraits;
  /** Since the first media of this run. */
  readonly waitedSeconds: number;
}

/** How far apart two thumbnails may be for the newest one never to be too old, in seconds. Pure. */
export function longestGapSeconds(intervalSeconds: number): number {
  return intervalSeconds + SLACK_SECONDS - MARGIN_SECONDS;
}

/**
 * What is decoded of a copied stream for its thumbnails; undefined while that cannot be said, and keyframes are decoded. Keyframes
 * are a tenth of the work. They are enough where they come on time and often enough. In doubt more is decoded, because a later
 * change would make the stream discontinuous. Pure.
 */
export function chooseDecode({
  setting,
  intervalSeconds,
  traits,
  waitedSeconds,
}: DecodeFacts): DecodeChoice | undefined {
  if (setting !== 'auto') return { mode: setting, reason: 'configured' };
  const { isLate, keyframeGapSeconds: gap, sinceKeyframeSeconds: since, hasOtherFrames } = traits;
  const limit = longestGapSeconds(intervalSeconds);
  const isOver = waitedSeconds >= LONGEST_DECISION_SECONDS;
  // Every frame is a keyframe: there is nothing more to decode.
  if (!hasOtherFrames && (gap !== undefined || isOver))
    return { mode: 'keyframes', reason: 'every frame is a keyframe' };
  if (isLate && hasOtherFrames)
    return { mode: 'references', reason: 'frames are reordered, so keyframes alone would be decoded late' };
  if (gap !== undefined && gap > limit) return { mode: 'references', reason: `a keyframe every ${words(gap)} only` };
  if (hasOtherFrames && since > limit) return { mode: 'references', reason: `no keyframe for ${words(since)}` };
  if (gap !== undefined && isLate !== undefined)
    return { mode: 'keyframes', reason: `a keyframe every ${words(gap)} is often enough` };
  return isOver ? { mode: 'references', reason: `no second keyframe within ${words(waitedSeconds)}` } : undefined;
}

/** What a source is decoded with until more is known of it. */
export const FIRST_CHOICE: DecodeChoice = { mode: 'keyframes', reason: 'the source is not known yet' };

/** Where every frame is needed for something else: nothing is cheaper then. */
export function everyFrame(reason: string): DecodeChoice {
  return { mode: 'all', reason };
}

/** Gaps that are remembered: a camera that was set to another GOP is known by its new one after so many. */
const RECENT_GAPS = 8;
/** A longer step of the source's time is a jump, not a GOP. */
const LONGEST_GOP_SECONDS = 120;

/** Gathers a source's traits over one run of ffmpeg. Times are presentation times in seconds, of one timeline. Pure. */
export class TraitsReader {
  #isLate: boolean | undefined;
  #gaps: number[] = [];
  #keyframeAt: number | undefined;
  #since = 0;
  #hasOtherFrames = false;

  get traits(): SourceTraits {
    return {
      isLate: this.#isLate,
      keyframeGapSeconds: this.#gaps.length === 0 ? undefined : Math.max(...this.#gaps),
      sinceKeyframeSeconds: this.#since,
      hasOtherFrames: this.#hasOtherFrames,
    };
  }

  /** See `SourceTraits.isLate`. The first word counts. */
  late(isLate: boolean): void {
    this.#isLate ??= isLate;
  }

  /** A keyframe. */
  keyframe(seconds: number): void {
    const gap = seconds - (this.#keyframeAt ?? Number.NaN);
    if (gap > 0 && gap <= LONGEST_GOP_SECONDS) this.#gaps = [...this.#gaps.slice(1 - RECENT_GAPS), gap];
    this.#keyframeAt = seconds;
    this.#since = 0;
  }

  /** Timestamps do not follow from those before. */
  jump(): void {
    this.#keyframeAt = undefined;
    this.#since = 0;
  }

  /** Another frame, or how far frames go that are not keyframes. */
  frame(seconds: number): void {
    this.#hasOtherFrames = true;
    const since = seconds - (this.#keyframeAt ?? seconds);
    if (since <= LONGEST_GOP_SECONDS) this.#since = Math.max(this.#since, since);
  }
}

function words(seconds: number): string {
  return `${Math.round(seconds * 10) / 10} s`;
}
