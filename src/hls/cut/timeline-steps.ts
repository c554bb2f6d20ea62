/** The step from one access unit of the lead to the next. */
export interface TimelineStep {
  /** According to their timestamps. */
  readonly seconds: number;
  /** The usual distance between units; undefined if too few were seen. */
  readonly usualSeconds: number | undefined;
  /** Arrival time of the unit, in milliseconds of any clock; undefined: not observed. */
  readonly atMs: number | undefined;
}

/** A longer step is a discontinuity, however long it took. Slide shows have frames this far apart. */
const MAX_STEP_SECONDS = 60;
/** A shorter step is a pause of an encoder, or jitter. */
const LEAST_JUMP_SECONDS = 1;
/** A source whose frames are far apart and arrive all at once does not jump between them. */
const UNUSUAL = 4;

/** Distinguishes timeline jumps, where timestamps advance and time does not, from pauses. Pure: the steps carry the time. */
export class TimelineSteps {
  #atMs: number | undefined;

  /** Whether the timeline jumps with a step. */
  isJump({ seconds, usualSeconds, atMs }: TimelineStep): boolean {
    const before = this.#atMs;
    this.#atMs = atMs;
    if (seconds < 0 || seconds > MAX_STEP_SECONDS) return true;
    if (usualSeconds === undefined || before === undefined || atMs === undefined) return false;
    if (seconds < Math.max(LEAST_JUMP_SECONDS, UNUSUAL * usualSeconds)) return false;
    // Queued media arrives sooner after the previous unit than it was captured. After a clock was set back no time passes at all.
    const elapsedSeconds = Math.max(0, (atMs - before) / 1000);
    return seconds - elapsedSeconds > Math.max(LEAST_JUMP_SECONDS, seconds / 2);
  }
}
