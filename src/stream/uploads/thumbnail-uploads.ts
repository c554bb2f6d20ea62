import type { StreamConfig } from '../../config/schema/schema.js';
import type { StreamEvent, ThumbnailEncodedEvent } from '../../events/stream-events.js';
import type { StreamImages } from '../pictures/stream-images.js';
import type { PictureUploads } from './picture-uploads.js';

export interface ThumbnailUploadsOptions {
  readonly config: StreamConfig;
  readonly images: Pick<StreamImages, 'formats' | 'sizes' | 'thumbnail' | 'offline'>;
  /** Undefined: nothing is uploaded. */
  readonly pictures: () => PictureUploads | undefined;
}

/** Keeps the thumbnails on the store up to date. */
export class ThumbnailUploads {
  readonly #options: ThumbnailUploadsOptions;
  /** The capture time of the thumbnail on the store: steady time. */
  #uploadedAt = Number.NEGATIVE_INFINITY;

  constructor(options: ThumbnailUploadsOptions) {
    this.#options = options;
  }

  take(event: StreamEvent): void {
    if (event.type === 'thumbnail') this.#thumbnail(event);
    else if (event.type === 'thumbnail-repeated') this.#refreshDate(event.capturedAt);
    else if (event.type === 'freshness' && event.state === 'offline') void this.offline();
  }

  /** Replaces the copy on the store, which would present the last thumbnail as fresh. */
  async offline(): Promise<void> {
    this.#uploadedAt = Number.NEGATIVE_INFINITY;
    await this.#uploadAll((format, size) => this.#options.images.offline(format, size));
  }

  #thumbnail({ image, format, size: name, capturedAt, date, unchanged }: ThumbnailEncodedEvent): void {
    const { images, pictures: open } = this.#options;
    const pictures = open();
    if (pictures === undefined) return;
    if (unchanged) {
      this.#refreshDate(capturedAt);
      return;
    }
    this.#uploadedAt = capturedAt;
    const variant = { format, size: images.sizes.find((each) => each.name === name) };
    pictures.thumbnail(variant, { ...image, capturedAt: date, state: 'fresh' });
    if (name === undefined) pictures.immutable(variant, image, date);
    pictures.still(variant, image, date);
  }

  /** An unchanged thumbnail is uploaded again only before its date on the store would become stale. */
  #refreshDate(capturedAt: number): void {
    const { config, images } = this.#options;
    if (capturedAt - this.#uploadedAt < config.thumbnail.staleAfterSeconds * 500) return;
    this.#uploadedAt = capturedAt;
    void this.#uploadAll(async (format, size) => images.thumbnail(format, size));
  }

  async #uploadAll(read: StreamImages['offline']): Promise<void> {
    const { images, pictures: open } = this.#options;
    const pictures = open();
    if (pictures === undefined) return;
    for (const size of [undefined, ...images.sizes]) {
      for (const format of images.formats) {
        const image = await read(format, size?.name);
        if (image !== undefined) pictures.thumbnail({ format, size }, image);
      }
    }
  }
}
