import { imageFailed } from './encode.js';
import type { RawPicture } from './picture.js';
import { rawPipeline } from './thumbnailer.js';

export interface PixelBox {
  readonly width: number;
  readonly height: number;
}

/** The picture in a box of exactly this size, black around it where the proportions differ: rgb24, a buffer of its own. */
export async function smallFrame(picture: RawPicture, { width, height }: PixelBox): Promise<Uint8Array> {
  try {
    return await rawPipeline(picture)
      .resize({ width, height, fit: 'contain', background: '#000', kernel: 'cubic' })
      .raw()
      .toBuffer();
  } catch (cause) {
    throw imageFailed(cause);
  }
}

/** The box of this width with the proportions of a picture. */
export function boxOf({ width, height }: PixelBox, boxWidth: number): PixelBox {
  return { width: boxWidth, height: Math.max(1, Math.round((height * boxWidth) / width)) };
}
