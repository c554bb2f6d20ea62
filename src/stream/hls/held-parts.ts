import type { MediaPart } from '../../hls/segmenter.js';

/** More than this is not held: a minute of 9 Mbit/s. */
const MAX_HELD_BYTES = 64 * 1024 ** 2;

/** Parts that are not listed yet, because the run may turn out to need another plan. Then nobody must have seen them. */
export class HeldParts {
  #parts: { readonly rendition: string; readonly part: MediaPart }[] = [];
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#parts.length === 0;
  }

  get isFull(): boolean {
    return this.#bytes > MAX_HELD_BYTES;
  }

  add(rendition: string, part: MediaPart): void {
    this.#parts.push({ rendition, part });
    this.#bytes += part.bytes.length;
  }

  /** All of them, in order; none are left. */
  take(): readonly { readonly rendition: string; readonly part: MediaPart }[] {
    const parts = this.#parts;
    this.#parts = [];
    this.#bytes = 0;
    return parts;
  }
}
