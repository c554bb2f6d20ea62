/** What of H.264 (ITU-T H.264, 7.3 and annex B) has to be known to decode one keyframe by itself. Pure. */

const UNIT = { idr: 5, sequence: 7, picture: 8 } as const;
/** On which a decoder hands out what it holds back. It takes a packet of its own: behind a picture in the same one it is not looked at. */
export const END_OF_SEQUENCE = Uint8Array.of(0, 0, 0, 1, 0x0a);
/** More than a picture of any camera; what is larger is not kept. */
export const MAX_KEYFRAME_BYTES = 8 * 1024 ** 2;

/**
 * A picture that can be decoded with nothing before it, and what it takes to decode it, from an access unit in the form of annex B;
 * parameter sets that are not in it come from `parameters`. Undefined where it is no such picture (another codec's, or one that
 * begins an open GOP), or is made of fields, the second of which can need what is not in it.
 */
export function standaloneKeyframe(data: Uint8Array, parameters?: Uint8Array): Uint8Array | undefined {
  if (data.length > MAX_KEYFRAME_BYTES) return undefined;
  const own = units(data);
  const others = parameters === undefined ? [] : units(parameters);
  const sequences = ownOr(own, others, UNIT.sequence);
  const pictures = ownOr(own, others, UNIT.picture);
  const slices = own.filter((unit) => typeOf(unit) === UNIT.idr);
  if (slices.length === 0 || pictures.length === 0 || sequences.length === 0) return undefined;
  return sequences.every(hasWholeFrames) ? joined([...sequences, ...pictures, ...slices]) : undefined;
}

function ownOr(own: readonly Uint8Array[], others: readonly Uint8Array[], type: number): Uint8Array[] {
  const found = own.filter((unit) => typeOf(unit) === type);
  return found.length > 0 ? found : others.filter((unit) => typeOf(unit) === type);
}

function typeOf(unit: Uint8Array): number {
  return (unit[0] ?? 0) & 0x1f;
}

/** What stands between start codes. */
function units(data: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  let from = -1;
  for (let at = 0; at + 2 < data.length; at += 1) {
    if (data[at + 2]! > 1) at += 2;
    else if (data[at + 2] === 1 && data[at] === 0 && data[at + 1] === 0) {
      if (from >= 0) found.push(data.subarray(from, withoutZeros(data, from, at)));
      from = at + 3;
      at += 2;
    }
  }
  if (from >= 0) found.push(data.subarray(from, withoutZeros(data, from, data.length)));
  return found.filter(({ length }) => length > 0);
}

/** A unit's last byte is never 0: zeros belong to the start code behind it. */
function withoutZeros(data: Uint8Array, from: number, end: number): number {
  let last = end;
  while (last > from && data[last - 1] === 0) last -= 1;
  return last;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + 4 + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes[at + 3] = 1;
    bytes.set(part, at + 4);
    at += 4 + part.length;
  }
  return bytes;
}

/** Profiles whose sequence parameter set tells of the chroma format (7.3.2.1.1). */
const HIGH_PROFILES = new Set([44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244]);

/** `frame_mbs_only_flag`; false for what cannot be read. */
function hasWholeFrames(unit: Uint8Array): boolean {
  const bits = new Bits(withoutEmulation(unit.subarray(1)));
  const profile = bits.read(8);
  bits.read(16);
  bits.unsigned();
  if (HIGH_PROFILES.has(profile)) {
    if (bits.unsigned() === 3) bits.read(1);
    bits.unsigned();
    bits.unsigned();
    bits.read(1);
    // Scaling lists: no live encoder sends any here, and what they take to be skipped is not worth it.
    if (bits.read(1) === 1) return false;
  }
  bits.unsigned();
  const orderType = bits.unsigned();
  if (orderType === 0) bits.unsigned();
  else if (orderType === 1) {
    bits.read(1);
    bits.unsigned();
    bits.unsigned();
    for (let left = Math.min(bits.unsigned(), 255); left > 0; left -= 1) bits.unsigned();
  }
  bits.unsigned();
  bits.read(1);
  bits.unsigned();
  bits.unsigned();
  return bits.read(1) === 1 && !bits.isOver;
}

/** 7.4.1: a 3 behind two zeros is there only so that no start code appears. */
function withoutEmulation(data: Uint8Array): Uint8Array {
  return data.filter((byte, index) => !(byte === 3 && data[index - 1] === 0 && data[index - 2] === 0));
}

class Bits {
  readonly #data: Uint8Array;
  #at = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
  }

  get isOver(): boolean {
    return this.#at > this.#data.length * 8;
  }

  read(count: number): number {
    let value = 0;
    for (let bit = 0; bit < count; bit += 1) {
      value = value * 2 + (((this.#data[this.#at >> 3] ?? 0) >> (7 - (this.#at & 7))) & 1);
      this.#at += 1;
    }
    return value;
  }

  /** Exp-Golomb, 9.1. Signed numbers are as long. */
  unsigned(): number {
    let zeros = 0;
    while (zeros < 32 && !this.isOver && this.read(1) === 0) zeros += 1;
    return 2 ** zeros - 1 + this.read(Math.min(zeros, 32));
  }
}
