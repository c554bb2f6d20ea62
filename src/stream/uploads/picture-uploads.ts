import type { StreamConfig } from '../../config/schema/schema.js';
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
import type { PreviewFormat } from '../../terms.js';
import type { ListedSegment } from '../hls/hls-output.js';
import { sheetsOf } from '../pictures/live-storyboard.js';
import type { FurtherPictures } from '../pictures/stream-images.js';
import type { ImageResource } from '../resources.js';
import { RecordedStoryboard } from './recorded-storyboard.js';

export interface PictureUploadsOptions {
  readonly config: StreamConfig;
  readonly cleanup: 'delete' | 'keep';
  readonly publication: Pick<StreamPublication, 'image'>;
  /** Undefined: no stills are kept. */
  readonly stills?: StillLane | undefined;
}

type Dated = Pick<ImageResource, 'body' | 'contentType' | 'capturedAt' | 'state'>;

/** One stream's pictures on their way to the object store: gives them their keys, headers and metadata. */
export class PictureUploads implements FurtherPictures {
  readonly #options: PictureUploadsOptions;
  readonly #recorded: RecordedStoryboard | undefined;
  /** The date of the newest still: milliseconds since the epoch. */
  #stillAt = Number.NEGATIVE_INFINITY;

  constructor(options: PictureUploadsOptions) {
    this.#options = options;
    this.#recorded = options.cleanup === 'keep' ? new RecordedStoryboard() : undefined;
  }

  /** The newest picture in one form, or what stands in for it. */
  thumbnail({ format, size }: ThumbnailVariant, image: Dated): void {
    const { name, thumbnail } = this.#options.config;
    if (thumbnail.sequence.mode === 'sequential') return;
    const key = size === undefined ? thumbnailKey(name, format) : sizedThumbnailKey(name, size.name, format);
    this.#replace(key, image, cacheControlOf('thumbnail', thumbnail.intervalSeconds));
  }

  /** The same under the address of its content. */
  immutable({ format }: ThumbnailVariant, image: EncodedImage, capturedAt: number): void {
    const { config, publication } = this.#options;
    if (config.thumbnail.sequence.mode === 'sequential') return;
    const { body, contentType } = image;
    const key = immutableThumbnailKey(config.name, hashOf(image), format);
    const cacheControl = cacheControlOf('thumbnail-immutable', 0);
    const metadata = { 'captured-at': new Date(capturedAt).toISOString() };
    const object = { key, body, contentType, cacheControl, metadata };
    publication.image(object, { immutable: true, series: `thumbnail.${format}` });
  }

  /** The same as one of a sequence, where one is kept: in the first format, and no more often than asked for. */
  still({ format, size }: ThumbnailVariant, { body, contentType }: EncodedImage, capturedAt: number): void {
    const { config, stills } = this.#options;
    const { formats, sequence, intervalSeconds } = config.thumbnail;
    if (stills === undefined || size !== undefined || format !== formats[0]) return;
    // Pictures come at about their interval: one that is a little early must not be passed over.
    const spacingMs = (sequence.intervalSeconds ?? 0) * 1000 - intervalSeconds * 500;
    if (capturedAt >= this.#stillAt && capturedAt - this.#stillAt < spacingMs) return;
    this.#stillAt = capturedAt;
    const metadata = { 'captured-at': new Date(capturedAt).toISOString() };
    stills.add({ body, contentType, cacheControl: cacheControlOf('still', 0), metadata, capturedAt });
  }

  preview(format: PreviewFormat, image: Dated): void {
    const { name, thumbnail } = this.#options.config;
    // A still picture may stand in, in a format of its own: its content type tells.
    this.#replace(previewKey(name, format), image, cacheControlOf('preview', thumbnail.intervalSeconds));
  }

  /** Where segments are deleted: a few sheets, written over in turn, so that none stays behind for ever. */
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
    // The sheet's own number in the query: what is written over is another address.
    this.#index(text((each, version) => `storyboard-${each % slots}.jpg?v=${each}-${version ?? 'full'}`));
  }

  /** Where they are kept: every sheet, once, and the WebVTT of all of them. */
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
    // A picture that stands in for a missing one is no reason to publish.
    const standIn = state === 'offline';
    this.#options.publication.image({ key, body, contentType, cacheControl, metadata }, { standIn });
  }
}
