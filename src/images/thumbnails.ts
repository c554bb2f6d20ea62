import { createHash } from 'node:crypto';
import type { ImageFormat } from '../terms.js';
import { type EncodeOptions, encodePicture, imageFailed, type PixelBox, transcodeImage } from './encode.js';
import { type Freshness, type FreshnessLimits, freshnessOf } from './freshness.js';
import { OfflinePictures } from './offline/offline-pictures.js';
import { dominantColourOf, type TinyPicture, thumbHashOf, tinyPicture } from './offline/placeholder.js';
import type { EncodedImage, RawPicture } from './picture.js';
import { hashOf, type RecentPicture, RecentPictures } from './recent-pictures.js';
import type {
  ThumbnailEvent,
  ThumbnailResource,
  ThumbnailSize,
  ThumbnailsStatus,
  ThumbnailVariant,
} from './thumbnail.js';

/** Variants requested within this time are made from every frame, so that requests do not wait. */
const DEMAND_MS = 60_000;
/** How long URLs with a content hash remain valid: long enough for anyone who just received one. */
const RECENT = { maxCount: 12, maxBytes: 1024 ** 2, maxAgeSeconds: 60 };

export interface ThumbnailsOptions extends FreshnessLimits {
  /** The stream's name, for the offline image. */
  readonly name: string;
  /** The first is made from every frame. */
  readonly formats: readonly [ImageFormat, ...ImageFormat[]];
  /** Additional sizes. */
  readonly sizes?: readonly ThumbnailSize[];
  /** Make every variant from every frame, requested or not: for a stream whose thumbnails are uploaded. */
  readonly everyVariant?: boolean;
  readonly quality: number;
  /** The full width, and the size of the offline image while there is no thumbnail. */
  readonly box: PixelBox;
  /** An image file to show instead of the drawn offline image. */
  readonly offlineFile?: Uint8Array | undefined;
  /** False if a newer frame is waiting, which makes a retry pointless. */
  readonly isNewest?: (picture: RawPicture) => boolean;
  /** Must not throw. */
  readonly onEvent?: (event: ThumbnailEvent) => void;
  /** Milliseconds, like all times here. Default: the system clock. */
  readonly clock?: () => number;
  /** Converts such a time to a date, for the offline image. Default: it already is one. */
  readonly dateOf?: (at: number) => number;
  readonly encode?: typeof encodePicture;
}

interface Held {
  readonly image: EncodedImage;
  readonly capturedAt: number;
  readonly modifiedAt: number;
  readonly sequence: number;
  /** Counts the frames of the first format: two held images of one generation show the same frame. */
  readonly generation: number;
}

/**
 * The newest good thumbnail of one stream, in every requested variant, and its replacement once it is too old.
 *
 * Memory: only encoded images, one per variant and a few recent ones. The first format, and the variants requested in the last minute, are
 * encoded from the lent raw frame; anything else is made on request from the first format's encoded image. So raw frames are never kept; in
 * return the first image after a minute without requests is second-generation. AVIF costs ten times as much as the others: unless it is the
 * first format it is made from the encoded image, after the frame has been returned.
 */
export class Thumbnails {
  readonly #options: ThumbnailsOptions;
  readonly #clock: () => number;
  /** The variant that is always made. */
  readonly #first: ThumbnailVariant;
  readonly #askedAt = new Map<string, number>();
  readonly #held = new Map<string, Held>();
  /** Variants that are being encoded or transcoded. Settles without rejecting. */
  readonly #pending = new Map<string, Promise<void>>();
  #following: Promise<void> | undefined;
  readonly #offline: OfflinePictures;
  readonly #recent = new RecentPictures(RECENT);
  /** The newest frame's content, if the next one may be identical. */
  #lastDigest: string | undefined;
  #tiny: { readonly picture: TinyPicture; hash?: string; colour?: string } | undefined;
  readonly #counts = { captured: 0, failed: 0 };

  constructor(options: ThumbnailsOptions) {
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
    this.#first = { format: options.formats[0] };
    const onError = (variant: ThumbnailVariant, cause: unknown) =>
      this.#fail({ type: 'failed', variant, step: 'offline', error: imageFailed(cause), retrying: false });
    const { name, quality, box, offlineFile } = options;
    this.#offline = new OfflinePictures({ ...{ name, quality, ...box, offlineFile }, clock: this.#clock, onError });
  }

  /**
   * Takes the next frame; call again, and reuse `picture.data`, only after the promise has settled. If a frame cannot be encoded, the last
   * good thumbnail stays, `onEvent` reports it, and the result is false. `isStill`: the frame may be identical to the previous one, and is
   * encoded only if it is not.
   */
  async accept(picture: RawPicture & { readonly isStill?: boolean }): Promise<boolean> {
    const digest = picture.isStill ? createHash('sha1').update(picture.data).digest('base64') : undefined;
    const isSame = digest !== undefined && digest === this.#lastDigest;
    this.#lastDigest = undefined;
    if (isSame) this.#repeat(picture);
    else if (!(await this.#make(picture))) return false;
    else this.#tiny = { picture: tinyPicture(picture) };
    this.#lastDigest = digest;
    return true;
  }

  /** Settles when nothing is being made from a frame. */
  async idle(): Promise<void> {
    await this.#following;
  }

  /**
   * The image to show at `now`: the newest good thumbnail, fresh or stale, or the offline image. `size`: a name, or a width in pixels.
   * Undefined only for a format or size that is not configured; never rejects. Returns a promise only if the image must be made first,
   * because one image may be requested thousands of times.
   */
  thumbnail(
    format: ImageFormat,
    now: number,
    size?: string | number,
  ): ThumbnailResource | undefined | Promise<ThumbnailResource | undefined> {
    const variant = this.#variantOf(format, size);
    if (variant === undefined) return undefined;
    this.#askedAt.set(keyOf(variant), now);
    const newest = this.#newest;
    const freshness = freshnessOf(newest?.capturedAt, now, this.#options);
    if (newest === undefined || freshness.state === 'offline') {
      const { dateOf = (at) => at } = this.#options;
      const drawn = this.#offline.picture(variant, newest && { ...newest, capturedAt: dateOf(newest.capturedAt) });
      return drawn.then((picture) => resourceOf(picture, newest?.capturedAt, freshness));
    }
    const given = (held: Held) => resourceOf(held, held.capturedAt, freshnessOf(held.capturedAt, now, this.#options));
    const held = this.#atHand(variant, newest, now);
    if (held === newest) return resourceOf(newest, newest.capturedAt, freshness);
    return held === undefined ? this.#made(variant, newest).then(given) : given(held);
  }

  /** A thumbnail by its content hash, while it is remembered. */
  immutable(format: ImageFormat, hash: string, now: number): RecentPicture | undefined {
    return this.#recent.get(format, hash, now);
  }

  status(now: number): ThumbnailsStatus {
    const newest = this.#newest;
    const tiny = this.#tiny;
    if (tiny !== undefined) {
      tiny.hash ??= thumbHashOf(tiny.picture);
      tiny.colour ??= dominantColourOf(tiny.picture);
    }
    const { state, ageSeconds } = freshnessOf(newest?.capturedAt, now, this.#options);
    return {
      ...{ state, ageSeconds, ...this.#counts },
      capturedAt: newest?.capturedAt,
      width: newest?.image.width,
      height: newest?.image.height,
      bytes: newest?.image.bytes,
      hash: newest && hashOf(newest.image),
      placeholder: tiny?.hash,
      dominantColour: tiny?.colour,
    };
  }

  /** The newest good thumbnail in the first format, regardless of its age. */
  get #newest(): Held | undefined {
    return this.#held.get(keyOf(this.#first));
  }

  /** Undefined for a format or size that is not configured. */
  #variantOf(format: ImageFormat, size: string | number | undefined): ThumbnailVariant | undefined {
    const { formats, sizes = [], box } = this.#options;
    if (!formats.includes(format)) return undefined;
    // A size of the full width can still be a crop; only a plain width means the whole frame.
    if (size === undefined || size === box.width) return { format };
    const known = sizes.find((each) => each.name === size || each.width === size);
    return known && { format, size: known };
  }

  /** The variants besides the first that the next frame is needed in. */
  #wanted(): ThumbnailVariant[] {
    const { formats, sizes = [], everyVariant = false } = this.#options;
    const now = this.#clock();
    const first = keyOf(this.#first);
    return [undefined, ...sizes]
      .flatMap((size) => formats.map((format) => ({ format, size })))
      .filter((variant) => {
        const key = keyOf(variant);
        const askedAt = this.#askedAt.get(key) ?? Number.NEGATIVE_INFINITY;
        return key !== first && (everyVariant || now - askedAt < DEMAND_MS);
      });
  }

  async #make(picture: RawPicture): Promise<boolean> {
    if (!(await this.#capture(this.#first, picture))) return false;
    // Sequentially, so that one stream does not take every thread; all are marked as pending immediately.
    let last = Promise.resolve();
    for (const variant of this.#wanted().filter(isCheap)) {
      const key = keyOf(variant);
      last = last.then(async () => {
        await this.#capture(variant, picture);
        this.#pending.delete(key);
      });
      this.#pending.set(key, last);
    }
    await last;
    this.#following ??= this.#follow().finally(() => {
      this.#following = undefined;
    });
    return true;
  }

  /** The next frame equals the last one, so the existing thumbnails are as new as that frame. */
  #repeat({ capturedAt, sequence }: RawPicture): void {
    const at = Math.min(capturedAt, this.#clock());
    const newest = this.#newest;
    if (newest === undefined) return;
    this.#counts.captured += 1;
    for (const [key, held] of this.#held) {
      if (held.generation === newest.generation) this.#held.set(key, { ...held, capturedAt: at, sequence });
    }
    this.#options.onEvent?.({ type: 'repeated', capturedAt: at, sequence });
  }

  /** Encodes one variant of a raw frame, with one retry unless a newer frame is waiting. False: nothing changed. */
  async #capture(variant: ThumbnailVariant, picture: RawPicture): Promise<boolean> {
    const { quality, isNewest = () => true, encode = encodePicture } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const image = await encode(picture, encoding(variant, quality));
        this.#keep(variant, image, picture);
        return true;
      } catch (cause) {
        const error = imageFailed(cause);
        const retrying = attempt === 1 && error.retryable && isNewest(picture);
        this.#fail({ type: 'failed', variant, step: 'encode', error, retrying });
        if (!retrying) return false;
      }
    }
  }

  #keep(variant: ThumbnailVariant, image: EncodedImage, picture: RawPicture): void {
    const key = keyOf(variant);
    if (variant === this.#first) {
      this.#counts.captured += 1;
      this.#offline.clear();
    }
    // With a source clock that runs ahead, an old thumbnail would stay fresh for as long as it is ahead.
    const capturedAt = Math.min(picture.capturedAt, this.#clock());
    const { sequence } = picture;
    const unchanged = this.#hold(key, { image, capturedAt, sequence, generation: this.#counts.captured });
    this.#report({ type: 'encoded', variant, image, capturedAt, sequence, unchanged });
  }

  #report(event: Extract<ThumbnailEvent, { type: 'encoded' }>): void {
    const { variant, image, capturedAt } = event;
    if (variant.size === undefined) this.#recent.add(variant.format, image, capturedAt, this.#clock());
    this.#options.onEvent?.(event);
  }

  /** True if the same bytes existed already. */
  #hold(key: string, next: Omit<Held, 'modifiedAt'>): boolean {
    const before = this.#held.get(key);
    const unchanged = before?.image.etag === next.image.etag;
    this.#held.set(key, { ...next, modifiedAt: unchanged ? before.modifiedAt : this.#clock() });
    return unchanged;
  }

  #fail(event: ThumbnailEvent): void {
    this.#counts.failed += 1;
    this.#options.onEvent?.(event);
  }

  /** Makes requested variants that are too expensive while a frame is lent. Does not wait for frames that arrive in the meantime. */
  async #follow(): Promise<void> {
    for (const variant of this.#wanted().filter((each) => !isCheap(each))) {
      const newest = this.#newest;
      const key = keyOf(variant);
      if (newest === undefined || this.#pending.has(key)) continue;
      const before = this.#held.get(key);
      await this.#transcode(variant, newest);
      const made = this.#held.get(key);
      if (made === undefined || made === before) continue;
      const { image, capturedAt, sequence } = made;
      const unchanged = before?.image.etag === image.etag;
      this.#report({ type: 'encoded', variant, image, capturedAt, sequence, unchanged });
    }
  }

  /** This variant of the newest thumbnail, if it exists. */
  #atHand(variant: ThumbnailVariant, newest: Held, now: number): Held | undefined {
    const key = keyOf(variant);
    const held = this.#held.get(key);
    if (held === undefined || held.generation === newest.generation) return held;
    // While its successor is being made, a thumbnail that is still fresh is good enough.
    const isFresh = () => freshnessOf(held.capturedAt, now, this.#options).state === 'fresh';
    return this.#pending.has(key) && isFresh() ? held : undefined;
  }

  /** This variant of the newest thumbnail, awaited or transcoded from the first format. */
  async #made(variant: ThumbnailVariant, newest: Held): Promise<Held> {
    const key = keyOf(variant);
    await (this.#pending.get(key) ?? this.#transcode(variant, newest));
    const made = this.#held.get(key);
    // If a variant cannot be made, the response is the first format; its content type shows that.
    return made !== undefined && made.generation >= newest.generation ? made : newest;
  }

  #transcode(variant: ThumbnailVariant, newest: Held): Promise<void> {
    const key = keyOf(variant);
    const { quality } = this.#options;
    const work = transcodeImage(newest.image, encoding(variant, quality))
      .then((image) => {
        const { capturedAt, sequence, generation } = newest;
        // A raw frame may have been faster.
        if ((this.#held.get(key)?.generation ?? 0) < generation)
          this.#hold(key, { image, capturedAt, sequence, generation });
      })
      .catch((cause: unknown) => {
        this.#fail({ type: 'failed', variant, step: 'transcode', error: imageFailed(cause), retrying: false });
      })
      .then(() => {
        if (this.#pending.get(key) === work) this.#pending.delete(key);
      });
    this.#pending.set(key, work);
    return work;
  }
}

/** A unique name of a variant. */
function keyOf({ format, size }: ThumbnailVariant): string {
  return size === undefined ? format : `${format}-${size.name}`;
}

/** Cheap enough to make while a frame is lent. */
function isCheap({ format }: ThumbnailVariant): boolean {
  return format !== 'avif';
}

function encoding({ format, size }: ThumbnailVariant, quality: number): EncodeOptions {
  return { format, quality, width: size?.width, height: size?.height, fit: size?.fit };
}

function resourceOf(
  { image, modifiedAt }: Pick<Held, 'image' | 'modifiedAt'>,
  capturedAt: number | undefined,
  { state, maxAgeSeconds }: Freshness,
): ThumbnailResource {
  const { body, contentType, etag } = image;
  return { body, contentType, etag, modifiedAt, capturedAt, state, maxAgeSeconds };
}
