import { createHash } from 'node:crypto';
import { SidepipeError } from '../../errors.js';
import type { DecodedPicture, Frame } from '../../frames/frame.js';
import type { PictureSize } from '../../frames/gate/loop-watch.js';
import type { GateState } from '../../frames/gate.js';
import { dominantColourOf, type TinyPicture, thumbHashOf, tinyPicture } from '../../images/offline/placeholder.js';
import { hashOf, type RecentPicture, RecentPictures } from '../../images/recent-pictures.js';
import type { RejectedFrames } from '../../images/rejected-frames.js';
import type { ThumbnailEvent, ThumbnailSize, ThumbnailsStatus } from '../../images/thumbnail.js';
import { Thumbnails } from '../../images/thumbnails.js';
import type { ImageFormat } from '../../terms.js';
import { boxHeight } from '../outputs/plan.js';
import { sizesOf } from '../outputs/sizes.js';
import type { ImageResource, ImmutableImage } from '../resources.js';
import { FrameSelection, type FrameSelectionOptions } from './frame-selection.js';

export interface PicturesOptions extends Omit<FrameSelectionOptions, 'onChosen'> {
  /** The date of a moment of steady time, in milliseconds since the epoch. */
  readonly dateOf: (at: number) => number;
  /** Whether thumbnails are uploaded, so that every configured form is made from every frame. */
  readonly uploads: boolean;
  /** Shown instead of the drawn offline image. */
  readonly offlineFile?: Uint8Array | undefined;
  readonly onEvent: (event: ThumbnailEvent) => void;
  /** Makes the other images of a good frame. The frame is lent until the promise settles. Must not reject. */
  readonly onGood: (frame: Frame) => Promise<void>;
}

export interface PicturesStatus extends ThumbnailsStatus {
  readonly dropped: number;
  readonly rejected: number;
  /** Undefined before the first frame. `since`: steady time. */
  readonly gate: { readonly state: GateState; readonly since: number } | undefined;
  /** Of the newest good frame: its ThumbHash in base64, and a colour as `#rrggbb`. */
  readonly placeholder: string | undefined;
  readonly dominantColour: string | undefined;
  /** The content hash of the newest thumbnail. */
  readonly hash: string | undefined;
}

/** How long URLs with a content hash remain valid: long enough for anyone who just received one. */
const recent = { maxCount: 12, maxBytes: 1024 ** 2, maxAgeSeconds: 60 };

/** The thumbnails of one stream over all its ffmpeg runs: the newest good frame wins, sharp encodes, memory serves. */
export class Pictures {
  readonly #options: PicturesOptions;
  readonly #thumbnails: Thumbnails;
  readonly #sizes: readonly ThumbnailSize[];
  readonly #selection: FrameSelection;
  readonly #recent = new RecentPictures(recent);
  /** The newest frame's content, if the next one may be identical. */
  #lastDigest: string | undefined;
  #tiny: { readonly picture: TinyPicture; hash?: string; colour?: string } | undefined;

  constructor(options: PicturesOptions) {
    const { config, now, dateOf, uploads, offlineFile } = options;
    const { thumbnail } = config;
    const [format = 'jpg', ...further] = thumbnail.formats;
    this.#options = options;
    this.#selection = new FrameSelection({ ...options, onChosen: (frame, isStill) => this.#make(frame, isStill) });
    this.#sizes = sizesOf(thumbnail);
    this.#thumbnails = new Thumbnails({
      ...thumbnail,
      formats: [format, ...further],
      sizes: this.#sizes,
      name: config.name,
      height: boxHeight(thumbnail),
      everyForm: uploads,
      offlineFile,
      isNewest: () => !this.#selection.hasWaiting,
      onEvent: (event) => this.#onEvent(event),
      clock: now,
      dateOf,
    });
  }

  get formats(): readonly ImageFormat[] {
    return this.#thumbnails.formats;
  }

  /** All available widths, the full one first. */
  get widths(): readonly number[] {
    return [...new Set([this.#options.config.thumbnail.width, ...this.#sizes.map(({ width }) => width)])];
  }

  get status(): PicturesStatus {
    const status = this.#thumbnails.status(this.#options.now());
    const { newest } = this.#thumbnails;
    const { judged } = this.#selection;
    const tiny = this.#tiny;
    if (tiny !== undefined) {
      tiny.hash ??= thumbHashOf(tiny.picture);
      tiny.colour ??= dominantColourOf(tiny.picture);
    }
    return {
      ...status,
      ...this.#selection.counts,
      gate: judged && { state: judged.state, since: judged.stateSince },
      placeholder: tiny?.hash,
      dominantColour: tiny?.colour,
      hash: newest && hashOf(newest.image),
    };
  }

  /** The frames that the gate suppressed recently. */
  get rejected(): RejectedFrames {
    return this.#selection.rejected;
  }

  /** See `FrameGate.sizes`. */
  pictureSizes(pictures: readonly PictureSize[], now: number): void {
    this.#selection.pictureSizes(pictures, now);
  }

  /** Lends a buffer for the next frame. */
  acquire(bytes: number): Uint8Array {
    return this.#selection.acquire(bytes);
  }

  /** Takes a frame in a lent buffer. Never throws, never waits. */
  offer(picture: DecodedPicture, capturedAt: number): void {
    this.#selection.offer(picture, capturedAt);
  }

  /** Called once per second: a frame that waits for better ones waits no longer than an interval. */
  expire(): void {
    this.#selection.expire();
  }

  /** Undefined only for a format or size that is not configured. `size`: a name, or a width in pixels. */
  thumbnail(
    format: ImageFormat,
    size?: string | number,
  ): ImageResource | undefined | Promise<ImageResource | undefined> {
    return this.#thumbnail(format, this.#options.now(), size);
  }

  /** The offline image. */
  async offline(format: ImageFormat, size?: string): Promise<ImageResource | undefined> {
    // The image that will be shown when the newest thumbnail is too old.
    const then = this.#options.now() + this.#options.config.thumbnail.offlineAfterSeconds * 1000;
    return this.#thumbnail(format, then, size);
  }

  /** An image by its content hash, while it is remembered. */
  immutable(format: ImageFormat, hash: string): ImmutableImage | undefined {
    const found: RecentPicture | undefined = this.#recent.get(format, hash, this.#options.now());
    if (found === undefined) return undefined;
    const { dateOf } = this.#options;
    const { body, contentType, etag } = found.image;
    return { body, contentType, etag, capturedAt: dateOf(found.capturedAt), modifiedAt: found.modifiedAt };
  }

  get sizes(): readonly ThumbnailSize[] {
    return this.#sizes;
  }

  /** Settles when the last accepted frame is processed. */
  async close(): Promise<void> {
    await this.#selection.idle();
    await this.#thumbnails.idle();
    await this.rejected.idle();
  }

  #thumbnail(
    format: ImageFormat,
    now: number,
    size?: string | number,
  ): ImageResource | undefined | Promise<ImageResource | undefined> {
    const isFull = size === undefined || size === this.#options.config.thumbnail.width;
    const known = isFull ? undefined : this.#sizes.find(({ name, width }) => name === size || width === size);
    if (!isFull && known === undefined) return undefined;
    // A size of the full width can still be a crop; only a plain width means the whole frame.
    const image = this.#thumbnails.thumbnail(format, now, known?.name);
    return image instanceof Promise ? image.then((each) => this.#dated(each)) : this.#dated(image);
  }

  /** As others see it: with dates, and with the gate's state. */
  #dated(image: ImageResource | undefined): ImageResource | undefined {
    if (image === undefined) return undefined;
    const { dateOf } = this.#options;
    const gate = this.#selection.judged?.state;
    // Property by property: `...image` is slower, and this runs thousands of times per second.
    const { body, contentType, etag, modifiedAt, state, maxAgeSeconds } = image;
    const capturedAt = image.capturedAt === undefined ? undefined : dateOf(image.capturedAt);
    const dated = { body, contentType, etag, modifiedAt, capturedAt, state, maxAgeSeconds };
    return gate === undefined ? dated : { ...dated, gate };
  }

  async #make(frame: Frame, isStill: boolean): Promise<void> {
    try {
      const digest = isStill ? createHash('sha1').update(frame.data).digest('base64') : undefined;
      const isSame = digest !== undefined && digest === this.#lastDigest;
      this.#lastDigest = undefined;
      if (isSame) this.#thumbnails.repeat(frame);
      else if (!(await this.#thumbnails.accept(frame))) return;
      else this.#tiny = { picture: tinyPicture(frame) };
      this.#lastDigest = digest;
      await this.#options.onGood(frame);
    } catch (cause) {
      // Whatever the error, the next frame must be processed.
      const error = new SidepipeError('Making images of a frame failed.', {
        code: 'internal',
        fault: 'node',
        cause,
      });
      const variant = { format: this.formats[0] ?? 'jpg' };
      this.#options.onEvent({ type: 'failed', variant, step: 'encode', error, retrying: false });
    }
  }

  #onEvent(event: ThumbnailEvent): void {
    if (event.type === 'encoded' && event.variant.size === undefined) {
      this.#recent.add(event.variant.format, event.image, event.capturedAt, this.#options.now());
    }
    this.#options.onEvent(event);
  }
}
