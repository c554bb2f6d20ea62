import type { ImageFormat } from '../terms.js';
import { imageFailed } from './encode.js';
import { type Freshness, type FreshnessLimits, freshnessOf } from './freshness.js';
import { OfflinePictures } from './offline/offline-pictures.js';
import type { EncodedImage, RawPicture } from './picture.js';
import type { ThumbnailEvent, ThumbnailResource, ThumbnailsStatus, ThumbnailVariant } from './thumbnail.js';
import { keyOf, ThumbnailForms, type ThumbnailFormsOptions } from './thumbnail-forms.js';
import { type EncodeOptions, encodePicture, transcodeImage } from './thumbnailer.js';

export interface ThumbnailsOptions extends FreshnessLimits, ThumbnailFormsOptions {
  /** The stream's name, for the offline picture. */
  readonly name: string;
  readonly quality: number;
  /** The size of the offline picture while there is no other. */
  readonly width: number;
  readonly height: number;
  /** A picture file to be shown in place of the drawn offline picture. */
  readonly offlineFile?: Uint8Array | undefined;
  /** Whether no newer picture waits for this one to be done: false spares the retry. */
  readonly isNewest?: (picture: RawPicture) => boolean;
  /** Must not throw. */
  readonly onEvent?: (event: ThumbnailEvent) => void;
  /** Milliseconds, as all times here. Default: the system's clock. */
  readonly clock?: () => number;
  /** The date of such a time, for the offline picture. Default: it is one. */
  readonly dateOf?: (at: number) => number;
  readonly encode?: typeof encodePicture;
}

interface Held {
  readonly image: EncodedImage;
  readonly capturedAt: number;
  readonly modifiedAt: number;
  readonly sequence: number;
  /** Counts the frames of the first format: two held pictures of one generation show the same frame. */
  readonly generation: number;
}

/**
 * The newest good picture of one stream, in every form that is asked for, and what stands in for it when it is old.
 *
 * Memory: encoded pictures only, one a form. The first format, and what was asked for in the last minute, is encoded
 * from the lent raw frame; anything else is made on request from the first format's encoded picture. So no raw
 * frame is ever kept, at the price that the first picture after a quiet minute is second-generation. AVIF costs ten times
 * what the others do: unless it is the first format it is made from the encoded picture, once the frame is given back.
 */
export class Thumbnails {
  readonly #options: ThumbnailsOptions;
  readonly #clock: () => number;
  readonly #encode: typeof encodePicture;
  readonly #forms: ThumbnailForms;
  readonly #held = new Map<string, Held>();
  /** What is being encoded from a raw frame or transcoded now. Settles without rejecting. */
  readonly #pending = new Map<string, Promise<void>>();
  #following: Promise<void> | undefined;
  readonly #offline: OfflinePictures;
  #captured = 0;
  #failed = 0;

  constructor(options: ThumbnailsOptions) {
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
    this.#encode = options.encode ?? encodePicture;
    this.#forms = new ThumbnailForms(options);
    const onError = (variant: ThumbnailVariant, cause: unknown) =>
      this.#fail({ type: 'failed', variant, step: 'offline', error: imageFailed(cause), retrying: false });
    const { name, quality, width, height, offlineFile } = options;
    this.#offline = new OfflinePictures({ name, quality, width, height, offlineFile, clock: this.#clock, onError });
  }

  get formats(): readonly ImageFormat[] {
    return this.#forms.formats;
  }

  /**
   * Takes the next frame; call again only when the promise has settled, and reuse `picture.data` only then. Never
   * rejects: a frame that cannot be encoded leaves the last good picture in place, is told by `onEvent`, and gives false.
   */
  async accept(picture: RawPicture): Promise<boolean> {
    if (!(await this.#capture(this.#forms.first, picture))) return false;
    // One after the other, so that one stream does not take every thread; all of them known as coming at once.
    let last = Promise.resolve();
    for (const variant of this.#forms.wanted(this.#clock()).filter(isCheap)) {
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

  /** The next frame is the same as the last: what there is of it is as new as the frame. */
  repeat({ capturedAt, sequence }: Pick<RawPicture, 'capturedAt' | 'sequence'>): void {
    const at = Math.min(capturedAt, this.#clock());
    const newest = this.#newest;
    if (newest === undefined) return;
    this.#captured += 1;
    for (const [key, held] of this.#held) {
      if (held.generation === newest.generation) this.#held.set(key, { ...held, capturedAt: at, sequence });
    }
    this.#options.onEvent?.({ type: 'repeated', capturedAt: at, sequence });
  }

  /** Settles when nothing is being made of a frame any more. */
  async idle(): Promise<void> {
    await this.#following;
  }

  /** The newest good picture in the first format, however old it is. */
  get newest(): { readonly image: EncodedImage; readonly capturedAt: number } | undefined {
    return this.#newest;
  }

  get #newest(): Held | undefined {
    return this.#held.get(keyOf(this.#forms.first));
  }

  /**
   * The picture to show at `now`: the newest good one, fresh or stale, or the offline picture. Undefined only for a
   * format or size that is not configured; never rejects. A promise only where it has to be made first: one picture
   * may be asked for thousands of times.
   */
  thumbnail(
    format: ImageFormat,
    now: number,
    sizeName?: string,
  ): ThumbnailResource | undefined | Promise<ThumbnailResource | undefined> {
    const variant = this.#forms.ask(format, sizeName, now);
    if (variant === undefined) return undefined;
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

  status(now: number): ThumbnailsStatus {
    const newest = this.#newest;
    const { state, ageSeconds } = freshnessOf(newest?.capturedAt, now, this.#options);
    return {
      state,
      capturedAt: newest?.capturedAt,
      ageSeconds,
      width: newest?.image.width,
      height: newest?.image.height,
      bytes: newest?.image.bytes,
      captured: this.#captured,
      failed: this.#failed,
    };
  }

  /** Encodes one form of a raw frame, once more when that fails and no newer frame waits. False: it stays as it was. */
  async #capture(variant: ThumbnailVariant, picture: RawPicture): Promise<boolean> {
    const { quality, isNewest = () => true } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const image = await this.#encode(picture, encoding(variant, quality));
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
    if (key === keyOf(this.#forms.first)) {
      this.#captured += 1;
      this.#offline.clear();
    }
    // A source's clock that runs ahead would keep an old picture fresh for as long as it is ahead.
    const capturedAt = Math.min(picture.capturedAt, this.#clock());
    const { sequence } = picture;
    const unchanged = this.#hold(key, { image, capturedAt, sequence, generation: this.#captured });
    this.#options.onEvent?.({ type: 'encoded', variant, image, capturedAt, sequence, unchanged });
  }

  /** True when the bytes were there already. */
  #hold(key: string, next: Omit<Held, 'modifiedAt'>): boolean {
    const before = this.#held.get(key);
    const unchanged = before?.image.etag === next.image.etag;
    this.#held.set(key, { ...next, modifiedAt: unchanged ? before.modifiedAt : this.#clock() });
    return unchanged;
  }

  #fail(event: ThumbnailEvent): void {
    this.#failed += 1;
    this.#options.onEvent?.(event);
  }

  /** Makes what is wanted but too dear for the time while a frame is lent. A frame that comes meanwhile is not waited for. */
  async #follow(): Promise<void> {
    for (const variant of this.#forms.wanted(this.#clock()).filter((each) => !isCheap(each))) {
      const newest = this.#newest;
      const key = keyOf(variant);
      if (newest === undefined || this.#pending.has(key)) continue;
      const before = this.#held.get(key);
      await this.#transcode(variant, newest);
      const made = this.#held.get(key);
      if (made === undefined || made === before) continue;
      const { image, capturedAt, sequence } = made;
      const unchanged = before?.image.etag === image.etag;
      this.#options.onEvent?.({ type: 'encoded', variant, image, capturedAt, sequence, unchanged });
    }
  }

  /** This form of the newest picture as it is held. */
  #atHand(variant: ThumbnailVariant, newest: Held, now: number): Held | undefined {
    const key = keyOf(variant);
    const held = this.#held.get(key);
    if (held === undefined || held.generation === newest.generation) return held;
    // While its successor is being made, a picture that is still fresh is good enough.
    const isFresh = () => freshnessOf(held.capturedAt, now, this.#options).state === 'fresh';
    return this.#pending.has(key) && isFresh() ? held : undefined;
  }

  /** This form of the newest picture, awaited, or transcoded from the first format. */
  async #made(variant: ThumbnailVariant, newest: Held): Promise<Held> {
    const key = keyOf(variant);
    await (this.#pending.get(key) ?? this.#transcode(variant, newest));
    const made = this.#held.get(key);
    // A form that cannot be made is answered with the first format: its content type tells.
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

/** Cheap enough to be made while a frame is lent. */
function isCheap({ format }: ThumbnailVariant): boolean {
  return format !== 'avif';
}

function encoding({ format, size }: ThumbnailVariant, quality: number): EncodeOptions {
  const { width, height, fit } = size ?? {};
  return {
    format,
    quality,
    ...(width !== undefined && { width }),
    ...(height !== undefined && { height }),
    ...(fit !== undefined && { fit }),
  };
}

function resourceOf(
  { image, modifiedAt }: Pick<Held, 'image' | 'modifiedAt'>,
  capturedAt: number | undefined,
  { state, maxAgeSeconds }: Freshness,
): ThumbnailResource {
  const { body, contentType, etag } = image;
  return { body, contentType, etag, modifiedAt, capturedAt, state, maxAgeSeconds };
}
