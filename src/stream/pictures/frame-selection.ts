import type { StreamConfig } from '../../config/schema/schema.js';
import type { StreamEvents } from '../../events/stream-events.js';
import type { DecodedPicture, Frame, FrameConsumer } from '../../frames/frame.js';
import type { PictureSize } from '../../frames/gate/loop-watch.js';
import { FrameGate, type GateJudgement } from '../../frames/gate.js';
import { RejectedFrames } from '../../images/rejected-frames.js';
import type { StreamLoad } from '../../load/guard.js';
import { PicturePace } from '../../load/pace.js';
import { holdSecondsOf } from '../outputs/sizes.js';
import { BestOf } from './best-of.js';

/** A frame that the gate accepted. */
export interface AcceptedFrame extends Frame {
  /** Whether the gate sees no difference to the previous frame. */
  readonly isStill: boolean;
  /** Steady time. */
  readonly arrivedAt: number;
  readonly judgedAt: number;
}

export interface FrameSelectionOptions {
  readonly config: StreamConfig;
  readonly events: Pick<StreamEvents, 'emit'>;
  readonly load: StreamLoad;
  /** Steady time, like all times of frames. */
  readonly now: () => number;
  readonly dateOf: (at: number) => number;
  /** Makes images of a frame, which is lent until the promise settles. Must not reject. */
  readonly onChosen: (frame: AcceptedFrame) => Promise<void>;
}

/**
 * Selects the frames of a stream that become images: complete and good ones, the best of an interval, and the newest while one is being
 * processed. Emits an event for every frame, and for each that gets no image.
 */
export class FrameSelection implements FrameConsumer {
  /** The frames that the gate suppressed recently. */
  readonly rejected = new RejectedFrames();
  readonly #options: FrameSelectionOptions;
  readonly #gate: FrameGate;
  readonly #bestOf: BestOf<AcceptedFrame> | undefined;
  readonly #pace: PicturePace;
  readonly #slot: FrameSlot<AcceptedFrame>;
  #sequence = 0;
  #droppedCount = 0;
  #rejectedCount = 0;
  #judged: GateJudgement | undefined;

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
      consume: options.onChosen,
      onDropped: () => this.#drop('encoder-busy'),
    });
    if (thumbnail.bestOf > 1) {
      this.#bestOf = new BestOf<AcceptedFrame>({
        count: thumbnail.bestOf,
        intervalSeconds: thumbnail.intervalSeconds,
        busy: () => this.#slot.isBusy,
        onBest: (frame) => this.#take(frame),
        onBeaten: ({ data }) => this.#slot.release(data),
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

  acquire(bytes: number): Uint8Array {
    return this.#slot.acquire(bytes);
  }

  offer(picture: DecodedPicture, capturedAt: number): void {
    const { events, now, dateOf } = this.#options;
    events.emit({ type: 'frame', picture, capturedAt: dateOf(capturedAt) });
    const sequence = this.#sequence++;
    if (!isWhole(picture)) {
      this.#slot.release(picture.data);
      this.#drop('frame-invalid');
      return;
    }
    const arrivedAt = now();
    const judgement = this.#gate.judge({ ...picture, capturedAt });
    this.#judged = judgement;
    if (judgement.event !== undefined) this.#gateChanged(judgement);
    const { verdict, accepted, statistics } = judgement;
    if (!accepted) {
      this.rejected.offer({ ...picture, capturedAt, sequence }, verdict);
      this.#slot.release(picture.data);
      this.#rejectedCount += 1;
      events.emit({ type: 'frame-dropped', reason: `gate-${verdict}` });
      return;
    }
    const isStill = statistics.peakDifference === 0;
    const frame = { ...picture, capturedAt, sequence, isStill, arrivedAt, judgedAt: now() };
    const score = verdict === 'black' || verdict === 'flat' ? -1 : statistics.sharpness;
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
    await this.rejected.idle();
  }

  /** The cheapest point to skip a frame: it has been judged, and nothing has been made of it yet. */
  #take(frame: AcceptedFrame): void {
    const { events, load } = this.#options;
    if (this.#pace.takes(frame.capturedAt, load.effects.slowing)) {
      this.#slot.offer(frame);
      return;
    }
    this.#slot.release(frame.data);
    events.emit({ type: 'frame-dropped', reason: 'slowed' });
  }

  #drop(reason: 'encoder-busy' | 'frame-invalid'): void {
    this.#droppedCount += 1;
    this.#options.events.emit({ type: 'frame-dropped', reason });
  }

  #gateChanged({ event: change, state, stateSince, statistics }: GateJudgement): void {
    if (change === undefined) return;
    const { events, dateOf } = this.#options;
    const round = (value: number) => Math.round(value * 10) / 10;
    events.emit({
      ...{ type: 'gate', state, change, since: dateOf(stateSince), rejected: this.#rejectedCount },
      ...{ brightness: round(statistics.mean), contrast: round(statistics.standardDeviation) },
    });
  }
}

function isWhole({ data, width, height }: DecodedPicture): boolean {
  return width > 0 && height > 0 && data.byteLength === width * height * 3;
}

export interface FrameSlotOptions<F extends Frame> {
  /** Processes one frame at a time. The frame's data is lent until the promise settles. Must not reject. */
  readonly consume: (frame: F) => Promise<void>;
  /** Called for a frame that a newer one replaced before it was processed. */
  readonly onDropped: (frame: F) => void;
}

/**
 * Decouples a capture that must never wait from a consumer that may be slow. The newest frame waits, and the one before it is dropped.
 * Three buffers in total: one being filled, one waiting, one being consumed.
 */
export class FrameSlot<F extends Frame> {
  readonly #options: FrameSlotOptions<F>;
  #free: Uint8Array[] = [];
  #waiting: F | undefined;
  #busy: Promise<void> | undefined;

  constructor(options: FrameSlotOptions<F>) {
    this.#options = options;
  }

  /** A buffer of exactly `bytes` to fill for the next `offer`. */
  acquire(bytes: number): Uint8Array {
    // Buffers of another length belong to a frame size that is no longer used.
    this.#free = this.#free.filter(({ length }) => length === bytes);
    return this.#free.pop() ?? new Uint8Array(bytes);
  }

  /** Takes back a buffer whose frame is not offered. */
  release(buffer: Uint8Array): void {
    if (this.#free.length < 3) this.#free.push(buffer);
  }

  offer(frame: F): void {
    if (this.#waiting !== undefined) {
      this.#options.onDropped(this.#waiting);
      this.release(this.#waiting.data);
    }
    this.#waiting = frame;
    this.#busy ??= this.#drain();
  }

  /** Whether a frame is being consumed. */
  get isBusy(): boolean {
    return this.#busy !== undefined;
  }

  /** Whether a newer frame waits behind the one that is being consumed. */
  get hasWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  /** Settles when nothing is waiting or being consumed. */
  async idle(): Promise<void> {
    while (this.#busy !== undefined) await this.#busy;
  }

  async #drain(): Promise<void> {
    for (let frame = this.#take(); frame !== undefined; frame = this.#take()) {
      await this.#options.consume(frame);
      this.release(frame.data);
    }
    this.#busy = undefined;
  }

  #take(): F | undefined {
    const frame = this.#waiting;
    this.#waiting = undefined;
    return frame;
  }
}
