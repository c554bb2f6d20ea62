import sharp from 'sharp';

/**
 * sharp's process-wide settings for a server; call once before the first image. One thread per image, because a node encodes many small
 * images at once, and several threads for one image only cost CPU. No operation cache, because no two frames are alike, so it would use
 * memory without hits.
 */
export function configureSharp(): void {
  sharp.concurrency(1);
  sharp.cache(false);
}
