import sharp from 'sharp';

/**
 * sharp's settings for a server, for the whole process; call once before the first picture.
 * One thread a picture: a node encodes many small pictures at once, and threads within one only cost CPU. No cache of
 * operations: no two frames are alike, so it would hold memory and never be hit.
 */
export function configureSharp(): void {
  sharp.concurrency(1);
  sharp.cache(false);
}
