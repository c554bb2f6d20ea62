import { imageFailed } from './encode.js';
import type { RawPicture } from './picture.js';
import { rawPipeline } from './thumbnailer.js';

export interface PixelBox {
  readonly width: number;
  readonly height: number;
}

/** The frame in a box of exactly this size, with black bars if the aspect ratio differs: rgb24, in a new buffer. */
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

/** The box of this width with the aspect ratio of a frame. */
export function boxOf({ width, height }: PixelBox, boxWidth: number): PixelBox {
  return { width: boxWidth, height: Math.max(1, Math.round((height * boxWidth) / width)) };
}
