import { notMedia } from './boxes.js';

/** A fifth of a second of 10 Mbit/s. */
const FIRST_BYTES = 256 * 1024;
/** A part that no access unit ends is not let grow beyond this. */
const MAX_PART_BYTES = 64 * 1024 ** 2;
/** Segments of one stream differ by about so much in size. */
const HEADROOM = 1 / 16;

/**
 * Where parts are written: those of a segment one behind the other in the same memory, so that the segment is a view and no copy of them. How
 * much a segment needs is guessed from the one before; where it needs more, its later parts are elsewhere. Pure.
 */
export class PartMemory {
  #memory = new Uint8Array(0);
  /** The open part. */
  #start = 0;
  #end = 0;
  #segmentBytes = 0;

  /** How many bytes the open part has. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** The open part as far as it is there: a view until more is appended. */
  get bytes(): Uint8Array {
    return this.#memory.subarray(this.#start, this.#end);
  }

  /** Opens a part; what an open one has so far is dropped. */
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

  /** Puts bytes in the place of those of the open part between `start` and `end`. */
  replace(start: number, end: number, bytes: Uint8Array): void {
    const added = bytes.length - (end - start);
    this.#makeRoom(added);
    this.#memory.copyWithin(this.#start + end + added, this.#start + end, this.#end);
    this.#memory.set(bytes, this.#start + start);
    this.#end += added;
  }

  /** The part is complete: nothing writes to what is returned any more. */
  end(): Uint8Array {
    const part = this.bytes;
    this.#segmentBytes += part.length;
    this.#start = this.#end;
    return part;
  }

  #makeRoom(bytes: number): void {
    if (this.#end + bytes <= this.#memory.length) return;
    const needed = this.length + bytes;
    if (needed > MAX_PART_BYTES) throw notMedia('an access unit without an end');
    const larger = new Uint8Array(Math.max(FIRST_BYTES, 2 * this.length, needed));
    larger.set(this.bytes);
    this.#end = this.length;
    this.#start = 0;
    this.#memory = larger;
  }
}
