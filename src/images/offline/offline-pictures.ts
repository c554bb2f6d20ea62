import { createHash } from 'node:crypto';
import type { EncodedImage } from '../picture.js';
import type { ThumbnailSize, ThumbnailVariant } from '../thumbnail.js';
import { drawOffline, type OfflineOptions } from './offline.js';

export interface OfflinePicturesOptions {
  readonly name: string;
  readonly quality: number;
  /** The size while the stream has never had a thumbnail. */
  readonly width: number;
  readonly height: number;
  /** Shown instead of the drawn image. */
  readonly offlineFile?: Uint8Array | undefined;
  readonly clock: () => number;
  readonly onError: (variant: ThumbnailVariant, error: unknown) => void;
  readonly draw?: (options: OfflineOptions) => Promise<EncodedImage>;
}

export interface OfflinePicture {
  readonly image: EncodedImage;
  readonly modifiedAt: number;
}

interface LastPicture {
  readonly image: EncodedImage;
  readonly capturedAt: number;
}

/** The offline images of one stream, each drawn once per last thumbnail and cached until there is another. */
export class OfflinePictures {
  readonly #options: OfflinePicturesOptions;
  readonly #drawn = new Map<string, Promise<OfflinePicture>>();
  #last: LastPicture | undefined;

  constructor(options: OfflinePicturesOptions) {
    this.#options = options;
  }

  /** Never rejects: if drawing fails it returns a grey pixel, and the next call tries again. */
  async picture(variant: ThumbnailVariant, last: LastPicture | undefined): Promise<OfflinePicture> {
    if (last?.image !== this.#last?.image || last?.capturedAt !== this.#last?.capturedAt) this.#drawn.clear();
    this.#last = last;
    const key = `${variant.format}-${variant.size?.name}`;
    let drawn = this.#drawn.get(key);
    if (drawn === undefined) {
      drawn = this.#draw(variant, last);
      this.#drawn.set(key, drawn);
    }
    try {
      return await drawn;
    } catch (error) {
      if (this.#drawn.get(key) === drawn) {
        this.#drawn.delete(key);
        this.#options.onError(variant, error);
      }
      return { image: greyDot, modifiedAt: this.#options.clock() };
    }
  }

  /** The cached images are useless once the stream has a new thumbnail. */
  clear(): void {
    this.#drawn.clear();
    this.#last = undefined;
  }

  async #draw({ format, size }: ThumbnailVariant, last?: LastPicture): Promise<OfflinePicture> {
    const { name, quality, clock, offlineFile, draw = drawOffline } = this.#options;
    const box = boxOfSize(last?.image ?? this.#options, size);
    const lastPicture = last && { body: last.image.body, capturedAt: last.capturedAt };
    const image = await draw({ name, format, quality, ...box, lastPicture, file: offlineFile });
    return { image, modifiedAt: clock() };
  }
}

/** The output size for an image of this size, never enlarged. */
function boxOfSize(full: { width: number; height: number }, size: ThumbnailSize | undefined) {
  if (size === undefined) return { width: full.width, height: full.height };
  const sides = [size.width / full.width, (size.height ?? Number.POSITIVE_INFINITY) / full.height];
  const crop = size.fit === 'cover' && size.height !== undefined;
  const scale = Math.min(1, ...sides);
  const whole = crop ? { width: size.width, height: size.height ?? 0 } : full;
  const factor = crop ? Math.min(1, 1 / Math.max(...sides)) : scale;
  return {
    width: Math.max(1, Math.round(whole.width * factor)),
    height: Math.max(1, Math.round(whole.height * factor)),
  };
}

/** One grey pixel, for when sharp itself fails: still an image, never a 404. */
const greyDot: EncodedImage = (() => {
  const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==';
  const body = Buffer.from(png, 'base64');
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`;
  return { body, contentType: 'image/png', etag, width: 1, height: 1, bytes: body.byteLength, encodeSeconds: 0 };
})();
