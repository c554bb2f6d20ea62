import sharp from 'sharp';
import type { SidepipeError } from '../errors.js';
import type { PreviewFormat } from '../terms.js';
import { boxOf, encoded, finish, imageFailed, type PixelBox, rawPipeline } from './encode.js';
import type { EncodedImage, RawPicture } from './picture.js';
import { SerialQueue } from './serial-queue.js';
import { webpAnimation, webpChunk } from './webp-animation.js';

export interface PreviewOptions {
  /** Number of recent frames that it shows. */
  readonly frames: number;
  readonly width: number;
  /** 1 to 100; not used for GIF. */
  readonly quality: number;
  /** How long each frame is shown. Default: until the capture time of the next one. */
  readonly frameSeconds?: number;
  /** Must not throw. */
  readonly onError?: (error: SidepipeError) => void;
}

export interface PreviewImage {
  readonly image: EncodedImage;
  /** The capture times of its frames, oldest first: milliseconds since the epoch. */
  readonly capturedAt: readonly number[];
}

/** Maximum display time of a frame, however long the stream paused after it. */
const longestDelayMs = 10_000;
/** Browsers slow down animations with shorter frames. */
const shortestDelayMs = 20;

interface PreviewFrame {
  readonly chunk: Uint8Array;
  readonly capturedAt: number;
}

/**
 * The animated image of a stream's recent frames. Each frame is encoded once, when it arrives: WebP allows joining encoded frames, so an
 * update costs one small frame instead of all. Memory: the encoded frames, about 15 kB each. GIF is made from them on request, at most
 * once per frame.
 */
export class Preview {
  readonly #options: PreviewOptions;
  readonly #turns = new SerialQueue();
  #box: PixelBox = { width: 0, height: 0 };
  /** Oldest first. */
  #frames: readonly PreviewFrame[] = [];
  readonly #made = new Map<PreviewFormat, PreviewImage>();

  constructor(options: PreviewOptions) {
    this.#options = options;
  }

  /** Takes the next frame; `picture.data` is read until the promise settles. Never rejects. */
  async add(picture: RawPicture): Promise<void> {
    try {
      await this.#turns.run(() => this.#push(picture));
    } catch (cause) {
      this.#options.onError?.(imageFailed(cause));
    }
  }

  /** Undefined before the first frame, and if encoding fails (reported to `onError`). */
  async image(format: PreviewFormat): Promise<PreviewImage | undefined> {
    try {
      return await this.#turns.run(async () => {
        if (this.#frames.length === 0) return undefined;
        const made = this.#made.get(format) ?? (await this.#make(format));
        this.#made.set(format, made);
        return made;
      });
    } catch (cause) {
      this.#options.onError?.(imageFailed(cause));
      return undefined;
    }
  }

  /** Drops all frames. */
  clear(): void {
    void this.#turns.run(async () => {
      this.#frames = [];
      this.#made.clear();
    });
  }

  async #push(picture: RawPicture): Promise<void> {
    const { frames, width, quality } = this.#options;
    const box = boxOf(picture, width);
    const pipeline = () => rawPipeline(picture).resize({ ...box, fit: 'fill', kernel: 'cubic' });
    const { body } = await finish(() => pipeline().webp({ quality, effort: 0 }), 'image/webp');
    const before = box.height === this.#box.height ? this.#frames : [];
    this.#box = box;
    this.#frames = [...before, { chunk: webpChunk(body), capturedAt: picture.capturedAt }].slice(-frames);
    this.#made.clear();
  }

  async #make(format: PreviewFormat): Promise<PreviewImage> {
    const { frameSeconds } = this.#options;
    const { width, height } = this.#box;
    const startedAt = performance.now();
    const capturedAt = this.#frames.map((frame) => frame.capturedAt);
    const delays = frameSeconds === undefined ? delaysOf(capturedAt) : capturedAt.map(() => frameSeconds * 1000);
    const frames = this.#frames.map(({ chunk }, at) => ({ chunk, delayMs: Math.round(delays[at] ?? 0) }));
    const body = webpAnimation(width, height, frames);
    if (format === 'gif') {
      const build = () => sharp(body, { animated: true }).gif({ effort: 1, dither: 0, loop: 0 });
      return { image: { ...(await finish(build, 'image/gif')), width, height }, capturedAt };
    }
    const encodeSeconds = (performance.now() - startedAt) / 1000;
    return { image: encoded(body, { contentType: 'image/webp', width, height, encodeSeconds }), capturedAt };
  }
}

/** The display time of each frame in milliseconds: until the capture of the next one; for the last, as long as the one before. */
export function delaysOf(times: readonly number[]): number[] {
  const delays = times.slice(1).map((time, at) => {
    const delay = Math.round(time - (times[at] ?? time));
    return Math.max(shortestDelayMs, Math.min(longestDelayMs, delay));
  });
  return [...delays, delays.at(-1) ?? 1000];
}

/** A still image instead of an animated one. Throws `image-failed` (retryable). */
export async function stillPreview(
  image: { readonly body: Uint8Array },
  { width, quality, format }: { readonly width: number; readonly quality: number; readonly format: PreviewFormat },
): Promise<EncodedImage> {
  const build = () => {
    const pipeline = sharp(image.body).resize({ width, withoutEnlargement: true });
    return format === 'webp' ? pipeline.webp({ quality, effort: 0 }) : pipeline.gif({ effort: 1, dither: 0 });
  };
  return finish(build, `image/${format}`);
}
