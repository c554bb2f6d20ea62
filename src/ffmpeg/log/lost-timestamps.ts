/** Logged by every version for a dropped packet whose timestamp is further from the previous one than `-dts_error_threshold`. */
const DROPPED = /^DTS -?\d+, next:-?\d+(?: st:(\d+))? .*invalid dropping/;
/** ffmpeg's line about a video stream of the source, logged before that. */
const VIDEO = /^\s*Stream #0:(\d+)[^:]*: Video: (?!.*\(attached pic\))/;
/** Logged by every version for a packet that gets a timestamp one tick after the previous one, because its own is not after it. */
const CRUSHED = /^Non-monoton(?:ous|ic) DTS\b.*; previous: (-?\d+), current: (-?\d+); changing to /;
/**
 * In ticks of an output. Smaller steps do not justify restarting ffmpeg: repeated timestamps, overlapping audio, or an RTSP camera whose
 * first report shifts its tracks by a second or so. MPEG-TS has 90,000 ticks per second, fMP4 has 10,000 to 90,000.
 */
const LEAST_TICKS_BACK = { mpegts: 180_000, fmp4: 60_000 } as const;
/** A damaged packet or a small overlap causes few such lines; after a jump they come for each packet, in each output. */
const MANY = 5;
const WITHIN_MS = 5000;

/** Detects in ffmpeg's log that the source's timestamps jumped and ffmpeg cannot follow. Pure: the caller passes the time. */
export class LostTimestamps {
  readonly #leastTicksBack: number;
  #at: number[] = [];
  #video: string | undefined;

  constructor(container: keyof typeof LEAST_TICKS_BACK) {
    this.#leastTicksBack = LEAST_TICKS_BACK[container];
  }

  /** Takes one line. Returns true if the timestamps are lost. */
  line(text: string, nowMs: number): boolean {
    this.#video ??= VIDEO.exec(text)?.[1];
    if (!this.#isLost(text)) return false;
    this.#at = [...this.#at.slice(1 - MANY), nowMs];
    return this.#at.length === MANY && nowMs - this.#at[0]! <= WITHIN_MS;
  }

  /** Whether a timestamp was lost a moment ago: an error of ffmpeg is then a consequence. */
  isRecent(nowMs: number): boolean {
    const last = this.#at.at(-1);
    return last !== undefined && nowMs - last <= WITHIN_MS;
  }

  #isLost(text: string): boolean {
    const dropped = DROPPED.exec(text);
    // Late audio on RTSP jumps to its position when the camera's first report defines it, and continues after what came before.
    if (dropped !== null) return (dropped[1] ?? this.#video) === (this.#video ?? dropped[1]);
    return ticksBack(text) >= this.#leastTicksBack;
  }
}

/** How far a packet's timestamp is behind the previous one, in ticks; 0 if the line is about something else. */
function ticksBack(text: string): number {
  const [, previous = 0, current = 0] = CRUSHED.exec(text) ?? [];
  return Number(previous) - Number(current);
}
