import type { OrderedPacket } from './reorder-buffer.js';

/** RTP payloads of H.264 to access units (RFC 6184, packetization modes 0 and 1). Pure. */

/** One coded picture with what precedes it. NAL units are without start codes and lengths. */
export interface H264AccessUnit {
  /** RTP timestamp, 32 bits. */
  readonly timestamp: number;
  readonly units: readonly Uint8Array[];
  readonly isKeyframe: boolean;
}

export interface Depacketized {
  readonly accessUnits: readonly H264AccessUnit[];
  /** Part of the video is missing: what follows may refer to it, up to the next keyframe. */
  readonly isLost: boolean;
}

export const NAL = { slice: 1, idr: 5, sps: 7, pps: 8, delimiter: 9, filler: 12, stapA: 24, fuA: 28 } as const;

/** Maximum size of an access unit: more than a keyframe of 8K has. */
const MOST_BYTES = 8 * 1024 * 1024;
const MOST_UNITS = 1024;
const noBytes = new Uint8Array();

export class H264Depacketizer {
  #timestamp: number | undefined;
  #units: Uint8Array[] = [];
  #bytes = 0;
  /** The pieces of a fragmented NAL unit, its header first. */
  #fragments: Uint8Array[] | undefined;
  #isBroken = false;

  push({ packet, isAfterLoss }: OrderedPacket): Depacketized {
    const { timestamp, payload, marker } = packet;
    const accessUnits: H264AccessUnit[] = [];
    let isLost = isAfterLoss;
    if (isAfterLoss) this.#break();
    if (this.#timestamp !== timestamp) {
      // Its last packet had no marker, or was lost.
      const ended = this.#end();
      if (ended !== undefined) accessUnits.push(ended);
      // The lost packets may have belonged to the previous access unit only: see `isWhole`.
      this.#isBroken = false;
    }
    this.#timestamp = timestamp;
    this.#take(payload);
    if (marker) {
      if (this.#fragments !== undefined) this.#break();
      isLost ||= this.#isBroken;
      const ended = this.#end();
      if (ended !== undefined) accessUnits.push(ended);
    }
    return { accessUnits, isLost: isLost || this.#isBroken };
  }

  #take(payload: Uint8Array): void {
    const header = payload[0] ?? 0x80;
    const type = header & 0x1f;
    // The forbidden bit marks a damaged unit.
    if (header >= 0x80) return void this.#break();
    if (type === NAL.fuA) return void this.#fragment(payload);
    if (this.#fragments !== undefined) this.#break();
    if (type === NAL.stapA) this.#aggregate(payload);
    else if (type >= 1 && type < NAL.stapA) this.#add(payload);
    else this.#break();
  }

  #aggregate(payload: Uint8Array): void {
    let at = 1;
    while (at + 2 <= payload.length) {
      const size = (payload[at]! << 8) | payload[at + 1]!;
      at += 2;
      if (size === 0) continue;
      if (at + size > payload.length) return void this.#break();
      this.#add(payload.subarray(at, at + size));
      at += size;
    }
  }

  #fragment(payload: Uint8Array): void {
    const [indicator = 0, header = 0] = payload;
    if (payload.length < 3) return void this.#break();
    const isStart = (header & 0x80) !== 0;
    const isEnd = (header & 0x40) !== 0;
    if (isStart) {
      if (this.#fragments !== undefined) this.#break();
      this.#fragments = [Uint8Array.of((indicator & 0xe0) | (header & 0x1f))];
    } else if (this.#fragments === undefined) return void this.#break();
    this.#fragments.push(payload.subarray(2));
    this.#bytes += payload.length;
    if (this.#bytes > MOST_BYTES || this.#fragments.length > 16 * MOST_UNITS) return void this.#break();
    if (!isEnd) return;
    const unit = concat(this.#fragments);
    this.#fragments = undefined;
    // Its pieces were counted.
    this.#bytes = Math.max(0, this.#bytes - unit.length);
    this.#add(unit);
  }

  #add(unit: Uint8Array): void {
    if (unit.length === 0 || (unit[0]! & 0x80) !== 0) return;
    this.#bytes += unit.length;
    if (this.#bytes > MOST_BYTES || this.#units.length >= MOST_UNITS) return void this.#break();
    const type = unit[0]! & 0x1f;
    if (type !== NAL.delimiter && type !== NAL.filler) this.#units.push(unit);
  }

  #break(): void {
    this.#isBroken = true;
    this.#fragments = undefined;
  }

  #end(): H264AccessUnit | undefined {
    const units = this.#units;
    const isBroken = this.#isBroken || this.#fragments !== undefined;
    const slices = units.filter(isSlice);
    this.#isBroken = false;
    this.#fragments = undefined;
    // Some senders mark parameter sets as an access unit of their own: they belong to the next one.
    if (slices.length === 0 && !isBroken) return undefined;
    this.#units = [];
    this.#bytes = 0;
    if (isBroken || !isWhole(slices)) {
      this.#isBroken = true;
      return undefined;
    }
    return { timestamp: this.#timestamp!, units, isKeyframe: slices.some((unit) => (unit[0]! & 0x1f) === NAL.idr) };
  }
}

function isSlice(unit: Uint8Array): boolean {
  const type = unit[0]! & 0x1f;
  return type >= NAL.slice && type <= NAL.idr;
}

/** The first slice starts with macroblock 0: `first_mb_in_slice` is 0 if the bit behind the header is 1. */
function isWhole([first = noBytes]: readonly Uint8Array[]): boolean {
  return (first[1] ?? 0) >= 0x80;
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
