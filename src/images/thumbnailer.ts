import sharp, { type Sharp } from 'sharp';
import { SidepipeError } from '../errors.js';
import type { ImageFormat } from '../terms.js';
import { encode } from './encode.js';
import type { EncodedImage, ImageFit, RawPicture } from './picture.js';

export interface EncodeOptions {
  readonly format: ImageFormat;
  /** 1 to 100 on JPEG's scale, whatever the format; PNG has none. */
  readonly quality: number;
  /** The box that the picture goes into; one side alone keeps the proportions. */
  readonly width?: number;
  readonly height?: number;
  readonly fit?: ImageFit;
}

/**
 * Encodes one raw picture, off the event loop. `picture.data` is read until the promise settles and not kept.
 * Throws `frame-invalid` when the bytes do not make a picture of that size, `image-failed` (retryable) otherwise.
 */
export async function encodePicture(picture: RawPicture, options: EncodeOptions): Promise<EncodedImage> {
  return encode(() => resized(rawPipeline(picture), options), options.format, options.quality);
}

/** The same for an encoded picture: for a size or format nobody asked for when the raw frame was there. */
export async function transcodeImage(image: EncodedImage, options: EncodeOptions): Promise<EncodedImage> {
  return encode(() => resized(sharp(image.body), options), options.format, options.quality);
}

/** A pipeline that reads the lent bytes in place. Throws `frame-invalid`. */
export function rawPipeline(picture: RawPicture): Sharp {
  const { data, width, height } = picture;
  const fits = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0;
  if (!fits || data.byteLength !== width * height * 3) {
    throw new SidepipeError(`A frame of ${data.byteLength} bytes is not a ${width}×${height} rgb24 picture`, {
      code: 'frame-invalid',
      fault: 'source',
      details: { width, height, bytes: data.byteLength },
    });
  }
  return sharp(data, { raw: { width, height, channels: 3 } });
}

function resized(pipeline: Sharp, { width, height, fit }: EncodeOptions): Sharp {
  if (width === undefined && height === undefined) return pipeline;
  return pipeline.resize({
    ...(width !== undefined && { width }),
    ...(height !== undefined && { height }),
    fit: fit ?? 'inside',
    withoutEnlargement: true,
  });
}
