import type { StreamConfig } from '../../config/schema/schema.js';
import { SidepipeError } from '../../errors.js';
import type { StreamEvents } from '../../events/stream-events.js';
import type { EncodedImage } from '../../images/picture.js';
import type { RejectedFrame } from '../../images/rejected-frames.js';
import type { StoryboardTile } from '../../images/storyboard-vtt.js';
import type { ThumbnailEvent, ThumbnailResource, ThumbnailSize, ThumbnailsStatus } from '../../images/thumbnail.js';
import { Thumbnails } from '../../images/thumbnails.js';
import type { StreamLoad } from '../../load/guard.js';
import type { GateState, ImageFormat, ImageState, PreviewFormat } from '../../terms.js';
import type { HlsOutput } from '../hls/hls-output.js';
import type { ImagesView } from '../live-stream.js';
import { boxHeight } from '../outputs/plan.js';
import { sizesOf } from '../outputs/sizes.js';
import type { ImageResource, ImmutableImage, PlaylistResource, SheetResource } from '../resources.js';
import { type AcceptedFrame, FrameSelection } from './frame-selection.js';
import { LivePreview } from './live-preview.js';
import { LiveStoryboard } from './live-storyboard.js';

/** Uploads previews and storyboards. Thumbnails are events. */
export interface FurtherPictures {
  preview(format: PreviewFormat, image: ImageResource): void;
  /** The rolling storyboard changed: its newest sheet, and its WebVTT for the URLs that it gets. */
  storyboard(change: {
    readonly number: number;
    readonly sheet: SheetResource;
    readonly text: LiveStoryboard['text'];
  }): void;
  /** A sheet is final, full or not. */
  fullSheet(sheet: {
    readonly number: number;
    readonly image: EncodedImage;
    readonly tiles: readonly StoryboardTile[];
  }): void;
}

export interface StreamImagesOptions {
  readonly config: StreamConfig;
  readonly events: Pick<StreamEvents, 'emit'>;
  readonly hls: Pick<HlsOutput, 'timeline'>;
  readonly load: StreamLoad;
  /** The current uploads; undefined if images are never uploaded. */
  readonly uploads: (() => FurtherPictures | undefined) | undefined;
  /** Shown instead of the drawn offline image. */
  readonly offlineFile: Uint8Array | undefined;
  /** Steady time. */
  readonly now: () => number;
  /** The date of a moment of steady time, in milliseconds since the epoch. */
  readonly dateOf: (at: number) => number;
}

export interface StreamImagesStatus extends ThumbnailsStatus {
  readonly dropped: number;
  readonly rejected: number;
  /** Undefined before the first frame. `since`: steady time. */
  readonly gate: { readonly state: GateState; readonly since: number } | undefined;
}

/** Variants of these frames may still be encoded. */
const REMEMBERED_FRAMES = 16;

/**
 * All images of one stream over all its ffmpeg runs: thumbnails, preview and storyboard from the same frames. Emits an event for everything
 * that happens to them.
 */
export class StreamImages implements ImagesView {
  /** Takes the frames of each ffmpeg run. */
  readonly frames: FrameSelection;
  readonly formats: readonly ImageFormat[];
  readonly sizes: readonly ThumbnailSize[];
  readonly #options: StreamImagesOptions;
  readonly #thumbnails: Thumbnails;
  readonly #preview: LivePreview;
  readonly #storyboard: LiveStoryboard;
  #state: ImageState = 'offline';
  /** When the newest frames arrived and passed the gate, by number. */
  readonly #passed = new Map<number, { readonly arrivedAt: number; readonly judgedAt: number }>();
  #publishing: Promise<void> | undefined;
  #sheetIsNew = false;

  constructor(options: StreamImagesOptions) {
    const { config, hls, uploads, offlineFile, now, dateOf } = options;
    const { thumbnail, preview, storyboard } = config;
    const [format = 'jpg', ...further] = thumbnail.formats;
    const onError = (error: SidepipeError) => this.#failed('extras', error);
    this.#options = options;
    this.formats = [format, ...further];
    this.sizes = sizesOf(thumbnail);
    this.frames = new FrameSelection({ ...options, onChosen: (frame) => this.#process(frame) });
    this.#thumbnails = new Thumbnails({
      ...{ ...thumbnail, name: config.name, formats: [format, ...further], sizes: this.sizes },
      ...{ everyVariant: uploads !== undefined, offlineFile, clock: now, dateOf },
      box: { width: thumbnail.width, height: boxHeight(thumbnail) },
      isNewest: () => !this.frames.hasWaiting,
      onEvent: (event) => this.#onThumbnail(event),
    });
    this.#preview = new LivePreview({
      ...{ config: preview, always: uploads !== undefined && preview.upload, now, dateOf, onError },
      thumbnail: async () => (await this.thumbnail(format))!,
    });
    this.#storyboard = new LiveStoryboard({
      ...{ config, always: uploads !== undefined && storyboard.upload, now, onError },
      timeline: () => hls.timeline(),
      onFull: (sheet) => uploads?.()?.fullSheet(sheet),
    });
  }

  get widths(): readonly number[] {
    return [...new Set([this.#options.config.thumbnail.width, ...this.sizes.map(({ width }) => width)])];
  }

  get sizeNames(): readonly string[] {
    return this.sizes.map(({ name }) => name);
  }

  get rejected(): readonly RejectedFrame[] {
    const { dateOf } = this.#options;
    return this.frames.rejected.list().map((frame) => ({ ...frame, capturedAt: dateOf(frame.capturedAt) }));
  }

  get status(): StreamImagesStatus {
    const { judged, counts } = this.frames;
    return {
      ...this.#thumbnails.status(this.#options.now()),
      ...counts,
      gate: judged && { state: judged.state, since: judged.stateSince },
    };
  }

  thumbnail(
    format: ImageFormat,
    size?: number | string,
  ): ImageResource | undefined | Promise<ImageResource | undefined> {
    const image = this.#thumbnails.thumbnail(format, this.#options.now(), size);
    return image instanceof Promise ? image.then((each) => this.#dated(each)) : this.#dated(image);
  }

  /** The offline image: what will be shown when the newest thumbnail is too old. */
  async offline(format: ImageFormat, size?: string): Promise<ImageResource | undefined> {
    const { config, now } = this.#options;
    const then = now() + config.thumbnail.offlineAfterSeconds * 1000;
    return this.#dated(await this.#thumbnails.thumbnail(format, then, size));
  }

  immutable(format: ImageFormat, hash: string): ImmutableImage | undefined {
    const { now, dateOf } = this.#options;
    const found = this.#thumbnails.immutable(format, hash, now());
    if (found === undefined) return undefined;
    const { body, contentType, etag } = found.image;
    return { body, contentType, etag, capturedAt: dateOf(found.capturedAt), modifiedAt: found.modifiedAt };
  }

  preview(format: PreviewFormat): Promise<ImageResource> {
    return this.#preview.image(format);
  }

  storyboard(): PlaylistResource {
    return this.#storyboard.index();
  }

  sheet(number: number): Promise<SheetResource | undefined> {
    return this.#storyboard.sheet(number);
  }

  /** Called once per second: drops what is no longer in demand, and detects thumbnails that have become stale. */
  tick(): void {
    this.frames.expire();
    this.#preview.expire();
    this.#storyboard.expire();
    const { state, ageSeconds } = this.status;
    if (state === this.#state) return;
    const before = this.#state;
    this.#state = state;
    const age = ageSeconds === undefined ? null : Math.round(ageSeconds);
    this.#options.events.emit({ type: 'freshness', state, before, ageSeconds: age });
  }

  /** No frame will follow for now, so the storyboard's open sheet is final. */
  async finish(): Promise<void> {
    const { uploads, config } = this.#options;
    if (uploads !== undefined && config.storyboard.upload) await this.#storyboard.finish();
  }

  /** Settles when the last accepted frame is processed. */
  async close(): Promise<void> {
    await this.frames.idle();
    await this.#thumbnails.idle();
    await this.#publishing;
  }

  /** Makes the images of a frame, which is lent until the promise settles. Never rejects. */
  async #process(frame: AcceptedFrame): Promise<void> {
    this.#remember(frame);
    try {
      if (await this.#thumbnails.accept(frame)) await this.#makeExtras(frame);
    } catch (cause) {
      // Whatever the error, the next frame must be processed.
      const message = 'Making images of a frame failed.';
      const error = new SidepipeError(message, { code: 'internal', fault: 'node', cause });
      this.#options.events.emit({ type: 'frame-dropped', reason: 'encode-failed' });
      this.#failed('encode', error);
    }
  }

  /** Preview and storyboard, unless the load of the machine forbids them. */
  async #makeExtras(frame: AcceptedFrame): Promise<void> {
    const { load, uploads } = this.#options;
    if (load.effects.extras) {
      const [, isNew] = await Promise.all([this.#preview.add(frame), this.#storyboard.add(frame)]);
      this.#sheetIsNew ||= isNew;
    } else this.#preview.rest();
    if (uploads === undefined) return;
    // Encoded after the frame has been returned; frames that arrive meanwhile are in the next one.
    this.#publishing ??= this.#publish(uploads).finally(() => {
      this.#publishing = undefined;
    });
  }

  async #publish(uploads: () => FurtherPictures | undefined): Promise<void> {
    const { preview, storyboard } = this.#options.config;
    if (preview.upload) {
      const image = await this.#preview.render(preview.format);
      uploads()?.preview(preview.format, image);
    }
    if (!storyboard.upload || !this.#sheetIsNew) return;
    this.#sheetIsNew = false;
    const newest = await this.#storyboard.newest();
    if (newest === undefined) return;
    uploads()?.storyboard({ ...newest, text: (urlOf) => this.#storyboard.text(urlOf) });
  }

  #onThumbnail(event: ThumbnailEvent): void {
    const { events, dateOf } = this.#options;
    if (event.type === 'failed') {
      const { step, error, retrying } = event;
      if (step === 'encode' && !retrying) events.emit({ type: 'frame-dropped', reason: 'encode-failed' });
      this.#failed(step, error);
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
      isFirst: variant.size === undefined && variant.format === this.formats[0],
      ...{ capturedAt, date: dateOf(capturedAt) },
      gate: this.frames.judged?.state,
      passed: this.#passed.get(sequence),
    });
  }

  #failed(step: 'encode' | 'transcode' | 'offline' | 'extras', { code, message }: SidepipeError): void {
    this.#options.events.emit({ type: 'thumbnail-failed', step, code, message });
  }

  #remember({ sequence, arrivedAt, judgedAt }: AcceptedFrame): void {
    const [oldest] = this.#passed.keys();
    if (oldest !== undefined && this.#passed.size >= REMEMBERED_FRAMES) this.#passed.delete(oldest);
    this.#passed.set(sequence, { arrivedAt, judgedAt });
  }

  /** As others see it: with dates, and with the gate's state. */
  #dated(image: ThumbnailResource | undefined): ImageResource | undefined {
    if (image === undefined) return undefined;
    const { dateOf } = this.#options;
    const gate = this.frames.judged?.state;
    // Property by property: `...image` is slower, and this runs thousands of times per second.
    const { body, contentType, etag, modifiedAt, state, maxAgeSeconds } = image;
    const capturedAt = image.capturedAt === undefined ? undefined : dateOf(image.capturedAt);
    const dated = { body, contentType, etag, modifiedAt, capturedAt, state, maxAgeSeconds };
    return gate === undefined ? dated : { ...dated, gate };
  }
}
