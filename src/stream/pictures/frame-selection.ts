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
  /** Steady time, as all times of frames. */
  readonly now: () => number;
  /**
   * Makes pictures of a frame, which is lent until the promise settles. `isStill`: the gate sees no difference to the one
   * before. Must not reject.
   */
  readonly onChosen: (frame: Frame, isStill: boolean) => Promise<void>;
  /** A frame of which no picture was made. `encoder-busy`: a newer one took its place. */
  readonly onDropped: (reason: 'encoder-busy' | 'frame-invalid' | `gate-${GateState}`, frame: DecodedPicture) => void;
  /** Of so many good frames one is to become a picture, for the machine's sake. Default: each. */
  readonly slowing?: (() => number) | undefined;
  /** A good frame was left out because of that. */
  readonly onSlowed?: (() => void) | undefined;
  /** The state of what the pictures show has changed. */
  readonly onGate: (judgement: GateJudgement) => void;
  /** The gate has let a frame pass. `arrivedAt`: when it was there; milliseconds since the epoch. */
  readonly onAccepted?: ((frame: Frame, arrivedAt: number) => void) | undefined;
}

/** Which of a stream's frames become pictures: whole and good ones, the best of an interval, the newest while one is worked on. */
export class FrameSelection {
  /** What the gate held back lately. */
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

  /** How many frames no picture was made of: because a newer one had come or they were torn, and because of the gate. */
  get counts(): { readonly dropped: number; readonly rejected: number } {
    return { dropped: this.#droppedCount, rejected: this.#rejectedCount };
  }

  /** What the gate said of the newest frame. */
  get judged(): GateJudgement | undefined {
    return this.#judged;
  }

  /** Whether a frame waits until the one before it is worked off. */
  get hasWaiting(): boolean {
    return this.#slot.hasWaiting;
  }

  /** See `FrameGate.sizes`. */
  pictureSizes(pictures: readonly PictureSize[], now: number): void {
    this.#gate.sizes(pictures, now);
  }

  /** Lends a buffer for the next picture. */
  acquire(bytes: number): Uint8Array {
    const spare = this.#spare;
    this.#spare = undefined;
    return spare?.length === bytes ? spare : this.#slot.acquire(bytes);
  }

  /** Takes a picture in a buffer that was lent for it. Never throws, never waits. */
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

  /** Once a second: a frame that waits for better ones waits no longer than an interval. */
  expire(): void {
    this.#bestOf?.expire(this.#options.now());
  }

  /** Settles when the last frame that was taken in is done with. */
  async idle(): Promise<void> {
    await this.#slot.idle();
  }

  /** The cheapest place to leave a frame out: it has been judged, and nothing is made of it yet. */
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
