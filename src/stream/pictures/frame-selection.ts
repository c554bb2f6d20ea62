import type { StreamConfig } from '../../config/schema/schema.js';
import type { DecodedPicture, Frame } from '../../frames/frame.js';
import type { PictureSize } from '../../frames/gate/loop-watch.js';
import { FrameGate, type GateJudgement, type GateState } from '../../frames/gate.js';
import { FrameSlot } from '../../frames/slot.js';
import { RejectedFrames } from '../../images/rejected-frames.js';
import { PicturePace } from '../../load/pace.js';
import { holdSecondsOf } from '../outputs/sizes.js';
import { BestOf } from './best-of.js';

export interface FrameSelectionOptions {
  readonly config: StreamConfig;
  /** Steady time, like all times of frames. */
  readonly now: () => number;
  /**
   * Makes images of a frame, which is lent until the promise settles. `isStill`: the gate sees no difference to the previous one. Must not
   * reject.
   */
  readonly onChosen: (frame: Frame, isStill: boolean) => Promise<void>;
  /** Called for a frame without an image. `encoder-busy`: a newer one replaced it. */
  readonly onDropped: (reason: 'encoder-busy' | 'frame-invalid' | `gate-${GateState}`, frame: DecodedPicture) => void;
  /** Use only one of this many good frames, to reduce the load. Default: every frame. */
  readonly slowing?: (() => number) | undefined;
  /** A good frame was skipped because of that. */
  readonly onSlowed?: (() => void) | undefined;
  /** The gate state of the stream changed. */
  readonly onGate: (judgement: GateJudgement) => void;
  /** The gate accepted a frame. `arrivedAt`: its arrival time; milliseconds since the epoch. */
  readonly onAccepted?: ((frame: Frame, arrivedAt: number) => void) | undefined;
}

/** Selects the frames that become images: complete and good ones, the best of an interval, and the newest while one is being processed. */
export class FrameSelection {
  /** The frames that the gate suppressed recently. */
  readonly rejected = new RejectedFrames();
  readonly #options: FrameSelectionOptions;
  readonly #gate: FrameGate;
  readonly #bestOf: BestOf<Frame> | undefined;
  readonly #pace: PicturePace;
  readonly #slot: FrameSlot;
  #spare: Uint8Array | undefined;
  #busy = false;
  #sequence = 0;
  #droppedCount = 0;
  #rejectedCount = 0;
  #judged: GateJudgement | undefined;
  readonly #still = new WeakSet<Frame>();

  constructor(options: FrameSelectionOptions) {
    const { thumbnail } = options.config;
    const { black, flat, frozen, frozenAfterSeconds, alarmAfterSeconds } = thumbnail.gate;
    this.#options = options;
    this.#gate = new FrameGate({
      maxHoldSeconds: holdSecondsOf(thumbnail),
      frozenAfterSeconds,
      alarmAfterSeconds,
      detect: { black, flat, frozen },
    });
    this.#pace = new PicturePace(thumbnail);
    this.#slot = new FrameSlot({
      consume: (frame) => this.#consume(frame),
      onDropped: (frame) => this.#drop('encoder-busy', frame),
    });
    if (thumbnail.bestOf > 1) {
      this.#bestOf = new BestOf<Frame>({
        count: thumbnail.bestOf,
        intervalSeconds: thumbnail.intervalSeconds,
        busy: () => this.#busy,
        onBest: (frame) => this.#take(frame),
        onBeaten: ({ data }) => {
          this.#spare = data;
        },
      });
    }
  }

  /** Number of frames without an image: because a newer one arrived or they were damaged, and because of the gate. */
  get counts(): { readonly dropped: number; readonly rejected: number } {
    return { dropped: this.#droppedCount, rejected: this.#rejectedCount };
  }

  /** The gate's verdict on the newest frame. */
  get judged(): GateJudgement | undefined {
    return this.#judged;
  }

  /** Whether a frame waits until the previous one is processed. */
  get hasWaiting(): boolean {
    return this.#slot.hasWaiting;
  }

  /** See `FrameGate.sizes`. */
  pictureSizes(pictures: readonly PictureSize[], now: number): void {
    this.#gate.sizes(pictures, now);
  }

  /** Lends a buffer for the next frame. */
  acquire(bytes: number): Uint8Array {
    const spare = this.#spare;
    this.#spare = undefined;
    return spare?.length === bytes ? spare : this.#slot.acquire(bytes);
  }

  /** Takes a frame in a lent buffer. Never throws, never waits. */
  offer(picture: DecodedPicture, capturedAt: number): void {
    const frame = { ...picture, capturedAt, sequence: this.#sequence };
    this.#sequence += 1;
    if (!isWhole(picture)) {
      this.#spare = picture.data;
      this.#drop('frame-invalid', frame);
      return;
    }
    const arrivedAt = this.#options.now();
    const judgement = this.#gate.judge(frame);
    this.#judged = judgement;
    if (judgement.event !== undefined) this.#options.onGate(judgement);
    if (!judgement.accepted) {
      this.#spare = picture.data;
      this.#rejectedCount += 1;
      this.rejected.offer(frame, judgement.verdict);
      this.#options.onDropped(`gate-${judgement.verdict}`, frame);
      return;
    }
    this.#options.onAccepted?.(frame, arrivedAt);
    if (judgement.statistics.peakDifference === 0) this.#still.add(frame);
    const isBad = judgement.verdict === 'black' || judgement.verdict === 'flat';
    const score = isBad ? -1 : judgement.statistics.sharpness;
    if (this.#bestOf === undefined) this.#take(frame);
    else this.#bestOf.offer({ frame, capturedAt, score });
  }

  /** Called once per second: a frame that waits for better ones waits no longer than an interval. */
  expire(): void {
    this.#bestOf?.expire(this.#options.now());
  }

  /** Settles when the last accepted frame is processed. */
  async idle(): Promise<void> {
    await this.#slot.idle();
  }

  /** The cheapest point to skip a frame: it has been judged, and nothing has been made of it yet. */
  #take(frame: Frame): void {
    if (this.#pace.takes(frame.capturedAt, this.#options.slowing?.() ?? 1)) {
      this.#slot.offer(frame);
      return;
    }
    this.#spare = frame.data;
    this.#options.onSlowed?.();
  }

  async #consume(frame: Frame): Promise<void> {
    this.#busy = true;
    try {
      await this.#options.onChosen(frame, this.#still.has(frame));
    } finally {
      this.#busy = false;
    }
  }

  #drop(reason: 'encoder-busy' | 'frame-invalid', frame: Frame): void {
    this.#droppedCount += 1;
    this.#options.onDropped(reason, frame);
  }
}

function isWhole({ data, width, height }: DecodedPicture): boolean {
  return width > 0 && height > 0 && data.byteLength === width * height * 3;
}
