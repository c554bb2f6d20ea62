/** A larger difference is no drift: the system's clock was set. */
const STEP_MS = 1000;
/** What both clocks differ by after reading them one after the other, and what a date may be off by. */
const NOISE_MS = 20;
/** The process was stopped between two readings: they belong to different moments. */
const LONGEST_READING_MS = 5;

/** The system's clock was set. */
export interface ClockStep {
  /** By how much, in seconds: positive is forward. */
  readonly stepSeconds: number;
  /** What it said before and says now, in milliseconds since the epoch. */
  readonly before: number;
  readonly after: number;
}

export interface NodeClockOptions {
  readonly onStep?: (step: ClockStep) => void;
  /** Milliseconds on a scale that never jumps. Default: see `steadyNow`. */
  readonly steady?: () => number;
  /** The time of day in milliseconds since the epoch. Default: the system's. */
  readonly wall?: () => number;
}

/**
 * Milliseconds since the epoch as the system's clock had it when the process started, and monotonic time since: what durations are measured
 * with. Setting the system's clock does not change it; NTP slews it as it slews the system's clock.
 */
export function steadyNow(): number {
  return performance.timeOrigin + performance.now();
}

/**
 * The clock of a node. Everything inside measures by steady time, so that nothing becomes old, or young, because the system's clock was
 * set; what leaves the node as a date goes through `dateOf`.
 */
export class NodeClock {
  readonly #steady: () => number;
  readonly #wall: () => number;
  readonly #onStep: NodeClockOptions['onStep'];
  /** How far the time of day is ahead of steady time. */
  #offsetMs: number;

  constructor({ onStep, steady = steadyNow, wall = Date.now }: NodeClockOptions = {}) {
    this.#steady = steady;
    this.#wall = wall;
    this.#onStep = onStep;
    const offsetMs = wall() - steady();
    this.#offsetMs = Math.abs(offsetMs) < NOISE_MS ? 0 : offsetMs;
  }

  /** Steady time. */
  readonly now = (): number => this.#steady();

  /** The date of a moment of steady time, by the system's clock as it is now: milliseconds since the epoch. */
  readonly dateOf = (at: number): number => {
    this.check();
    return Math.round(at + this.#offsetMs);
  };

  /** The time of day: milliseconds since the epoch. */
  readonly date = (): number => this.dateOf(this.#steady());

  /** Compares both clocks. Called at least once a second, so that a step is reported when it happens. */
  check(): void {
    const steady = this.#steady();
    const wall = this.#wall();
    if (this.#steady() - steady > LONGEST_READING_MS) return;
    const before = steady + this.#offsetMs;
    const differenceMs = wall - before;
    if (Math.abs(differenceMs) < NOISE_MS) return;
    // Drift is followed too, as where the monotonic clock is not disciplined by NTP.
    this.#offsetMs += differenceMs;
    if (Math.abs(differenceMs) < STEP_MS) return;
    this.#onStep?.({ stepSeconds: Math.round(differenceMs) / 1000, before: Math.round(before), after: wall });
  }
}
