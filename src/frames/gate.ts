import type { GateState } from '../terms.js';
import { decide, type GateEvent, type GateMemory, type GateOptions } from './gate/decision.js';
import { greyOf } from './gate/grey.js';
import { LoopWatch, type PictureSize } from './gate/loop-watch.js';
import { type GreyStatistics, statisticsOf } from './gate/statistics.js';

export type { GateState } from '../terms.js';
export type { GateOptions } from './gate/decision.js';

/** What the gate reads of a raw frame: rgb24, width × height × 3 bytes, and the source's time of it. */
export interface GatePicture {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Milliseconds since the epoch. */
  readonly capturedAt: number;
}

export interface GateJudgement {
  /** Of this frame alone. */
  readonly verdict: GateState;
  /** Whether it may replace the picture shown. */
  readonly accepted: boolean;
  /** Of the stream: slower than the verdict, so that it does not flap. */
  readonly state: GateState;
  /** Milliseconds since the epoch. */
  readonly stateSince: number;
  /** Set on the frame that changed the state. */
  readonly event: GateEvent | undefined;
  readonly statistics: GreyStatistics;
}

const defaults: GateOptions = { maxHoldSeconds: 10, alarmAfterSeconds: 10, frozenAfterSeconds: 60 };

/** Keeps black, flat and frozen pictures apart from good ones, for one stream. Pure: time comes with the frames. */
export class FrameGate {
  readonly #options: GateOptions;
  #memory: GateMemory | undefined;
  #reference: Uint8Array | undefined;
  readonly #loops = new LoopWatch();

  constructor(options: Partial<GateOptions> = {}) {
    this.#options = { ...defaults, ...options };
  }

  /** Takes what pictures take that the source shows, decoded or not, and when they came: on the clock of `capturedAt`. */
  sizes(pictures: readonly PictureSize[], now: number): void {
    this.#loops.add(pictures, now);
  }

  /** Judges the next frame, in about 0.2 ms. `picture.data` is read now and not kept. */
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
