import type { StreamSeries } from '../../events/stream-series.js';
import type { LogLine } from '../../ffmpeg/log/log-line.js';
import type { DecodedPicture } from '../../frames/frame.js';
import type { GateJudgement } from '../../frames/gate.js';
import type { ThumbnailEvent } from '../../images/thumbnail.js';
import type { ImageState } from '../../terms.js';
import type { StreamEnvironment } from '../environment.js';
import type { HlsOutput } from '../hls/hls-output.js';
import { DecoderErrors } from '../run/decoder-errors.js';
import type { StreamUploads } from '../uploads/uploads.js';
import { StreamImages } from './stream-images.js';

export interface ImageWatchOptions {
  readonly env: StreamEnvironment;
  readonly hls: HlsOutput;
  readonly uploads: () => StreamUploads | undefined;
  readonly outlets: Pick<StreamSeries, 'frame' | 'thumbnail'>;
}

/** More than wait for the encoder at any time. */
const TRACED_FRAMES = 16;

/** One stream's pictures and everyone who must hear of them: metrics, log, events, uploads. */
export class ImageWatch {
  readonly images: StreamImages;
  readonly #env: StreamEnvironment;
  readonly #uploads: () => StreamUploads | undefined;
  readonly #outlets: ImageWatchOptions['outlets'];
  readonly #decoder: DecoderErrors;
  #state: ImageState = 'offline';
  /** The capture time of what is on the store: steady time. */
  #uploadedAt = Number.NEGATIVE_INFINITY;
  /** By their numbers, the newest frames that the gate let pass, for traces. */
  readonly #passed = new Map<number, { readonly arrivedAt: number; readonly judgedAt: number }>();

  constructor({ env, hls, uploads, outlets }: ImageWatchOptions) {
    const { config, now, dateOf, publisher, offlineFile } = env;
    this.#env = env;
    this.#uploads = uploads;
    this.#outlets = outlets;
    this.#decoder = new DecoderErrors(env);
    this.images = new StreamImages({
      config,
      now,
      dateOf,
      offlineFile,
      uploads: publisher !== undefined,
      timeline: () => hls.timeline(),
      onEvent: (event) => this.#onThumbnail(event),
      onDropped: (reason) => this.#onDropped(reason),
      slowing: () => env.load.effects.slowing,
      extras: () => env.load.effects.extras,
      onSlowed: () => env.load.frame('slowed'),
      onGate: (judgement) => this.#onGate(judgement),
      onAccepted: env.traces && (({ sequence }, arrivedAt) => this.#accepted(sequence, arrivedAt)),
      onFailed: (error) => {
        env.episodes.happened('extras-failed', `a preview or storyboard could not be made: ${error.message}`);
      },
      onFurther: {
        preview: (format, image) => this.#uploads()?.pictures.preview(format, image),
        storyboard: (change) => this.#uploads()?.pictures.storyboard(change),
        fullSheet: (sheet) => this.#uploads()?.pictures.fullSheet(sheet),
      },
    });
  }

  get decoderErrors(): number {
    return this.#decoder.count;
  }

  /** Takes a picture in a buffer that `images` lent for it. */
  offer(picture: DecodedPicture, capturedAt: number): void {
    const { metrics, config, dateOf } = this.#env;
    metrics.framesCaptured.inc({ stream: config.name });
    this.#outlets.frame(picture, dateOf(capturedAt));
    this.images.offer(picture, capturedAt);
  }

  /** What ffmpeg says: of interest is what its decoder could not read. */
  line(line: LogLine): void {
    this.#decoder.line(line);
  }

  /** Once a second: tells of pictures that have grown old. */
  async tick(): Promise<void> {
    this.images.expire();
    this.#decoder.tick();
    const { state, ageSeconds } = this.images.status;
    if (state === this.#state) return;
    const before = this.#state;
    this.#state = state;
    const { log, events, now, dateOf } = this.#env;
    const age = ageSeconds === undefined ? null : Math.round(ageSeconds);
    if (state === 'fresh') log.info({ before }, 'the thumbnail is fresh');
    else log.warn({ before, ageSeconds: age }, `the thumbnail is ${state}`);
    const at = dateOf(now());
    events.publish({ stream: this.#env.config.name, type: state, at, details: { before, ageSeconds: age } });
    if (state === 'offline') await this.uploadOffline();
  }

  /** The store's copy must not pass the last picture off as a fresh one for ever. */
  async uploadOffline(): Promise<void> {
    this.#uploadedAt = Number.NEGATIVE_INFINITY;
    await this.#uploadAll((format, size) => this.images.offline(format, size));
  }

  async #uploadAll(read: StreamImages['offline']): Promise<void> {
    const pictures = this.#uploads()?.pictures;
    if (pictures === undefined) return;
    for (const size of [undefined, ...this.images.sizes]) {
      for (const format of this.images.formats) {
        const image = await read(format, size?.name);
        if (image !== undefined) pictures.thumbnail({ format, size }, image);
      }
    }
  }

  #onThumbnail(event: ThumbnailEvent): void {
    const { metrics, episodes, config, load } = this.#env;
    if (event.type === 'failed') {
      if (event.step === 'encode' && !event.retrying) {
        metrics.framesDropped.inc({ stream: config.name, reason: 'encode-failed' });
      }
      const message = `a picture could not be made: ${event.error.message}`;
      episodes.happened('image-failed', message, { step: event.step, code: event.error.code });
      return;
    }
    episodes.ended('image-failed', 'pictures are made again');
    episodes.ended('extras-failed', 'pictures are made again');
    episodes.ended('frames-dropped', 'the encoder keeps up again');
    episodes.ended('frame-invalid', 'frames are whole again');
    if (event.type === 'repeated') {
      load.frame('made');
      this.#dateAnew(event.capturedAt);
      return;
    }
    const { image, variant, capturedAt, unchanged } = event;
    if (variant.size === undefined && variant.format === this.images.formats[0]) {
      load.frame('made');
      this.#tell(event);
    }
    metrics.thumbnailEncodeSeconds.observe(image.encodeSeconds);
    const pictures = this.#uploads()?.pictures;
    if (variant.size === undefined && variant.format === this.images.formats[0])
      this.#trace(event, pictures !== undefined);
    if (pictures === undefined) return;
    if (unchanged) {
      this.#dateAnew(capturedAt);
      return;
    }
    this.#uploadedAt = capturedAt;
    const date = this.#env.dateOf(capturedAt);
    pictures.thumbnail(variant, { ...image, capturedAt: date, state: 'fresh' });
    if (variant.size === undefined) pictures.immutable(variant, image, date);
    pictures.still(variant, image, date);
  }

  #accepted(sequence: number, arrivedAt: number): void {
    const [oldest] = this.#passed.keys();
    if (oldest !== undefined && this.#passed.size >= TRACED_FRAMES) this.#passed.delete(oldest);
    this.#passed.set(sequence, { arrivedAt, judgedAt: this.#env.now() });
  }

  #trace(event: Extract<ThumbnailEvent, { type: 'encoded' }>, isStored: boolean): void {
    const { config, traces, now } = this.#env;
    const passed = this.#passed.get(event.sequence);
    if (traces === undefined || passed === undefined) return;
    const { image, variant, capturedAt, unchanged } = event;
    const isSent = isStored && !unchanged && config.thumbnail.sequence.mode !== 'sequential';
    traces.picture({
      ...{ stream: config.name, format: variant.format, bytes: image.bytes, capturedAt, ...passed },
      ...{ encodeSeconds: image.encodeSeconds, encodedAt: now(), uploads: isSent },
    });
  }

  #tell({ image, capturedAt }: Extract<ThumbnailEvent, { type: 'encoded' }>): void {
    const { config, feed, now, dateOf } = this.#env;
    const { width, height, body, contentType } = image;
    const date = dateOf(capturedAt);
    this.#outlets.thumbnail({ body, contentType, width, height, capturedAt: date });
    feed.publish({
      ...{ type: 'thumbnail', stream: config.name, at: new Date(dateOf(now())).toISOString() },
      ...{ capturedAt: new Date(date).toISOString(), width, height, bytes: body.byteLength },
      gate: this.images.status.gate?.state ?? null,
    });
  }

  /** A picture that stays the same is uploaded again only so often that the date on the store does not go stale. */
  #dateAnew(capturedAt: number): void {
    const { staleAfterSeconds } = this.#env.config.thumbnail;
    if (capturedAt - this.#uploadedAt < staleAfterSeconds * 500) return;
    this.#uploadedAt = capturedAt;
    void this.#uploadAll(async (format, size) => this.images.thumbnail(format, size));
  }

  #onDropped(reason: string): void {
    const { metrics, episodes, config } = this.#env;
    metrics.framesDropped.inc({ stream: config.name, reason });
    if (reason === 'encoder-busy') {
      this.#env.load.frame('dropped');
      const message = 'the encoder is slower than the frames come: older frames are dropped';
      episodes.happened('frames-dropped', message);
    } else if (reason === 'frame-invalid') {
      episodes.happened('frame-invalid', 'a frame came whose bytes are not those of a picture of its size');
    }
  }

  #onGate({ event, state, stateSince, statistics }: GateJudgement): void {
    if (event === undefined) return;
    const { log, events, config, feed, now, dateOf } = this.#env;
    const { rejected } = this.images.status;
    feed.publish({ type: 'gate', stream: config.name, at: new Date(dateOf(now())).toISOString(), state, rejected });
    const round = (value: number) => Math.round(value * 10) / 10;
    const details = { brightness: round(statistics.mean), contrast: round(statistics.standardDeviation) };
    if (event === 'recovered') log.info({ gate: state, ...details }, 'the picture is good again');
    else log.warn({ gate: state, ...details }, `the picture is ${event}`);
    events.publish({ stream: config.name, type: event, at: dateOf(stateSince), details });
  }
}
