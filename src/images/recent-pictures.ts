import type { ImageFormat } from '../terms.js';
import type { EncodedImage } from './picture.js';

export interface RecentPicture {
  readonly image: EncodedImage;
  readonly capturedAt: number;
  readonly modifiedAt: number;
}

export interface RecentPicturesOptions {
  readonly maxCount: number;
  readonly maxBytes: number;
  readonly maxAgeSeconds: number;
}

/**
 * A stream's recent images by content hash, for URLs with immutable content. The newest of each format is always kept; older ones are
 * limited by number, bytes and age.
 */
export class RecentPictures {
  readonly #options: RecentPicturesOptions;
  readonly #kept = new Map<string, RecentPicture & { readonly format: ImageFormat; readonly addedAt: number }>();

  constructor(options: RecentPicturesOptions) {
    this.#options = options;
  }

  /** `now`: milliseconds since the epoch. Adding the same image again keeps it longer. */
  add(format: ImageFormat, image: EncodedImage, capturedAt: number, now: number): void {
    const key = keyOf(format, hashOf(image));
    const modifiedAt = this.#kept.get(key)?.modifiedAt ?? now;
    this.#kept.delete(key);
    this.#kept.set(key, { format, image, capturedAt, modifiedAt, addedAt: now });
    this.#shrink(now);
  }

  get(format: ImageFormat, hash: string, now: number): RecentPicture | undefined {
    this.#shrink(now);
    return this.#kept.get(keyOf(format, hash));
  }

  get count(): number {
    return this.#kept.size;
  }

  get bytes(): number {
    return [...this.#kept.values()].reduce((sum, { image }) => sum + image.bytes, 0);
  }

  #shrink(now: number): void {
    const { maxCount, maxBytes, maxAgeSeconds } = this.#options;
    const newest = new Set(new Map([...this.#kept].map(([key, { format }]) => [format, key])).values());
    for (const [key, { addedAt }] of this.#kept) {
      if (newest.has(key)) continue;
      const fits = this.#kept.size <= maxCount && this.bytes <= maxBytes;
      if (fits && now - addedAt <= maxAgeSeconds * 1000) break;
      this.#kept.delete(key);
    }
  }
}

/** The name of an image's content: 27 letters, digits, hyphens and underscores. */
export function hashOf({ etag }: Pick<EncodedImage, 'etag'>): string {
  return etag.slice(1, -1);
}

function keyOf(format: ImageFormat, hash: string): string {
  return `${hash}.${format}`;
}
