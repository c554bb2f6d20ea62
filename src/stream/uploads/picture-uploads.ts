import type { StreamConfig } from '../../config/schema/schema.js';
import type { StreamEvent, ThumbnailEncodedEvent } from '../../events/stream-events.js';
import type { EncodedImage } from '../../images/picture.js';
import { hashOf } from '../../images/recent-pictures.js';
import type { StoryboardTile } from '../../images/storyboard-vtt.js';
import type { ThumbnailVariant } from '../../images/thumbnail.js';
import {
  cacheControlOf,
  contentTypeOf,
  immutableThumbnailKey,
  previewKey,
  sizedThumbnailKey,
  storyboardIndexKey,
  storyboardKey,
  thumbnailKey,
} from '../../storage/keys.js';
import type { StillLane, StreamPublication } from '../../storage/publish/types.js';
import type { StoredObject } from '../../storage/store.js';
import type { ImageFormat, PreviewFormat } from '../../terms.js';
import type { ListedSegment } from '../hls/hls-output.js';
import { sheetsOf } from '../pictures/live-storyboard.js';
import type { FurtherPictures, StreamImages } from '../pictures/stream-images.js';
import type { ImageResource } from '../resources.js';
import { RecordedStoryboard } from './recorded-storyboard.js';

export interface PictureUploadsOptions {
  readonly config: StreamConfig;
  readonly images: Pick<StreamImages, 'formats' | 'sizes' | 'thumbnail' | 'offline'>;
  readonly cleanup: 'delete' | 'keep';
  readonly publication: Pick<StreamPublication, 'image'>;
  /** Undefined: no stills are kept. */
  readonly stills?: StillLane | undefined;
}

type Dated = Pick<ImageResource, 'body' | 'contentType' | 'capturedAt' | 'state'>;

/** Uploads one stream's images to the object store: when, and with which keys, headers and metadata. */
export class PictureUploads implements FurtherPictures {
  readonly #options: PictureUploadsOptions;
  readonly #recorded: RecordedStoryboard | undefined;
  /** The capture time of the thumbnail on the store: steady time. */
  #uploadedAt = Number.NEGATIVE_INFINITY;
  /** The date of the newest still: milliseconds since the epoch. */
  #stillAt = Number.NEGATIVE_INFINITY;

  constructor(options: PictureUploadsOptions) {
    this.#options = options;
    this.#recorded = options.cleanup === 'keep' ? new RecordedStoryboard() : undefined;
  }

  take(event: StreamEvent): void {
    if (event.type === 'thumbnail') this.#encoded(event);
    else if (event.type === 'thumbnail-repeated') this.#refreshDate(event.capturedAt);
    else if (event.type === 'freshness' && event.state === 'offline') void this.offline();
  }

  /** Replaces the copy on the store, which would present the last thumbnail as fresh. */
  async offline(): Promise<void> {
    this.#uploadedAt = Number.NEGATIVE_INFINITY;
    await this.#uploadAll((format, size) => this.#options.images.offline(format, size));
  }

  #encoded({ image, format, size: name, capturedAt, date, unchanged }: ThumbnailEncodedEvent): void {
    if (unchanged) {
      this.#refreshDate(capturedAt);
      return;
    }
    this.#uploadedAt = capturedAt;
    const variant = { format, size: this.#options.images.sizes.find((each) => each.name === name) };
    this.#thumbnail(variant, { ...image, capturedAt: date, state: 'fresh' });
    if (name !== undefined) return;
    this.#immutable(format, image, date);
    this.#still(format, image, date);
  }

  /** An unchanged thumbnail is uploaded again only before its date on the store would become stale. */
  #refreshDate(capturedAt: number): void {
    const { config, images } = this.#options;
    if (capturedAt - this.#uploadedAt < config.thumbnail.staleAfterSeconds * 500) return;
    this.#uploadedAt = capturedAt;
    void this.#uploadAll(async (format, size) => images.thumbnail(format, size));
  }

  async #uploadAll(read: StreamImages['offline']): Promise<void> {
    const { images } = this.#options;
    for (const size of [undefined, ...images.sizes]) {
      for (const format of images.formats) {
        const image = await read(format, size?.name);
        if (image !== undefined) this.#thumbnail({ format, size }, image);
      }
    }
  }

  /** The newest thumbnail in one variant, or its replacement. */
  #thumbnail({ format, size }: ThumbnailVariant, image: Dated): void {
    const { name, thumbnail } = this.#options.config;
    if (thumbnail.sequence.mode === 'sequential') return;
    const key = size === undefined ? thumbnailKey(name, format) : sizedThumbnailKey(name, size.name, format);
    this.#replace(key, image, cacheControlOf('thumbnail', thumbnail.intervalSeconds));
  }

  /** The same under its content-based URL. */
  #immutable(format: ImageFormat, image: EncodedImage, capturedAt: number): void {
    const { config, publication } = this.#options;
    if (config.thumbnail.sequence.mode === 'sequential') return;
    const { body, contentType } = image;
    const key = immutableThumbnailKey(config.name, hashOf(image), format);
    const cacheControl = cacheControlOf('thumbnail-immutable', 0);
    const metadata = { 'captured-at': new Date(capturedAt).toISOString() };
    const object = { key, body, contentType, cacheControl, metadata };
    publication.image(object, { immutable: true, series: `thumbnail.${format}` });
  }

  /** The same as a still of the sequence, if one is kept: in the first format, and no more often than configured. */
  #still(format: ImageFormat, { body, contentType }: EncodedImage, capturedAt: number): void {
    const { config, stills } = this.#options;
    const { formats, sequence, intervalSeconds } = config.thumbnail;
    if (stills === undefined || format !== formats[0]) return;
    // Frames arrive at about their interval: one that is slightly early must not be skipped.
    const spacingMs = (sequence.intervalSeconds ?? 0) * 1000 - intervalSeconds * 500;
    if (capturedAt >= this.#stillAt && capturedAt - this.#stillAt < spacingMs) return;
    this.#stillAt = capturedAt;
    const metadata = { 'captured-at': new Date(capturedAt).toISOString() };
    stills.add({ body, contentType, cacheControl: cacheControlOf('still', 0), metadata, capturedAt });
  }

  preview(format: PreviewFormat, image: Dated): void {
    const { name, thumbnail } = this.#options.config;
    // A still image may be returned instead, in its own format; its content type shows that.
    this.#replace(previewKey(name, format), image, cacheControlOf('preview', thumbnail.intervalSeconds));
  }

  /** If segments are deleted: a few sheets, overwritten in turn, so that none is left behind. */
  storyboard({ number, sheet, text }: Parameters<FurtherPictures['storyboard']>[0]): void {
    if (this.#recorded !== undefined) return;
    const { config, publication } = this.#options;
    const slots = sheetsOf(config);
    const key = storyboardKey(config.name, number % slots);
    publication.image({
      key,
      body: sheet.body,
      contentType: sheet.contentType,
      cacheControl: cacheControlOf('storyboard', config.storyboard.intervalSeconds),
    });
    // The sheet's own number in the query, because an overwritten sheet needs another URL.
    this.#index(text((each, version) => `storyboard-${each % slots}.jpg?v=${each}-${version ?? 'full'}`));
  }

  /** If segments are kept: every sheet, once, and the WebVTT for all of them. */
  fullSheet({ number, image, tiles }: { number: number; image: EncodedImage; tiles: readonly StoryboardTile[] }): void {
    if (this.#recorded === undefined || !this.#options.config.storyboard.upload) return;
    const { config, publication } = this.#options;
    const { body, contentType } = image;
    const cacheControl = cacheControlOf('thumbnail-immutable', 0);
    const object: StoredObject = { key: storyboardKey(config.name, number), body, contentType, cacheControl };
    publication.image(object, { immutable: true, series: 'storyboard' });
    this.#recorded.sheet(tiles);
    this.#index(this.#recorded.text((sheet) => `storyboard-${sheet}.jpg`));
  }

  /** The next segment that the store's playlist will list. */
  segment({ entry, startedAt }: Pick<ListedSegment, 'entry' | 'startedAt'>): void {
    const { programDateTime, durationSeconds, discontinuity } = entry;
    this.#recorded?.segment({ startsAt: startedAt, programDateTime, durationSeconds, discontinuity });
  }

  #index(text: string): void {
    const { config, publication } = this.#options;
    const key = storyboardIndexKey(config.name);
    publication.image({
      key,
      body: new TextEncoder().encode(text),
      contentType: contentTypeOf(key),
      cacheControl: cacheControlOf('storyboard-index', config.storyboard.intervalSeconds),
    });
  }

  #replace(key: string, image: Dated, cacheControl: string): void {
    const { body, contentType, state, capturedAt } = image;
    const metadata = {
      'image-state': state,
      ...(capturedAt === undefined ? {} : { 'captured-at': new Date(capturedAt).toISOString() }),
    };
    // A replacement image is no reason to publish.
    const standIn = state === 'offline';
    this.#options.publication.image({ key, body, contentType, cacheControl, metadata }, { standIn });
  }
}
