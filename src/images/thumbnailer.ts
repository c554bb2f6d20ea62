import sharp, { type Sharp } from 'sharp';
import { SidepipeError } from '../errors.js';
import type { ImageFormat } from '../terms.js';
import { encode } from './encode.js';
import type { EncodedImage, ImageFit, RawPicture } from './picture.js';

export interface EncodeOptions {
  readonly format: ImageFormat;
  /** 1 to 100 on JPEG's scale for every format; not used for PNG. */
  readonly quality: number;
  /** The box that the image is scaled to; with only one side, the aspect ratio is kept. */
  readonly width?: number;
  readonly height?: number;
  readonly fit?: ImageFit;
}

/**
 * Encodes one raw frame outside the event loop. `picture.data` is read until the promise settles, and not kept. Throws `frame-invalid` if
 * the bytes are not a frame of that size, otherwise `image-failed` (retryable).
 */
export async function encodePicture(picture: RawPicture, options: EncodeOptions): Promise<EncodedImage> {
  return encode(() => resized(rawPipeline(picture), options), options.format, options.quality);
}

/** The same for an encoded image: for a size or format that was not requested while the raw frame was available. */
export async function transcodeImage(image: EncodedImage, options: EncodeOptions): Promise<EncodedImage> {
  return encode(() => resized(sharp(image.body), options), options.format, options.quality);
}

/** A pipeline that reads the lent bytes in place. Throws `frame-invalid`. */
export function rawPipeline(picture: RawPicture): Sharp {
  const { data, width, height } = picture;
  const fits = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0;
  if (!fits || data.byteLength !== width * height * 3) {
    throw new SidepipeError(`A frame of ${data.byteLength} bytes is not ${width}×${height} pixels of rgb24.`, {
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
