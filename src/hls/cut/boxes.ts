import { SidepipeError } from '../../errors.js';

/** ISO/IEC 14496-12: one complete box with its header. */
export interface Mp4Box {
  /** Four characters, such as `moof`. */
  readonly type: string;
  /** The complete box. */
  readonly bytes: Uint8Array;
  /** The content after the header. */
  readonly body: Uint8Array;
}

/** Larger than any box of a live fragment: a second of 500 Mbit/s. */
const MAX_BOX_BYTES = 64 * 1024 ** 2;
/** The header of a box with 64-bit length, which is the longest. */
const MAX_HEADER_BYTES = 16;

/**
 * Splits a byte stream into top-level boxes. Bytes may arrive in pieces of any size; each byte is copied once, into its box, so the
 * caller can reuse the pieces. Throws `source-not-media` on bytes that are not boxes. Pure.
 */
export class BoxReader {
  readonly #header = new Uint8Array(MAX_HEADER_BYTES);
  #headerBytes = 0;
  #box: Uint8Array | undefined;
  #filled = 0;
  #headerLength = 0;

  push(piece: Uint8Array): Mp4Box[] {
    const boxes: Mp4Box[] = [];
    let bytes = piece;
    while (bytes.length > 0) {
      bytes = this.#box === undefined ? this.#readHeader(bytes) : this.#fill(this.#box, bytes);
      if (this.#box !== undefined && this.#filled === this.#box.length) boxes.push(this.#take(this.#box));
    }
    return boxes;
  }

  #readHeader(bytes: Uint8Array): Uint8Array {
    const wanted = this.#headerBytes >= 8 ? MAX_HEADER_BYTES : 8;
    const taken = Math.min(wanted - this.#headerBytes, bytes.length);
    this.#header.set(bytes.subarray(0, taken), this.#headerBytes);
    this.#headerBytes += taken;
    if (this.#headerBytes < wanted) return bytes.subarray(taken);
    const short = uint32(this.#header, 0);
    if (short === 1 && wanted === 8) return bytes.subarray(taken);
    const size = short === 1 ? uint64(this.#header, 8) : short;
    if (size < this.#headerBytes || size > MAX_BOX_BYTES) throw notMedia(`invalid box size ${size}`);
    this.#box = new Uint8Array(size);
    this.#box.set(this.#header.subarray(0, this.#headerBytes));
    this.#headerLength = this.#headerBytes;
    this.#filled = this.#headerBytes;
    this.#headerBytes = 0;
    return bytes.subarray(taken);
  }

  #fill(box: Uint8Array, bytes: Uint8Array): Uint8Array {
    const taken = Math.min(box.length - this.#filled, bytes.length);
    box.set(taken === bytes.length ? bytes : bytes.subarray(0, taken), this.#filled);
    this.#filled += taken;
    return bytes.subarray(taken);
  }

  #take(bytes: Uint8Array): Mp4Box {
    this.#box = undefined;
    return { type: typeAt(bytes, 4), bytes, body: bytes.subarray(this.#headerLength) };
  }
}

/** The boxes in the body of a container box. Throws `source-not-media` if they do not fill it. Pure. */
export function childBoxes(body: Uint8Array): Mp4Box[] {
  const boxes: Mp4Box[] = [];
  for (let offset = 0; offset + 8 <= body.length; ) {
    const short = uint32(body, offset);
    const isLong = short === 1 && offset + 16 <= body.length;
    const size = isLong ? uint64(body, offset + 8) : short === 0 ? body.length - offset : short;
    const header = isLong ? 16 : 8;
    if (size < header || offset + size > body.length) throw notMedia('a box exceeds its parent box');
    const bytes = body.subarray(offset, offset + size);
    boxes.push({ type: typeAt(bytes, 4), bytes, body: bytes.subarray(header) });
    offset += size;
  }
  return boxes;
}

/** The first box at a path in a body, such as `mdia`, `minf`, `stbl`. Pure. */
export function findBox(body: Uint8Array, ...path: readonly string[]): Mp4Box | undefined {
  let inside: Mp4Box | undefined;
  for (const type of path) {
    inside = childBoxes(inside === undefined ? body : inside.body).find((box) => box.type === type);
    if (inside === undefined) return undefined;
  }
  return inside;
}

/** Makes a box of a type from its parts. Pure. */
export function makeBox(type: string, ...parts: readonly Uint8Array[]): Uint8Array {
  const size = parts.reduce((sum, part) => sum + part.length, 8);
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setUint32(0, size);
  for (let index = 0; index < 4; index += 1) bytes[4 + index] = type.charCodeAt(index);
  let offset = 8;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

function uint16(bytes: Uint8Array, offset: number): number {
  return (at(bytes, offset) << 8) | at(bytes, offset + 1);
}

export function uint32(bytes: Uint8Array, offset: number): number {
  return uint16(bytes, offset) * 0x1_0000 + uint16(bytes, offset + 2);
}

export function int32(bytes: Uint8Array, offset: number): number {
  return uint32(bytes, offset) | 0;
}

/** Throws `source-not-media` for a number that JavaScript cannot represent exactly. */
export function uint64(bytes: Uint8Array, offset: number): number {
  const value = uint32(bytes, offset) * 2 ** 32 + uint32(bytes, offset + 4);
  if (!Number.isSafeInteger(value)) throw notMedia('number exceeds 53 bits');
  return value;
}

/** The error for media that violates its own format. */
export function notMedia(what: string): SidepipeError {
  return new SidepipeError(`The media from ffmpeg cannot be parsed: ${what}.`, {
    code: 'source-not-media',
    fault: 'source',
  });
}

function typeAt(bytes: Uint8Array, offset: number): string {
  return String.fromCharCode(at(bytes, offset), at(bytes, offset + 1), at(bytes, offset + 2), at(bytes, offset + 3));
}

function at(bytes: Uint8Array, offset: number): number {
  const value = bytes[offset];
  if (value === undefined) throw notMedia('truncated box');
  return value;
}
