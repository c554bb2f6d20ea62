import { MAX_KEYFRAME_BYTES, standaloneKeyframe } from './h264-keyframe.js';

/** Gathers one keyframe from the packets of a transport stream's video, one payload after the other. Pure. */
export class FirstKeyframe {
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #isOpen = false;
  #isOver = false;

  /** `isKey`: a picture begins, a keyframe or not; undefined: the picture goes on. Answers the keyframe once, when it is whole. */
  payload(data: Uint8Array, isKey: boolean | undefined): Uint8Array | undefined {
    if (this.#isOver) return undefined;
    const found = isKey !== undefined && this.#isOpen ? standaloneKeyframe(this.#joined()) : undefined;
    if (found !== undefined) this.#isOver = true;
    if (isKey !== undefined) this.#clear(isKey && found === undefined);
    if (this.#isOpen && this.#bytes <= MAX_KEYFRAME_BYTES) {
      // Copied: the bytes are lent.
      this.#pieces.push(new Uint8Array(data));
      this.#bytes += data.length;
    }
    return found;
  }

  #clear(isOpen: boolean): void {
    this.#pieces = [];
    this.#bytes = 0;
    this.#isOpen = isOpen;
  }

  #joined(): Uint8Array {
    const joined = new Uint8Array(this.#bytes);
    let at = 0;
    for (const piece of this.#pieces) {
      joined.set(piece, at);
      at += piece.length;
    }
    return joined;
  }
}
