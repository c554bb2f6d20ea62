import { type NalCodec, nalType, SPS_TYPE } from './nal-units.js';

/** The information in a sequence parameter set. */
export interface SequenceFacts {
  /** After cropping, in samples. */
  readonly width: number;
  readonly height: number;
  /** Number of frames that a decoder may hold back; undefined if not stated. */
  readonly reorderFrames: number | undefined;
  readonly chromaFormat: number;
  readonly bitDepth: number;
  readonly isInterlaced: boolean;
}

/** Larger than the sides of a picture of any level. */
const MAX_SIDE = 65_535;

/**
 * Parses an H.264 SPS (7.3.2.1.1) or an H.265 SPS (7.3.2.2.1): a NAL unit with its header. Undefined if it is invalid.
 * Pure.
 */
export function readSps(unit: Uint8Array, codec: NalCodec): SequenceFacts | undefined {
  try {
    const facts =
      codec === 'avc'
        ? readAvc(new Bits(withoutEmulation(unit.subarray(1))))
        : readHevc(new Bits(withoutEmulation(unit.subarray(2))));
    const isPossible = facts.width > 0 && facts.height > 0 && facts.width <= MAX_SIDE && facts.height <= MAX_SIDE;
    return isPossible ? facts : undefined;
  } catch (error) {
    if (error === CUT) return undefined;
    throw error;
  }
}

/** A NAL unit with a sequence parameter set starts like this: the type numbers of the two codecs do not overlap. */
function spsCodecOf(unit: Uint8Array): NalCodec | undefined {
  const header = unit[0] ?? 0x80;
  // forbidden_zero_bit
  if ((header & 0x80) !== 0) return undefined;
  // H.265: the layer and temporal id of a parameter set of the base layer are 0 and 1.
  if (nalType(unit, 'hevc') === SPS_TYPE.hevc && (header & 1) === 0 && unit[1] === 1) return 'hevc';
  // H.264 7.4.1: nal_ref_idc of a parameter set is not 0.
  return nalType(unit, 'avc') === SPS_TYPE.avc && (header & 0x60) !== 0 ? 'avc' : undefined;
}

/** The first SPS in the start of an elementary stream of H.264 or H.265 (Annex B); undefined if there is none. Pure. */
export function findSps(bytes: Uint8Array): SequenceFacts | undefined {
  for (let at = nextUnit(bytes, 0); at !== undefined; at = nextUnit(bytes, at)) {
    const unit = bytes.subarray(at, endOfUnit(bytes, at));
    const codec = spsCodecOf(unit);
    const facts = codec && readSps(unit, codec);
    if (facts !== undefined) return facts;
  }
  return undefined;
}

/** The start of the next unit, after its start code. */
function nextUnit(bytes: Uint8Array, from: number): number | undefined {
  for (let at = from; at + 3 < bytes.length; at += 1)
    if (bytes[at] === 0 && bytes[at + 1] === 0 && bytes[at + 2] === 1) return at + 3;
  return undefined;
}

function endOfUnit(bytes: Uint8Array, from: number): number {
  const next = nextUnit(bytes, from);
  return next === undefined ? bytes.length : next - 3;
}

const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

function readAvc(bits: Bits): SequenceFacts {
  const profile = bits.read(8);
  bits.skip(16);
  bits.exp();
  let chromaFormat = 1;
  let bitDepth = 8;
  let isSeparate = false;
  if (HIGH_PROFILES.has(profile)) {
    chromaFormat = bits.exp();
    if (chromaFormat === 3) isSeparate = bits.flag();
    bitDepth = 8 + bits.exp();
    bits.exp();
    bits.skip(1);
    if (bits.flag()) skipScalingLists(bits, chromaFormat === 3 ? 12 : 8);
  }
  bits.exp();
  skipPictureOrder(bits);
  bits.exp();
  bits.skip(1);
  const widthInBlocks = bits.exp() + 1;
  const mapUnits = bits.exp() + 1;
  const isFrameOnly = bits.flag();
  if (!isFrameOnly) bits.skip(1);
  bits.skip(1);
  const [left, right, top, bottom] = bits.flag() ? [bits.exp(), bits.exp(), bits.exp(), bits.exp()] : [0, 0, 0, 0];
  const fields = isFrameOnly ? 1 : 2;
  const cropX = !isSeparate && (chromaFormat === 1 || chromaFormat === 2) ? 2 : 1;
  const cropY = (!isSeparate && chromaFormat === 1 ? 2 : 1) * fields;
  return {
    width: widthInBlocks * 16 - (left + right) * cropX,
    height: mapUnits * 16 * fields - (top + bottom) * cropY,
    reorderFrames: bits.flag() ? readAvcReorder(bits) : undefined,
    chromaFormat,
    bitDepth,
    isInterlaced: !isFrameOnly,
  };
}

function skipScalingLists(bits: Bits, count: number): void {
  for (let list = 0; list < count; list += 1) {
    const isPresent = bits.flag();
    if (isPresent) skipScalingList(bits, list < 6 ? 16 : 64);
  }
}

function skipScalingList(bits: Bits, size: number): void {
  let last = 8;
  let next = 8;
  for (let index = 0; index < size; index += 1) {
    if (next !== 0) next = (last + bits.signedExp() + 256) % 256;
    last = next === 0 ? last : next;
  }
}

function skipPictureOrder(bits: Bits): void {
  const type = bits.exp();
  if (type === 0) {
    bits.exp();
  } else if (type === 1) {
    bits.skip(1);
    bits.exp();
    bits.exp();
    const count = bits.exp();
    for (let index = 0; index < Math.min(count, 255); index += 1) bits.exp();
  }
}

/** H.264 E.1.1: the VUI parameters up to max_num_reorder_frames. */
function readAvcReorder(bits: Bits): number | undefined {
  if (bits.flag() && bits.read(8) === 255) bits.skip(32);
  if (bits.flag()) bits.skip(1);
  if (bits.flag()) {
    bits.skip(4);
    if (bits.flag()) bits.skip(24);
  }
  if (bits.flag()) {
    bits.exp();
    bits.exp();
  }
  if (bits.flag()) bits.skip(65);
  const hasNalHrd = bits.flag();
  if (hasNalHrd) skipHrd(bits);
  const hasVclHrd = bits.flag();
  if (hasVclHrd) skipHrd(bits);
  if (hasNalHrd || hasVclHrd) bits.skip(1);
  bits.skip(1);
  if (!bits.flag()) return undefined;
  bits.skip(1);
  for (let index = 0; index < 4; index += 1) bits.exp();
  return bits.exp();
}

function skipHrd(bits: Bits): void {
  const count = bits.exp() + 1;
  bits.skip(8);
  for (let index = 0; index < Math.min(count, 32); index += 1) {
    bits.exp();
    bits.exp();
    bits.skip(1);
  }
  bits.skip(20);
}

function readHevc(bits: Bits): SequenceFacts {
  bits.skip(4);
  const subLayers = bits.read(3);
  bits.skip(1);
  skipProfileTierLevel(bits, subLayers);
  bits.exp();
  const chromaFormat = bits.exp();
  const isSeparate = chromaFormat === 3 && bits.flag();
  const [width, height] = [bits.exp(), bits.exp()];
  const [left, right, top, bottom] = bits.flag() ? [bits.exp(), bits.exp(), bits.exp(), bits.exp()] : [0, 0, 0, 0];
  const cropX = !isSeparate && (chromaFormat === 1 || chromaFormat === 2) ? 2 : 1;
  const cropY = !isSeparate && chromaFormat === 1 ? 2 : 1;
  const bitDepth = 8 + bits.exp();
  bits.exp();
  bits.exp();
  const isPerLayer = bits.flag();
  let reorderFrames = 0;
  for (let layer = isPerLayer ? 0 : subLayers; layer <= subLayers; layer += 1) {
    bits.exp();
    reorderFrames = bits.exp();
    bits.exp();
  }
  return {
    width: width - (left + right) * cropX,
    height: height - (top + bottom) * cropY,
    reorderFrames,
    chromaFormat,
    bitDepth,
    isInterlaced: false,
  };
}

function skipProfileTierLevel(bits: Bits, subLayers: number): void {
  bits.skip(88 + 8);
  const present = Array.from({ length: subLayers }, () => [bits.flag(), bits.flag()] as const);
  if (subLayers > 0) bits.skip((8 - subLayers) * 2);
  for (const [hasProfile, hasLevel] of present) bits.skip((hasProfile ? 88 : 0) + (hasLevel ? 8 : 0));
}

/** Removes emulation prevention bytes (H.264 7.4.1): 00 00 03 represents 00 00. */
export function withoutEmulation(unit: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(unit.length);
  let length = 0;
  let zeros = 0;
  for (const byte of unit) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    bytes[length] = byte;
    length += 1;
  }
  return bytes.subarray(0, length);
}

const CUT = new Error('cut');

/** Reads bits, the highest of each byte first. Throws CUT beyond the end. */
class Bits {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  flag(): boolean {
    return this.read(1) === 1;
  }

  read(count: number): number {
    let value = 0;
    for (let index = 0; index < count; index += 1) {
      const byte = this.#bytes[this.#position >> 3];
      if (byte === undefined) throw CUT;
      value = value * 2 + ((byte >> (7 - (this.#position & 7))) & 1);
      this.#position += 1;
    }
    return value;
  }

  skip(count: number): void {
    this.#position += count;
    if (this.#position > this.#bytes.length * 8) throw CUT;
  }

  /** ue(v), H.264 9.1. */
  exp(): number {
    let zeros = 0;
    while (!this.flag()) {
      zeros += 1;
      if (zeros > 32) throw CUT;
    }
    return 2 ** zeros - 1 + this.read(zeros);
  }

  /** se(v), H.264 9.1.1. */
  signedExp(): number {
    const value = this.exp();
    return value % 2 === 0 ? -value / 2 : (value + 1) / 2;
  }
}
