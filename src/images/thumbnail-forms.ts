import type { ImageFormat } from '../terms.js';
import type { ThumbnailSize, ThumbnailVariant } from './thumbnail.js';

/** Forms requested within this time are made from every frame, so that requests do not wait. */
const ASKED_FOR_MS = 60_000;

export interface ThumbnailFormsOptions {
  /** The first is made from every frame. */
  readonly formats: readonly [ImageFormat, ...ImageFormat[]];
  /** Additional sizes. */
  readonly sizes?: readonly ThumbnailSize[];
  /** Make every form from every frame, requested or not: for a stream whose thumbnails are uploaded. */
  readonly everyForm?: boolean;
}

/** The forms of a stream's thumbnail, and which of them are in demand. */
export class ThumbnailForms {
  /** The form that is always made. */
  readonly first: ThumbnailVariant;
  readonly #options: ThumbnailFormsOptions;
  readonly #askedAt = new Map<string, number>();

  constructor(options: ThumbnailFormsOptions) {
    this.#options = options;
    this.first = { format: options.formats[0] };
  }

  get formats(): readonly ImageFormat[] {
    return this.#options.formats;
  }

  /** Requests a form at `now`: milliseconds since the epoch. Undefined for a format or size that is not configured. */
  ask(format: ImageFormat, sizeName: string | undefined, now: number): ThumbnailVariant | undefined {
    const { formats, sizes = [] } = this.#options;
    const size = sizeName === undefined ? undefined : sizes.find(({ name }) => name === sizeName);
    if (!formats.includes(format) || (sizeName !== undefined && size === undefined)) return undefined;
    const variant = { format, size };
    this.#askedAt.set(keyOf(variant), now);
    return variant;
  }

  /** The forms besides the first that the next frame is needed in. */
  wanted(now: number): ThumbnailVariant[] {
    const { formats, sizes = [], everyForm = false } = this.#options;
    const first = keyOf(this.first);
    return [undefined, ...sizes]
      .flatMap((size) => formats.map((format) => ({ format, size })))
      .filter((variant) => {
        const key = keyOf(variant);
        const askedAt = this.#askedAt.get(key) ?? Number.NEGATIVE_INFINITY;
        return key !== first && (everyForm || now - askedAt < ASKED_FOR_MS);
      });
  }
}

/** A unique name of a form. */
export function keyOf({ format, size }: ThumbnailVariant): string {
  return size === undefined ? format : `${format}-${size.name}`;
}
