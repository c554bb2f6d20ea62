import { encodePicture } from './encode.js';
import type { EncodedImage, RawPicture } from './picture.js';

/** A suppressed frame, as a small image. */
export interface RejectedFrame {
  /** Milliseconds since the epoch. */
  readonly capturedAt: number;
  /** The reason. */
  readonly verdict: string;
  readonly image: EncodedImage;
}

const MOST = 6;
const WIDTH = 320;

/** The last few frames that the gate suppressed, as small JPEGs in memory. */
export class RejectedFrames {
  #frames: readonly RejectedFrame[] = [];
  #encoding: Promise<void> | undefined;

  /** Newest first. */
  list(): readonly RejectedFrame[] {
    return this.#frames;
  }

  /** Reads the frame now and does not keep it. While one is being encoded, others are skipped. Never throws. */
  offer(picture: RawPicture, verdict: string): void {
    if (this.#encoding !== undefined) return;
    const { capturedAt } = picture;
    this.#encoding = encodePicture(shrunk(picture), { format: 'jpg', quality: 70 })
      .then((image) => {
        this.#frames = [{ capturedAt, verdict, image }, ...this.#frames].slice(0, MOST);
      })
      // Only an image of a rejected frame is lost.
      .catch(() => {})
      .finally(() => {
        this.#encoding = undefined;
      });
  }

  /** Settles when nothing is being encoded. */
  async idle(): Promise<void> {
    await this.#encoding;
  }
}

/** Makes a small copy immediately, because the frame's buffer is needed for the next one. Each pixel is the mean of four. */
function shrunk(picture: RawPicture): RawPicture {
  const { data, width, height } = picture;
  const step = Math.max(1, width / WIDTH);
  const [toWidth, toHeight] = [Math.floor(width / step), Math.max(1, Math.floor(height / step))];
  const small = new Uint8Array(toWidth * toHeight * 3);
  let to = 0;
  for (let y = 0; y < toHeight; y++) {
    const top = Math.floor(y * step) * width;
    const bottom = Math.min(height - 1, Math.floor((y + 0.5) * step)) * width;
    for (let x = 0; x < toWidth; x++) {
      const left = Math.floor(x * step);
      const right = Math.min(width - 1, Math.floor((x + 0.5) * step));
      for (let channel = 0; channel < 3; channel++) {
        const at = (place: number): number => data[place * 3 + channel] ?? 0;
        small[to++] = (at(top + left) + at(top + right) + at(bottom + left) + at(bottom + right) + 2) >> 2;
      }
    }
  }
  return { ...picture, data: small, width: toWidth, height: toHeight };
}
