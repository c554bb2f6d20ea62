import type { ThumbnailConfig } from '../../config/schema/schema.js';
import type { ThumbnailSize } from '../../images/thumbnail.js';

/** The additional sizes of a stream's thumbnail, each with its name in URLs and keys. Pure. */
export function sizesOf({ widths = [], sizes = [] }: Pick<ThumbnailConfig, 'widths' | 'sizes'>): ThumbnailSize[] {
  return [
    ...widths.map((width) => ({ name: String(width), width })),
    ...sizes.map(({ name, ...size }) => ({ name: name ?? String(size.width), ...size })),
  ];
}

/** How long a bad frame may be suppressed before the thumbnail shown instead becomes stale, in seconds. Pure. */
export function holdSecondsOf({ gate, intervalSeconds, staleAfterSeconds }: ThumbnailConfig): number {
  return gate.holdSeconds ?? Math.max(0, Math.min(10, staleAfterSeconds - 2 * intervalSeconds));
}
