const FIRST_BYTES = 256;

/**
 * Bytes that come in pieces and leave at the front. Memory doubles, so that each byte is copied a bounded number of times however small the
 * pieces are: joining each piece to all before it would copy the square of what is held.
 */
export class GrowingBuffer {
  #memory: Uint8Array = new Uint8Array(0);
  #start = 0;
  #end = 0;
  /** Bytes that were copied so far, which is what this costs. */
  #copied = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  get copiedBytes(): number {
    return this.#copied;
  }

  /** All that is held, as a view: what is appended later may change it. */
  get bytes(): Uint8Array {
    return this.#memory.subarray(this.#start, this.#end);
  }

  append(piece: Uint8Array): void {
    if (this.#end + piece.length > this.#memory.length) this.#makeRoom(piece.length);
    this.#memory.set(piece, this.#end);
    this.#end += piece.length;
    this.#copied += piece.length;
  }

  /** Takes so many bytes off the front. */
  drop(bytes: number): void {
    this.#start = Math.min(this.#start + bytes, this.#end);
    if (this.#start === this.#end) this.clear();
  }

  /** Keeps no memory: what is held between two messages is nothing. */
  clear(): void {
    this.#memory = new Uint8Array(0);
    this.#start = 0;
    this.#end = 0;
  }

  /** New memory, because views of the old one may still be in use. */
  #makeRoom(more: number): void {
    const needed = this.length + more;
    const larger = new Uint8Array(Math.max(FIRST_BYTES, needed, 2 * this.length));
    larger.set(this.bytes);
    this.#copied += this.length;
    this.#end = this.length;
    this.#start = 0;
    this.#memory = larger;
  }
}
