/** The position of one ffmpeg run. */
export interface Position {
  readonly pid: number;
  /** When this was reported: steady time in milliseconds. */
  readonly at: number;
  /** Seconds of media. */
  readonly mediaSeconds: number;
  /** Number of received frames. */
  readonly frames: number | undefined;
}

export interface Readings {
  readonly fps: number | null;
  /** Seconds of media per second. */
  readonly speed: number | null;
  /** How far media has fallen behind the clock since the process output its first; less than 0: it is ahead. */
  readonly driftSeconds: number | null;
}

const nothing: Readings = { fps: null, speed: null, driftSeconds: null };

/** Shorter steps reflect the granularity of the reports rather than the source. */
const SHORTEST_STEP_MS = 400;
/** ffmpeg reports twice per second; a source that is silent for this long has stalled. */
const SILENCE_MS = 3000;

/** Converts sampled positions of one stream's ffmpeg into rates. Pure: the positions carry the time. */
export class Meter {
  #first: Position | undefined;
  #last: Position | undefined;
  #readings = nothing;

  /** Undefined: nothing runs. `now`: steady time. */
  read(position: Position | undefined, now: number): Readings {
    const last = this.#last;
    if (position !== undefined && now - position.at > SILENCE_MS) return { ...this.#readings, fps: 0, speed: 0 };
    if (position === undefined || last === undefined || position.pid !== last.pid) {
      this.#first = position;
      this.#last = position;
      this.#readings = nothing;
      return nothing;
    }
    const seconds = (position.at - last.at) / 1000;
    if (seconds * 1000 < SHORTEST_STEP_MS) return seconds < 0 ? this.#restart(position) : this.#readings;
    const first = this.#first ?? last;
    const drift = (position.at - first.at) / 1000 - (position.mediaSeconds - first.mediaSeconds);
    const frames = position.frames === undefined || last.frames === undefined ? null : position.frames - last.frames;
    this.#last = position;
    this.#readings = {
      fps: frames === null || frames < 0 ? null : round(frames / seconds),
      speed: round((position.mediaSeconds - last.mediaSeconds) / seconds),
      driftSeconds: round(drift),
    };
    return this.#readings;
  }

  /** After the clock was set back, everything before is meaningless. */
  #restart(position: Position): Readings {
    this.#first = position;
    this.#last = position;
    this.#readings = nothing;
    return nothing;
  }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
