/** Which frames of a copied stream are decoded: keyframes only, all reference frames, or all frames. */
type DecodeMode = 'keyframes' | 'references' | 'all';
export type DecodeSetting = 'auto' | 'keyframes' | 'references';

export interface DecodeChoice {
  readonly mode: DecodeMode;
  /** The reason, as text. */
  readonly reason: string;
}

/** What is known so far about a source's video. */
export interface SourceTraits {
  /**
   * With reordered frames a decoder holds a keyframe back until others have followed, which takes whole GOPs if only keyframes are
   * decoded. Undefined until the first keyframe was seen.
   */
  readonly isLate: boolean | undefined;
  /** The longest of the recent intervals between keyframes, in seconds. Undefined until there were two keyframes. */
  readonly keyframeGapSeconds: number | undefined;
  /** Media time since the newest keyframe, in seconds. */
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

/** How much older than the interval a thumbnail may be. */
const SLACK_SECONDS = 1;
/** The part of it that decoding, scaling and encoding take. */
const MARGIN_SECONDS = 0.25;
/** The part of it that a run started for another mode takes until its first frame has a date. */
const RESTART_SECONDS = 0.7;
/**
 * Time limit for the decision, from the first keyframe on. Nothing is listed before the decision. A GOP of 250 frames, which is the default
 * of encoders, lasts 10 s at 25 frames per second.
 */
export const LONGEST_DECISION_SECONDS = 12;

export interface DecodeFacts {
  readonly setting: DecodeSetting;
  readonly intervalSeconds: number;
  readonly traits: SourceTraits;
  /** Since the first media of this run. */
  readonly waitedSeconds: number;
}

/** The maximum interval between thumbnails at which the newest one is never too old, in seconds. Pure. */
export function longestGapSeconds(intervalSeconds: number): number {
  return intervalSeconds + SLACK_SECONDS - MARGIN_SECONDS;
}

/**
 * Chooses which frames of a copied stream are decoded for thumbnails; undefined while undecided, when keyframes are decoded. Keyframes are
 * a tenth of the work, and sufficient if they arrive on time and often enough. In doubt more is decoded, because a later change would
 * make the stream discontinuous. Pure.
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
  // Every frame is a keyframe, so there is nothing more to decode.
  if (!hasOtherFrames && (gap !== undefined || isOver))
    return { mode: 'keyframes', reason: 'every frame is a keyframe' };
  if (isLate && hasOtherFrames)
    return { mode: 'references', reason: 'frames are reordered, so keyframes alone would be decoded late' };
  if (gap !== undefined && gap > limit) return { mode: 'references', reason: `keyframes only every ${words(gap)}` };
  // The thumbnail becomes too old while ffmpeg restarts, unless the restart comes earlier than that.
  if (hasOtherFrames && since > limit - RESTART_SECONDS)
    return { mode: 'references', reason: `no keyframe for ${words(since)}` };
  if (gap !== undefined && isLate !== undefined)
    return { mode: 'keyframes', reason: `a keyframe every ${words(gap)} is often enough` };
  return isOver ? { mode: 'references', reason: `no second keyframe within ${words(waitedSeconds)}` } : undefined;
}

/** The mode until more is known about a source. */
export const FIRST_CHOICE: DecodeChoice = { mode: 'keyframes', reason: 'source not analysed yet' };

/** For streams that need every frame for another output, so that a cheaper mode saves nothing. */
export function everyFrame(reason: string): DecodeChoice {
  return { mode: 'all', reason };
}

/** Number of remembered intervals. After so many, a camera's changed GOP length is known. */
const RECENT_GAPS = 8;
/** A longer step of the source's timestamps is a jump, not a GOP. */
const LONGEST_GOP_SECONDS = 120;

/** Collects a source's traits during one ffmpeg run. Times are presentation times in seconds, on one timeline. Pure. */
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

  /** See `SourceTraits.isLate`. The first call counts. */
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

  /** Timestamps are not continuous with those before. */
  jump(): void {
    this.#keyframeAt = undefined;
    this.#since = 0;
  }

  /** Another frame, or the newest timestamp of frames that are not keyframes. */
  frame(seconds: number): void {
    this.#hasOtherFrames = true;
    const since = seconds - (this.#keyframeAt ?? seconds);
    if (since <= LONGEST_GOP_SECONDS) this.#since = Math.max(this.#since, since);
  }
}

function words(seconds: number): string {
  return `${Math.round(seconds * 10) / 10} s`;
}
