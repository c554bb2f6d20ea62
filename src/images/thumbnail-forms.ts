import type { ImageFormat } from '../terms.js';
import type { ThumbnailSize, ThumbnailVariant } from './thumbnail.js';

/** What was asked for within this time is made of every frame, so that nobody waits for it. */
const ASKED_FOR_MS = 60_000;

export interface ThumbnailFormsOptions {
  /** The first is made of every frame. */
  readonly formats: readonly [ImageFormat, ...ImageFormat[]];
  /** Further sizes that may be asked for. */
  readonly sizes?: readonly ThumbnailSize[];
  /** Make every form of every frame, asked for or not: for a stream whose pictures are uploaded. */
  readonly everyForm?: boolean;
}

/** The forms that one stream's picture can have, and which of them somebody wants. */
export class ThumbnailForms {
  /** The one that is always made. */
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

  /** Asks for a form, at `now`: milliseconds since the epoch. Undefined for a format or size that is not configured. */
  ask(format: ImageFormat, sizeName: string | undefined, now: number): ThumbnailVariant | undefined {
    const { formats, sizes = [] } = this.#options;
    const size = sizeName === undefined ? undefined : sizes.find(({ name }) => name === sizeName);
    if (!formats.includes(format) || (sizeName !== undefined && size === undefined)) return undefined;
    const variant = { format, size };
    this.#askedAt.set(keyOf(variant), now);
    return variant;
  }

  /** Those beside the first of which the next picture is wanted. */
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

/** A name for a form, unlike that of any other. */
export function keyOf({ format, size }: ThumbnailVariant): string {
  return size === undefined ? format : `${format}-${size.name}`;
}
