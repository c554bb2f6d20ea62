/** What every version says of a packet whose timestamp is further from the one before than `-dts_error_threshold`, and is left out. */
const DROPPED = /^DTS -?\d+, next:-?\d+(?: st:(\d+))? .*invalid dropping/;
/** How ffmpeg tells of the source's streams before that. */
const VIDEO = /^\s*Stream #0:(\d+)[^:]*: Video: (?!.*\(attached pic\))/;
/** What every version says of a packet that it gives a timestamp one tick behind the one before, because its own is not behind that. */
const CRUSHED = /^Non-monoton(?:ous|ic) DTS\b.*; previous: (-?\d+), current: (-?\d+); changing to /;
/**
 * In the ticks of an output. Less is no jump that would be worth another ffmpeg: timestamps that stand still, audio that overlaps, or an RTSP
 * camera whose first report moves its tracks by a second or so. A transport stream has 90,000 a second, fMP4 10,000 to 90,000.
 */
const LEAST_TICKS_BACK = { mpegts: 180_000, fmp4: 60_000 } as const;
/** A packet can be damaged, and what overlaps a little has caught up soon; after a jump it is each packet, in each output. */
const MANY = 5;
const WITHIN_MS = 5000;

/** Finds in ffmpeg's log that the source's timestamps have jumped, and that ffmpeg cannot follow. Pure: time comes with the lines. */
export class LostTimestamps {
  readonly #leastTicksBack: number;
  #at: number[] = [];
  #video: string | undefined;

  constructor(container: keyof typeof LEAST_TICKS_BACK) {
    this.#leastTicksBack = LEAST_TICKS_BACK[container];
  }

  /** Takes one line. True where the timestamps are lost. */
  line(text: string, nowMs: number): boolean {
    this.#video ??= VIDEO.exec(text)?.[1];
    if (!this.#isLost(text)) return false;
    this.#at = [...this.#at.slice(1 - MANY), nowMs];
    return this.#at.length === MANY && nowMs - this.#at[0]! <= WITHIN_MS;
  }

  /** Whether one was lost a moment ago: what ffmpeg then fails at is a consequence. */
  isRecent(nowMs: number): boolean {
    const last = this.#at.at(-1);
    return last !== undefined && nowMs - last <= WITHIN_MS;
  }

  #isLost(text: string): boolean {
    const dropped = DROPPED.exec(text);
    // Audio that begins late on RTSP jumps to its place when the camera's first report says where that is: it goes on behind what came before.
    if (dropped !== null) return (dropped[1] ?? this.#video) === (this.#video ?? dropped[1]);
    return ticksBack(text) >= this.#leastTicksBack;
  }
}

/** How far a packet's timestamp is behind the one before it, in ticks; 0 where a line says nothing of that. */
function ticksBack(text: string): number {
  const [, previous = 0, current = 0] = CRUSHED.exec(text) ?? [];
  return Number(previous) - Number(current);
}
