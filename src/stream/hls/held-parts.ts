import type { MediaPart } from '../../hls/segmenter.js';

/** Maximum size of held parts: a minute at 9 Mbit/s. */
const MAX_HELD_BYTES = 64 * 1024 ** 2;

/** Parts that are not listed yet, because the run may turn out to need another plan. Nobody may have seen them then. */
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

  /** Returns and removes all parts, in order. */
  take(): readonly { readonly rendition: string; readonly part: MediaPart }[] {
    const parts = this.#parts;
    this.#parts = [];
    this.#bytes = 0;
    return parts;
  }
}
