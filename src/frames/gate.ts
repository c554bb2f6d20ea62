import type { GateState } from '../terms.js';
import { decide, type GateEvent, type GateMemory, type GateOptions } from './gate/decision.js';
import { greyOf } from './gate/grey.js';
import { LoopWatch, type PictureSize } from './gate/loop-watch.js';
import { type GreyStatistics, statisticsOf } from './gate/statistics.js';

export type { GateOptions } from './gate/decision.js';

/** The part of a raw frame that the gate reads: rgb24, width × height × 3 bytes, and its capture time. */
export interface GatePicture {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Milliseconds since the epoch. */
  readonly capturedAt: number;
}

export interface GateJudgement {
  /** The verdict on this frame alone. */
  readonly verdict: GateState;
  /** Whether it may replace the current thumbnail. */
  readonly accepted: boolean;
  /** The state of the stream. It changes more slowly than the verdict, to avoid flapping. */
  readonly state: GateState;
  /** Milliseconds since the epoch. */
  readonly stateSince: number;
  /** Set for the frame that changed the state. */
  readonly event: GateEvent | undefined;
  readonly statistics: GreyStatistics;
}

const defaults: GateOptions = { maxHoldSeconds: 10, alarmAfterSeconds: 10, frozenAfterSeconds: 60 };

/** Detects black, flat and frozen frames of one stream. Pure: the frames carry the time. */
export class FrameGate {
  readonly #options: GateOptions;
  #memory: GateMemory | undefined;
  #reference: Uint8Array | undefined;
  readonly #loops = new LoopWatch();

  constructor(options: Partial<GateOptions> = {}) {
    this.#options = { ...defaults, ...options };
  }

  /** Takes the sizes of the source's coded frames, decoded or not, with their arrival times on the clock of `capturedAt`. */
  sizes(pictures: readonly PictureSize[], now: number): void {
    this.#loops.add(pictures, now);
  }

  /** Judges the next frame, in about 0.2 ms. Reads `picture.data` now and does not keep it. */
  judge(picture: GatePicture): GateJudgement {
    const grey = greyOf(picture);
    const statistics = statisticsOf(grey, this.#reference);
    const { movedAt } = this.#loops;
    const { capturedAt } = picture;
    const { memory, changed, accepted, event } = decide(this.#memory, statistics, capturedAt, this.#options, movedAt);
    this.#memory = memory;
    if (changed) this.#reference = grey;
    const { verdict, state, stateSince } = memory;
    return { verdict, accepted, state, stateSince, event, statistics };
  }
}
