import { notMedia } from './boxes.js';

/** 0.2 s at 10 Mbit/s. */
const FIRST_BYTES = 256 * 1024;
/** Maximum size of a part that no access unit ends. */
const MAX_PART_BYTES = 64 * 1024 ** 2;
/** The typical variation in size of a stream's segments. */
const HEADROOM = 1 / 16;

/**
 * The memory for parts: those of a segment are adjacent, so that the segment is a view and not a copy. The size is estimated from the
 * previous segment; if a segment needs more, its later parts are stored elsewhere. Pure.
 */
export class PartMemory {
  #memory = new Uint8Array(0);
  /** The open part. */
  #start = 0;
  #end = 0;
  #segmentBytes = 0;

  /** Size of the open part in bytes. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** The open part so far: a view, valid until more is appended. */
  get bytes(): Uint8Array {
    return this.#memory.subarray(this.#start, this.#end);
  }

  /** Opens a part; discards an open one. */
  begin(startsSegment: boolean): void {
    this.#end = this.#start;
    if (!startsSegment) return;
    const needed = Math.min(MAX_PART_BYTES, Math.ceil(this.#segmentBytes * (1 + HEADROOM)));
    this.#memory = new Uint8Array(needed);
    this.#start = 0;
    this.#end = 0;
    this.#segmentBytes = 0;
  }

  append(bytes: Uint8Array, start = 0, end = bytes.length): void {
    this.#makeRoom(end - start);
    this.#memory.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), this.#end);
    this.#end += end - start;
  }

  /** Replaces the bytes of the open part between `start` and `end`. */
  replace(start: number, end: number, bytes: Uint8Array): void {
    const added = bytes.length - (end - start);
    this.#makeRoom(added);
    this.#memory.copyWithin(this.#start + end + added, this.#start + end, this.#end);
    this.#memory.set(bytes, this.#start + start);
    this.#end += added;
  }

  /** Completes the part: nothing writes to the returned bytes any more. */
  end(): Uint8Array {
    const part = this.bytes;
    this.#segmentBytes += part.length;
    this.#start = this.#end;
    return part;
  }

  #makeRoom(bytes: number): void {
    if (this.#end + bytes <= this.#memory.length) return;
    const needed = this.length + bytes;
    if (needed > MAX_PART_BYTES) throw notMedia('access unit too large');
    const larger = new Uint8Array(Math.max(FIRST_BYTES, 2 * this.length, needed));
    larger.set(this.bytes);
    this.#end = this.length;
    this.#start = 0;
    this.#memory = larger;
  }
}
