import { createHash } from 'node:crypto';
import { drawOffline, type OfflineOptions } from './offline.js';
import type { EncodedImage, ImageFormat } from './picture.js';

export interface OfflinePicturesOptions {
  readonly name: string;
  readonly quality: number;
  /** The size while the stream never had a picture. */
  readonly width: number;
  readonly height: number;
  readonly clock: () => number;
  readonly onError: (variant: { format: ImageFormat; width?: number }, error: unknown) => void;
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

/** The offline pictures of one stream, each drawn once for a last picture and kept until another is the last. */
export class OfflinePictures {
  readonly #options: OfflinePicturesOptions;
  readonly #drawn = new Map<string, Promise<OfflinePicture>>();
  #last: LastPicture | undefined;

  constructor(options: OfflinePicturesOptions) {
    this.#options = options;
  }

  /** Never rejects: when nothing can be drawn it is a grey dot, and drawing is tried again the next time. */
  async picture(
    variant: { format: ImageFormat; width?: number },
    last: LastPicture | undefined,
  ): Promise<OfflinePicture> {
    if (last?.image !== this.#last?.image || last?.capturedAt !== this.#last?.capturedAt) this.#drawn.clear();
    this.#last = last;
    const key = `${variant.format}-${variant.width}`;
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

  /** The cached pictures are of no use once the stream has a new one. */
  clear(): void {
    this.#drawn.clear();
    this.#last = undefined;
  }

  async #draw({ format, width }: { format: ImageFormat; width?: number }, last?: LastPicture): Promise<OfflinePicture> {
    const { name, quality, clock, draw = drawOffline } = this.#options;
    const full = last?.image ?? this.#options;
    const scale = width === undefined ? 1 : Math.min(1, width / full.width);
    const image = await draw({
      name,
      format,
      quality,
      width: Math.max(1, Math.round(full.width * scale)),
      height: Math.max(1, Math.round(full.height * scale)),
      lastPicture: last && { body: last.image.body, capturedAt: last.capturedAt },
    });
    return { image, modifiedAt: clock() };
  }
}

/** One grey pixel, for when sharp itself fails: an image still, never a 404. */
const greyDot: EncodedImage = (() => {
  const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==';
  const body = Buffer.from(png, 'base64');
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`;
  return { body, contentType: 'image/png', etag, width: 1, height: 1, bytes: body.byteLength, encodeSeconds: 0 };
})();
