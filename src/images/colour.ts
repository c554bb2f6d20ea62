import sharp from 'sharp';
import { imageFailed } from './encode.js';
import type { EncodedImage } from './picture.js';

/** The colour that most of a picture has, as `#rrggbb`. Throws `image-failed` (retryable). */
export async function dominantColour(image: EncodedImage): Promise<string> {
  try {
    const [width, height] = [64, 36];
    const small = await sharp(image.body).resize(width, height, { fit: 'fill' }).removeAlpha().raw().toBuffer();
    // Statistics are of a pipeline's input: the small picture must be one.
    const { dominant } = await sharp(small, { raw: { width, height, channels: 3 } }).stats();
    return `#${[dominant.r, dominant.g, dominant.b].map((value) => value.toString(16).padStart(2, '0')).join('')}`;
  } catch (cause) {
    throw imageFailed(cause);
  }
}
