/** From one access unit of the lead to the next. */
export interface TimelineStep {
  /** By their timestamps. */
  readonly seconds: number;
  /** How far apart units usually are; undefined where too few were seen. */
  readonly usualSeconds: number | undefined;
  /** When the unit came, in milliseconds of any clock; undefined: nobody looked. */
  readonly atMs: number | undefined;
}

/** A step beyond this is a discontinuity however long it took. Slide shows have pictures this far apart. */
const MAX_STEP_SECONDS = 60;
/** Less is an encoder's pause, or jitter. */
const LEAST_JUMP_SECONDS = 1;
/** A source with pictures that are far apart, all at once, does not jump from one to the next. */
const UNUSUAL = 4;

/** Tells jumps of a timeline, where timestamps move on and time does not, from pauses. Pure: time comes with the steps. */
export class TimelineSteps {
  #atMs: number | undefined;

  /** Whether the timeline jumps with a step. */
  isJump({ seconds, usualSeconds, atMs }: TimelineStep): boolean {
    const before = this.#atMs;
    this.#atMs = atMs;
    if (seconds < 0 || seconds > MAX_STEP_SECONDS) return true;
    if (usualSeconds === undefined || before === undefined || atMs === undefined) return false;
    if (seconds < Math.max(LEAST_JUMP_SECONDS, UNUSUAL * usualSeconds)) return false;
    // What waited in a queue comes sooner after what is before it than it was made. A clock that was set back shows no time at all.
    const elapsedSeconds = Math.max(0, (atMs - before) / 1000);
    return seconds - elapsedSeconds > Math.max(LEAST_JUMP_SECONDS, seconds / 2);
  }
}
