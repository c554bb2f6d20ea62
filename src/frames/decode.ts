/**
 * Which pictures of a copied stream are decoded: keyframes alone, of them only those that are wanted, all that other pictures refer
 * to, or every one.
 */
type DecodeMode = 'keyframes' | 'chosen' | 'references' | 'all';
export type DecodeSetting = 'auto' | 'keyframes' | 'chosen' | 'references';

export interface DecodeChoice {
  readonly mode: DecodeMode;
  /** Why, in words. */
  readonly reason: string;
  /** How far apart two pictures may be for the newest one never to be too old, in seconds. */
  readonly longestGapSeconds: number;
  /** How far apart keyframes are, as far as the choice went by it, in seconds. */
  readonly keyframeIntervalSeconds?: number;
  /** Choosing keyframes was tried and gave no picture. */
  readonly isLeft?: boolean;
}

/** A picture may be so much older than the interval. */
const SLACK_SECONDS = 1;
/** What decoding, scaling and a busy machine take of it. */
const MARGIN_SECONDS = 0.25;
/** So many pictures of a run come one keyframe apart, for the keyframe interval to be seen. */
export const SAMPLE_PICTURES = 4;
/** How long a choice stands at least. */
const RETRY_SECONDS = 600;
/** Keyframes are told of for some seconds only. */
const MOST_KEYFRAMES = 256;
/** Times of one keyframe, told in two places, are no further apart. */
const NEAR_SECONDS = 0.02;
/** A choice made anew costs players a discontinuity. */
const WORTHWHILE_KEYFRAMES = 4;
/** CPU milliseconds to decode a byte of a keyframe: 1080p of 100 kB in 10 ms. */
const DECODE_MS_PER_BYTE = 1e-4;

/** What to begin with: keyframes are a tenth of the work, and nothing is known of the source yet. Pure. */
export function firstChoice(setting: DecodeSetting, intervalSeconds: number): DecodeChoice {
  const longestGapSeconds = intervalSeconds + SLACK_SECONDS - MARGIN_SECONDS;
  // Which keyframes could be chosen, and what the input for them is opened with, is not known at first.
  if (setting === 'chosen') return { mode: 'keyframes', reason: 'until one keyframe is known', longestGapSeconds };
  if (setting !== 'auto') return { mode: setting, reason: 'configured', longestGapSeconds };
  return { mode: 'keyframes', reason: 'keyframes come often enough as far as is known', longestGapSeconds };
}

/** Where every picture is needed for something else: nothing is cheaper then. */
export function everyPicture(reason: string): DecodeChoice {
  return { mode: 'all', reason, longestGapSeconds: Number.POSITIVE_INFINITY };
}

/**
 * Whether a dear choice made so long ago should be made anew, now that ffmpeg is begun anew for another reason. Of what is dear nothing
 * shows whether cheaper would do; a try costs one discontinuity more where it would not, so there are few. Pure.
 */
export function isWorthAnotherTry(ageSeconds: number): boolean {
  return ageSeconds >= RETRY_SECONDS;
}

export interface DecodeMeterOptions {
  readonly setting: DecodeSetting;
  /** What the run was begun with. */
  readonly choice: DecodeChoice;
  readonly intervalSeconds: number;
  /** How many frames are taken for each picture. */
  readonly framesPerInterval: number;
  /** Whether keyframes could be chosen for this source. */
  readonly canChoose?: () => boolean;
  /** What that would cost, as far as it is known. */
  readonly choosing?: (() => ChoosingCost) | undefined;
}

interface ChoosingCost {
  /** How large a keyframe is: what decoding it takes goes by that. */
  readonly keyframeBytes: number;
  /** Of all that it takes beside decoding: CPU milliseconds a second. */
  readonly msPerSecond: number;
}

/** What to go back to where choosing keyframes gives no pictures. Pure. */
export function withoutChosen(why: string, intervalSeconds: number): DecodeChoice {
  return { ...firstChoice('auto', intervalSeconds), reason: why, isLeft: true };
}

/**
 * Watches what keyframe-only decoding gives, over one run of ffmpeg, and says when it cannot keep a picture's age within the
 * interval plus one second. Two things can be in the way: keyframes that are far apart, and pictures that come late,
 * because a decoder holds each one back until as many have followed it as the stream may reorder, and of keyframes alone those
 * follow whole groups of pictures later. Over one run choices only ever go from cheap to dear, so they come to rest. Pure.
 */
export class DecodeMeter {
  readonly #options: DecodeMeterOptions;
  #gaps: number[] = [];
  readonly #keyframes: number[] = [];
  #delays: number[] = [];
  #pictures = 0;
  #last: { readonly ptsSeconds: number; readonly at: number } | undefined;

  constructor(options: DecodeMeterOptions) {
    this.#options = options;
  }

  /** The longest time between two of the run's first keyframes, in seconds. Undefined until seen. */
  get keyframeIntervalSeconds(): number | undefined {
    const { choice } = this.#options;
    if (choice.mode === 'chosen') return choice.keyframeIntervalSeconds;
    return choice.mode === 'keyframes' && this.#gaps.length > 0 ? Math.max(...this.#gaps) : undefined;
  }

  /** A keyframe passed by on its way to the decoder: of the first ones not every one becomes a picture that can be dated. */
  keyframe(ptsSeconds: number): void {
    if (this.#keyframes.length < MOST_KEYFRAMES) this.#keyframes.push(ptsSeconds);
  }

  /** A picture came at `now` (epoch milliseconds), `delaySeconds` after it was taken. Answers a better choice, if there is one. */
  picture(ptsSeconds: number, delaySeconds: number, now: number): DecodeChoice | undefined {
    const last = this.#last;
    this.#last = { ptsSeconds, at: now };
    this.#pictures += 1;
    const gap = last === undefined ? 0 : ptsSeconds - last.ptsSeconds;
    if (last !== undefined && gap > 0 && this.#pictures <= SAMPLE_PICTURES)
      this.#gaps.push(longestStep(last.ptsSeconds, ptsSeconds, this.#keyframes));
    this.#delays = [...this.#delays.slice(-2), delaySeconds];
    return this.#isOpen ? this.#judge() : undefined;
  }

  /** The source has come to `ptsSeconds`, whether there was a picture or not. Answers a better choice, if there is one. */
  position(ptsSeconds: number, now: number): DecodeChoice | undefined {
    if (!this.#isOpen || this.#last === undefined || this.#delays.some((delay) => delay > MARGIN_SECONDS))
      return undefined;
    // A second more: audio may run ahead of the picture. Both clocks: timestamps can jump, and a source can stand still.
    const patience = this.#bound + 1;
    const waited = Math.min(ptsSeconds - this.#last.ptsSeconds, (now - this.#last.at) / 1000);
    return waited > patience ? references(`no keyframe for ${words(waited)}`) : undefined;
  }

  get #isOpen(): boolean {
    const { setting, choice } = this.#options;
    return (setting === 'auto' || setting === 'chosen') && choice.mode === 'keyframes';
  }

  get #bound(): number {
    return this.#options.intervalSeconds + SLACK_SECONDS;
  }

  #judge(): DecodeChoice | undefined {
    const keyframeInterval = this.keyframeIntervalSeconds;
    // One long gap among few may be a source that stood still.
    if (keyframeInterval === undefined || this.#pictures < SAMPLE_PICTURES) return undefined;
    // The least of the last: what all of them have in common is no hiccup.
    const delay = Math.min(...this.#delays);
    const every = `a keyframe every ${words(keyframeInterval)}, decoded ${words(delay)} late`;
    const { choice, framesPerInterval, setting } = this.#options;
    const intervalSeconds = this.#options.intervalSeconds / framesPerInterval;
    const isWorthwhile = setting === 'chosen' || this.#isCheaperChosen(intervalSeconds, keyframeInterval);
    if (isWorthwhile && this.#canChoose(keyframeInterval)) return this.#chosen(every, keyframeInterval);
    if (keyframeInterval + delay > this.#bound) {
      if (this.#canChoose(keyframeInterval)) return this.#chosen(every, keyframeInterval);
      return references(every);
    }
    const gap = gapBetweenPictures({ keyframeInterval, intervalSeconds, longestGapSeconds: choice.longestGapSeconds });
    if (gap + delay <= this.#bound) return undefined;
    const longestGapSeconds = this.#bound - delay - MARGIN_SECONDS;
    // Where even that was tried already, or no keyframe is near enough, nothing cheap is left.
    if (longestGapSeconds < keyframeInterval || longestGapSeconds >= choice.longestGapSeconds - MARGIN_SECONDS)
      return this.#canChoose(keyframeInterval) ? this.#chosen(every, keyframeInterval) : references(every);
    return { ...choice, reason: `${every}, so taken more often`, longestGapSeconds };
  }

  #isCheaperChosen(intervalSeconds: number, keyframeInterval: number): boolean {
    if (intervalSeconds < WORTHWHILE_KEYFRAMES * keyframeInterval) return false;
    const { keyframeBytes, msPerSecond } = this.#options.choosing?.() ?? { keyframeBytes: 1, msPerSecond: 0 };
    const saved = keyframeBytes * DECODE_MS_PER_BYTE * (1 / keyframeInterval - 1 / intervalSeconds);
    return saved > msPerSecond;
  }

  /** What is chosen is decoded at once, so only how far keyframes are apart counts. */
  #canChoose(keyframeInterval: number): boolean {
    const { choice, canChoose } = this.#options;
    const isNear = keyframeInterval + MARGIN_SECONDS <= this.#bound;
    return isNear && choice.isLeft !== true && canChoose?.() === true;
  }

  #chosen(every: string, keyframeIntervalSeconds: number): DecodeChoice {
    const longestGapSeconds = this.#bound - MARGIN_SECONDS;
    const reason = `${every}, so only those that are wanted`;
    return { mode: 'chosen', reason, longestGapSeconds, keyframeIntervalSeconds };
  }
}

/** The longest way between two times that does not pass one of others. */
function longestStep(from: number, to: number, others: readonly number[]): number {
  const between = others.filter((at) => at > from + NEAR_SECONDS && at < to - NEAR_SECONDS);
  const stops = [from, ...between.sort((one, other) => one - other), to];
  return Math.max(...stops.slice(1).map((at, index) => at - stops[index]!));
}

/** How far apart ffmpeg's filter will take pictures out of keyframes that are evenly spaced: see `pictureSelection`. */
function gapBetweenPictures(of: {
  readonly keyframeInterval: number;
  readonly intervalSeconds: number;
  readonly longestGapSeconds: number;
}): number {
  const { keyframeInterval, intervalSeconds, longestGapSeconds } = of;
  const nearest = Math.ceil(intervalSeconds / keyframeInterval - 0.5);
  const last = Math.floor(longestGapSeconds / keyframeInterval);
  return Math.max(1, Math.min(nearest, last)) * keyframeInterval;
}

function references(why: string): DecodeChoice {
  return { mode: 'references', reason: why, longestGapSeconds: Number.POSITIVE_INFINITY };
}

function words(seconds: number): string {
  return `${Math.round(seconds * 10) / 10} s`;
}
