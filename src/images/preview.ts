import sharp from 'sharp';
import type { SidepipeError } from '../errors.js';
import { finish, imageFailed } from './encode.js';
import type { EncodedImage, RawPicture } from './picture.js';
import { type Box, boxOf, smallFrame } from './small-frame.js';
import { Turns } from './turns.js';

export interface PreviewOptions {
  /** How many of the last frames it shows. */
  readonly frames: number;
  readonly width: number;
  /** 1 to 100; GIF has none. */
  readonly quality: number;
  /** How long each frame is shown. Unset: as long as until the next was taken. */
  readonly frameSeconds?: number;
  /** Must not throw. */
  readonly onError?: (error: SidepipeError) => void;
}

export type PreviewFormat = 'webp' | 'gif';

export interface PreviewImage {
  readonly image: EncodedImage;
  /** The times of its frames, oldest first: milliseconds since the epoch. */
  readonly capturedAt: readonly number[];
}

/** A frame is shown no longer than this, however long the stream paused after it. */
const longestDelayMs = 10_000;
/** Browsers slow down what claims to be faster. */
const shortestDelayMs = 20;

/**
 * The animated picture of a stream's last frames. Memory: the small frames as rgb24 in one buffer
 * (8 frames of 480×270: 3 MB) from the first frame on. Encoded only when asked for, once a frame and format at most.
 */
export class Preview {
  readonly #options: PreviewOptions;
  readonly #turns = new Turns();
  #box: Box = { width: 0, height: 0 };
  /** The frames on top of each other, oldest first. */
  #tall = new Uint8Array(0);
  #times: readonly number[] = [];
  readonly #made = new Map<PreviewFormat, PreviewImage>();

  constructor(options: PreviewOptions) {
    this.#options = options;
  }

  /** Takes the next frame; `picture.data` is read until the promise settles. Never rejects. */
  async add(picture: RawPicture): Promise<void> {
    try {
      const box = boxOf(picture, this.#options.width);
      const small = await smallFrame(picture, box);
      await this.#turns.run(async () => this.#push(small, box, picture.capturedAt));
    } catch (cause) {
      this.#options.onError?.(imageFailed(cause));
    }
  }

  /** Undefined before the first frame, and when it cannot be encoded (told by `onError`). */
  async image(format: PreviewFormat): Promise<PreviewImage | undefined> {
    try {
      return await this.#turns.run(async () => {
        if (this.#times.length === 0) return undefined;
        const made = this.#made.get(format) ?? (await this.#encode(format));
        this.#made.set(format, made);
        return made;
      });
    } catch (cause) {
      this.#options.onError?.(imageFailed(cause));
      return undefined;
    }
  }

  /** Lets go of all frames. */
  clear(): void {
    void this.#turns.run(async () => {
      this.#box = { width: 0, height: 0 };
      this.#tall = new Uint8Array(0);
      this.#times = [];
      this.#made.clear();
    });
  }

  #push(small: Uint8Array, box: Box, capturedAt: number): void {
    const { frames } = this.#options;
    if (box.height !== this.#box.height) {
      this.#box = box;
      this.#tall = new Uint8Array(small.byteLength * frames);
      this.#times = [];
    }
    if (this.#times.length === frames) {
      this.#tall.copyWithin(0, small.byteLength);
      this.#times = this.#times.slice(1);
    }
    this.#tall.set(small, this.#times.length * small.byteLength);
    this.#times = [...this.#times, capturedAt];
    this.#made.clear();
  }

  async #encode(format: PreviewFormat): Promise<PreviewImage> {
    const { quality, frameSeconds } = this.#options;
    const { width, height } = this.#box;
    const times = this.#times;
    const delay = frameSeconds === undefined ? delaysOf(times) : times.map(() => Math.round(frameSeconds * 1000));
    const build = () => {
      const tall = this.#tall.subarray(0, width * height * 3 * times.length);
      const raw = { width, height: height * times.length, channels: 3, pageHeight: height } as const;
      const pipeline = sharp(tall, { raw });
      return format === 'webp'
        ? pipeline.webp({ quality, effort: 0, delay, loop: 0 })
        : pipeline.gif({ effort: 1, dither: 0, delay, loop: 0 });
    };
    const image = await finish(build, `image/${format}`);
    return { image: { ...image, width, height }, capturedAt: times };
  }
}

/** How long each frame is shown, in milliseconds: until the next one was taken, the last as long as the one before. */
export function delaysOf(times: readonly number[]): number[] {
  const delays = times.slice(1).map((time, at) => {
    const delay = Math.round(time - (times[at] ?? time));
    return Math.max(shortestDelayMs, Math.min(longestDelayMs, delay));
  });
  return [...delays, delays.at(-1) ?? 1000];
}

/** A still picture in place of an animated one. Throws `image-failed` (retryable). */
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
