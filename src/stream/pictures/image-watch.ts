import type { StreamConfig } from '../../config/schema/schema.js';
import type { StreamEvents } from '../../events/stream-events.js';
import type { LogLine } from '../../ffmpeg/log/log-line.js';
import type { DecodedPicture } from '../../frames/frame.js';
import type { GateJudgement } from '../../frames/gate.js';
import type { ThumbnailEvent } from '../../images/thumbnail.js';
import type { StreamLoad } from '../../load/guard.js';
import type { ImageState } from '../../terms.js';
import type { HlsOutput } from '../hls/hls-output.js';
import { DecoderErrors } from './decoder-errors.js';
import { type FurtherPictures, StreamImages } from './stream-images.js';

export interface ImageWatchOptions {
  readonly config: StreamConfig;
  readonly events: Pick<StreamEvents, 'emit'>;
  readonly hls: Pick<HlsOutput, 'timeline'>;
  readonly load: StreamLoad;
  /** Whether images are uploaded. */
  readonly uploads: boolean;
  /** Receives previews and storyboards. */
  readonly further: FurtherPictures;
  readonly offlineFile: Uint8Array | undefined;
  /** Steady time. */
  readonly now: () => number;
  readonly dateOf: (at: number) => number;
}

/** More frames than ever wait for the encoder. */
const REMEMBERED_FRAMES = 16;

/** One stream's images. Emits an event for everything that happens to them. */
export class ImageWatch {
  readonly images: StreamImages;
  readonly #options: ImageWatchOptions;
  readonly #decoder: DecoderErrors;
  #state: ImageState = 'offline';
  /** The newest frames that the gate accepted, by number. */
  readonly #passed = new Map<number, { readonly arrivedAt: number; readonly judgedAt: number }>();

  constructor(options: ImageWatchOptions) {
    const { config, events, hls, load, uploads, further, offlineFile, now, dateOf } = options;
    this.#options = options;
    this.#decoder = new DecoderErrors(options);
    this.images = new StreamImages({
      ...{ config, now, dateOf, offlineFile, uploads },
      timeline: () => hls.timeline(),
      onEvent: (event) => this.#onThumbnail(event),
      onDropped: (reason) => events.emit({ type: 'frame-dropped', reason }),
      slowing: () => load.effects.slowing,
      extras: () => load.effects.extras,
      onSlowed: () => events.emit({ type: 'frame-dropped', reason: 'slowed' }),
      onGate: (judgement) => this.#onGate(judgement),
      onAccepted: ({ sequence }, arrivedAt) => this.#accepted(sequence, arrivedAt),
      onFailed: ({ code, message }) => events.emit({ type: 'thumbnail-failed', step: 'extras', code, message }),
      onFurther: further,
    });
  }

  get decoderErrors(): number {
    return this.#decoder.count;
  }

  /** Takes a frame in a buffer that `images` lent for it. */
  offer(picture: DecodedPicture, capturedAt: number): void {
    const { events, dateOf } = this.#options;
    events.emit({ type: 'frame', picture, capturedAt: dateOf(capturedAt) });
    this.images.offer(picture, capturedAt);
  }

  /** Takes a line of ffmpeg's log, for decoding errors. */
  line(line: LogLine): void {
    this.#decoder.line(line);
  }

  /** Called once per second: detects thumbnails that have become stale. */
  tick(): void {
    this.images.expire();
    this.#decoder.tick();
    const { state, ageSeconds } = this.images.status;
    if (state === this.#state) return;
    const before = this.#state;
    this.#state = state;
    const age = ageSeconds === undefined ? null : Math.round(ageSeconds);
    this.#options.events.emit({ type: 'freshness', state, before, ageSeconds: age });
  }

  #onThumbnail(event: ThumbnailEvent): void {
    const { events, dateOf } = this.#options;
    if (event.type === 'failed') {
      const { step, error, retrying } = event;
      if (step === 'encode' && !retrying) events.emit({ type: 'frame-dropped', reason: 'encode-failed' });
      events.emit({ type: 'thumbnail-failed', step, code: error.code, message: error.message });
      return;
    }
    const { capturedAt } = event;
    if (event.type === 'repeated') {
      events.emit({ type: 'thumbnail-repeated', capturedAt });
      return;
    }
    const { image, variant, unchanged, sequence } = event;
    events.emit({
      ...{ type: 'thumbnail', image, format: variant.format, size: variant.size?.name, unchanged },
      isFirst: variant.size === undefined && variant.format === this.images.formats[0],
      ...{ capturedAt, date: dateOf(capturedAt) },
      gate: this.images.status.gate?.state,
      passed: this.#passed.get(sequence),
    });
  }

  #accepted(sequence: number, arrivedAt: number): void {
    const [oldest] = this.#passed.keys();
    if (oldest !== undefined && this.#passed.size >= REMEMBERED_FRAMES) this.#passed.delete(oldest);
    this.#passed.set(sequence, { arrivedAt, judgedAt: this.#options.now() });
  }

  #onGate({ event: change, state, stateSince, statistics }: GateJudgement): void {
    if (change === undefined) return;
    const { events, dateOf } = this.#options;
    const round = (value: number) => Math.round(value * 10) / 10;
    events.emit({
      ...{ type: 'gate', state, change, since: dateOf(stateSince), rejected: this.images.status.rejected },
      ...{ brightness: round(statistics.mean), contrast: round(statistics.standardDeviation) },
    });
  }
}
