import { createHash } from 'node:crypto';
import type { Sharp } from 'sharp';
import { messageOf, SidepipeError } from '../errors.js';
import type { ImageFormat } from '../terms.js';
import type { EncodedImage } from './picture.js';

/** Encodes that take longer are aborted: no real image does, and a capture must not wait indefinitely. */
const encodeTimeoutSeconds = 30;

const contentTypes: Readonly<Record<ImageFormat, string>> = {
  jpg: 'image/jpeg',
  webp: 'image/webp',
  avif: 'image/avif',
  png: 'image/png',
};

/** Builds and runs a sharp pipeline for one format. Throws `image-failed`, retryable. */
export async function encode(build: () => Sharp, format: ImageFormat, quality: number): Promise<EncodedImage> {
  return finish(() => inFormat(build(), format, quality), contentTypes[format]);
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
