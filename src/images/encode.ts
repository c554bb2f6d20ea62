import { createHash } from 'node:crypto';
import sharp, { type Sharp } from 'sharp';
import { messageOf, SidepipeError } from '../errors.js';
import { type ImageFormat, imageContentTypes } from '../terms.js';
import type { EncodedImage, ImageFit, RawPicture } from './picture.js';

export interface EncodeOptions {
  readonly format: ImageFormat;
  /** 1 to 100 on JPEG's scale for every format; not used for PNG. */
  readonly quality: number;
  /** The box that the image is scaled to; with only one side, the aspect ratio is kept. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly fit?: ImageFit | undefined;
}

/** Encodes that take longer are aborted: no real image does, and a capture must not wait indefinitely. */
const encodeTimeoutSeconds = 30;

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

/** Builds and runs a sharp pipeline for one format. Throws `image-failed`, retryable. */
export async function encode(build: () => Sharp, format: ImageFormat, quality: number): Promise<EncodedImage> {
  return finish(() => inFormat(build(), format, quality), imageContentTypes[format]);
}

/** Builds and runs a pipeline with its own output format. Throws `image-failed`, retryable. */
export async function finish(build: () => Sharp, contentType: string): Promise<EncodedImage> {
  const startedAt = performance.now();
  try {
    const { data, info } = await build()
      .timeout({ seconds: encodeTimeoutSeconds })
      .toBuffer({ resolveWithObject: true });
    const { width, height } = info;
    return encoded(data, { contentType, width, height, encodeSeconds: (performance.now() - startedAt) / 1000 });
  } catch (cause) {
    throw imageFailed(cause);
  }
}

/** An encoded image with its properties. */
export function encoded(
  body: Uint8Array,
  facts: Pick<EncodedImage, 'contentType' | 'width' | 'height' | 'encodeSeconds'>,
): EncodedImage {
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`;
  return { body, etag, bytes: body.byteLength, ...facts };
}

export function imageFailed(cause: unknown): SidepipeError {
  if (cause instanceof SidepipeError) return cause;
  return new SidepipeError(`Encoding an image failed: ${messageOf(cause)}`, {
    code: 'image-failed',
    fault: 'node',
    retryable: true,
    cause,
  });
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

function resized(pipeline: Sharp, { width, height, fit }: EncodeOptions): Sharp {
  if (width === undefined && height === undefined) return pipeline;
  return pipeline.resize({
    ...(width !== undefined && { width }),
    ...(height !== undefined && { height }),
    fit: fit ?? 'inside',
    withoutEnlargement: true,
  });
}

/** The cheapest encoder settings with good quality: higher efforts cost several times the CPU to save a tenth of the bytes. */
function inFormat(pipeline: Sharp, format: ImageFormat, quality: number): Sharp {
  switch (format) {
    case 'jpg':
      return pipeline.jpeg({ quality });
    case 'webp':
      return pipeline.webp({ quality, effort: 0 });
    case 'avif':
      // AVIF uses another quality scale: its 50 looks like JPEG's 80.
      return pipeline.avif({
        quality: Math.max(1, Math.round(quality * 0.625)),
        effort: 0,
        chromaSubsampling: '4:2:0',
      });
    case 'png':
      return pipeline.png({ compressionLevel: 2 });
  }
}
