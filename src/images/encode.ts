import { createHash } from 'node:crypto';
import type { Sharp } from 'sharp';
import { messageOf, SidepipeError } from '../errors.js';
import type { ImageFormat } from '../terms.js';
import type { EncodedImage } from './picture.js';

/** A picture that takes longer is given up: nothing real does, and a capture must not wait for ever. */
const encodeTimeoutSeconds = 30;

const contentTypes: Readonly<Record<ImageFormat, string>> = {
  jpg: 'image/jpeg',
  webp: 'image/webp',
  avif: 'image/avif',
  png: 'image/png',
};

/** Builds and runs a sharp pipeline into one format. Throws `image-failed`, retryable. */
export async function encode(build: () => Sharp, format: ImageFormat, quality: number): Promise<EncodedImage> {
  return finish(() => inFormat(build(), format, quality), contentTypes[format]);
}

/** Builds and runs a pipeline that knows its format. Throws `image-failed`, retryable. */
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

/** An encoded picture with what is to be known of it. */
export function encoded(
  body: Uint8Array,
  facts: Pick<EncodedImage, 'contentType' | 'width' | 'height' | 'encodeSeconds'>,
): EncodedImage {
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`;
  return { body, etag, bytes: body.byteLength, ...facts };
}

export function imageFailed(cause: unknown): SidepipeError {
  if (cause instanceof SidepipeError) return cause;
  return new SidepipeError(`The picture could not be encoded: ${messageOf(cause)}`, {
    code: 'image-failed',
    fault: 'node',
    retryable: true,
    cause,
  });
}

/** The cheapest encoder settings that still look right: higher efforts cost several times the CPU for a tenth of the bytes. */
function inFormat(pipeline: Sharp, format: ImageFormat, quality: number): Sharp {
  switch (format) {
    case 'jpg':
      return pipeline.jpeg({ quality });
    case 'webp':
      return pipeline.webp({ quality, effort: 0 });
    case 'avif':
      // AVIF's scale is not JPEG's: its 50 looks like JPEG's 80.
      return pipeline.avif({
        quality: Math.max(1, Math.round(quality * 0.625)),
        effort: 0,
        chromaSubsampling: '4:2:0',
      });
    case 'png':
      return pipeline.png({ compressionLevel: 2 });
  }
}
