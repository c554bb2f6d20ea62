import {
  isSlice,
  type NalCodec,
  nalType,
  readAccessUnitStart,
  SPS_TYPE,
  unitsByLength,
} from '../../hls/cut/nal-units.js';
import { readSps } from '../../hls/cut/sps.js';
import type { LiveVideo } from '../../webrtc/whep/tracks.js';

/** H.264 and HEVC access units as ffmpeg copies them, in the form that RTP packetizers take. Pure. */

/** NAL units after their lengths, as in MP4, or after start codes (Annex B). */
type Framing = { readonly kind: 'lengths'; readonly bytes: 1 | 2 | 3 | 4 } | { readonly kind: 'start-codes' };

const LENGTH_BYTES = 4;
const FIRST_MEMORY_BYTES = 64 * 1024;
/** Of no use to a decoder: access unit delimiters, ends of sequences and streams, filler. */
const LEFT_OUT: Readonly<Record<NalCodec, ReadonlySet<number>>> = {
  avc: new Set([9, 10, 11, 12]),
  hevc: new Set([35, 36, 37, 38]),
};
/** More is not video: slices of a large frame are a few hundred. */
const MOST_UNITS = 4096;
/** B-frames are expected until this many frames arrived in order, if the parameter sets allow them. */
const FRAMES_TO_TRUST = 60;

/** An access unit for viewers. `bytes`: NAL units, each after its length in 4 bytes; overwritten by the next one. */
export interface ConvertedUnit {
  readonly bytes: Uint8Array;
  readonly isKey: boolean;
}

/** The content of the stream's header. */
export interface VideoSetup {
  readonly codec: NalCodec;
  /** `avcC`, `hvcC`, or parameter sets with start codes; may be empty. */
  readonly extradata: Uint8Array;
}

/** Converts the access units of one ffmpeg run, and observes what they reveal about the video. */
export class AccessUnitConverter {
  readonly #codec: NalCodec;
  #framing: Framing = { kind: 'start-codes' };
  /** In the order in which they are sent. */
  #parameterSets: readonly Uint8Array[] = [];
  #memory = new Uint8Array(FIRST_MEMORY_BYTES);
  #newestPts = Number.NEGATIVE_INFINITY;
  #isReordered = false;
  #frames = 0;

  constructor({ codec, extradata }: VideoSetup) {
    this.#codec = codec;
    const setup = codec === 'avc' ? readAvcC(extradata) : readHvcC(extradata);
    if (setup !== undefined) this.#framing = { kind: 'lengths', bytes: setup.lengthBytes };
    this.#keep(setup?.sets ?? [...unitsByStartCode(extradata)]);
  }

  /** Undefined before there was a sequence parameter set. */
  get video(): LiveVideo | undefined {
    const sps = this.#parameterSets.find((unit) => nalType(unit, this.#codec) === SPS_TYPE[this.#codec]);
    const facts = sps && readSps(sps, this.#codec);
    if (sps === undefined || facts === undefined) return undefined;
    const { chromaFormat, bitDepth, reorderFrames = 0 } = facts;
    const isExpected = reorderFrames > 0 && this.#frames < FRAMES_TO_TRUST;
    return {
      codec: this.#codec === 'avc' ? 'h264' : 'hevc',
      profile: this.#codec === 'avc' ? (sps[1] ?? 0) : 0,
      ...{ chromaFormat, bitDepth, isReordered: this.#isReordered || isExpected },
    };
  }

  /** A frame's time, whether or not it is converted. Returns whether what is known about the video has changed. */
  frame(ptsSeconds: number): boolean {
    const isEarlier = ptsSeconds < this.#newestPts && this.#newestPts - ptsSeconds < 1;
    const changes = (isEarlier && !this.#isReordered) || this.#frames === FRAMES_TO_TRUST - 1;
    this.#isReordered ||= isEarlier;
    this.#newestPts = ptsSeconds;
    if (this.#frames < FRAMES_TO_TRUST) this.#frames += 1;
    return changes;
  }

  /** Remembers the parameter sets of a keyframe. */
  learn(bytes: Uint8Array): void {
    const { parameterSets } = readAccessUnitStart(this.#units(bytes), this.#codec);
    this.#keep(parameterSets);
  }

  /** Undefined if there is no picture in it. `isKey`: as the demuxer says. */
  convert(bytes: Uint8Array, isKey: boolean): ConvertedUnit | undefined {
    const units: Uint8Array[] = [];
    let hasSets = false;
    let hasPicture = false;
    for (const unit of this.#units(bytes)) {
      const type = nalType(unit, this.#codec);
      if (LEFT_OUT[this.#codec].has(type)) continue;
      hasSets ||= type === SPS_TYPE[this.#codec];
      hasPicture ||= isSlice(unit, this.#codec);
      units.push(unit);
      if (units.length > MOST_UNITS) return undefined;
    }
    if (!hasPicture) return undefined;
    if (hasSets) this.#keep(readAccessUnitStart(units, this.#codec).parameterSets);
    const all = isKey && !hasSets ? [...this.#parameterSets, ...units] : units;
    return { bytes: this.#join(all), isKey };
  }

  #join(units: readonly Uint8Array[]): Uint8Array {
    const length = units.reduce((sum, unit) => sum + LENGTH_BYTES + unit.length, 0);
    if (length > this.#memory.length) this.#memory = new Uint8Array(Math.max(length, 2 * this.#memory.length));
    const view = new DataView(this.#memory.buffer);
    let at = 0;
    for (const unit of units) {
      view.setUint32(at, unit.length);
      this.#memory.set(unit, at + LENGTH_BYTES);
      at += LENGTH_BYTES + unit.length;
    }
    return this.#memory.subarray(0, length);
  }

  /** Only complete sets: a keyframe may repeat the picture parameter sets alone. */
  #keep(units: readonly Uint8Array[]): void {
    const isSet = (unit: Uint8Array) => SET_TYPES[this.#codec].has(nalType(unit, this.#codec));
    const sets = units.filter(isSet);
    if (!sets.some((unit) => nalType(unit, this.#codec) === SPS_TYPE[this.#codec])) return;
    // Copied, because they outlive the access unit.
    this.#parameterSets = sets.slice(0, MOST_SETS).map((unit) => unit.slice());
  }

  #units(bytes: Uint8Array): Iterable<Uint8Array> {
    return this.#framing.kind === 'lengths' ? unitsByLength(bytes, this.#framing.bytes) : unitsByStartCode(bytes);
  }
}

const SET_TYPES: Readonly<Record<NalCodec, ReadonlySet<number>>> = {
  avc: new Set([7, 8]),
  hevc: new Set([32, 33, 34]),
};
const MOST_SETS = 64;

/** NAL units between start codes of three or four bytes; bytes before the first one are skipped. */
function* unitsByStartCode(bytes: Uint8Array): Generator<Uint8Array> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let start = buffer.indexOf(START_CODE);
  while (start >= 0) {
    const from = start + START_CODE.length;
    const next = buffer.indexOf(START_CODE, from);
    let to = next < 0 ? bytes.length : next;
    // trailing_zero_8bits, and the first byte of a start code of four.
    while (to > from && bytes[to - 1] === 0) to -= 1;
    if (to > from) yield bytes.subarray(from, to);
    start = next;
  }
}

const START_CODE = new Uint8Array([0, 0, 1]);

interface StoredSetup {
  readonly lengthBytes: 1 | 2 | 3 | 4;
  readonly sets: readonly Uint8Array[];
}

/** ISO/IEC 14496-15, 5.3.3.1: undefined if the bytes are something else. */
function readAvcC(bytes: Uint8Array): StoredSetup | undefined {
  if (bytes.length < 7 || bytes[0] !== 1) return undefined;
  const sets: Uint8Array[] = [];
  let at = readSets(bytes, 6, bytes[5]! & 0x1f, sets);
  if (at < bytes.length) at = readSets(bytes, at + 1, bytes[at]!, sets);
  return { lengthBytes: lengthBytesOf(bytes[4]!), sets };
}

/** ISO/IEC 14496-15, 8.3.3.1: undefined if the bytes are something else. */
function readHvcC(bytes: Uint8Array): StoredSetup | undefined {
  if (bytes.length < 23 || bytes[0] !== 1) return undefined;
  const sets: Uint8Array[] = [];
  let at = 23;
  for (let array = 0; array < bytes[22]! && at + 3 <= bytes.length; array += 1) {
    at = readSets(bytes, at + 3, (bytes[at + 1]! << 8) | bytes[at + 2]!, sets);
  }
  return { lengthBytes: lengthBytesOf(bytes[21]!), sets };
}

/** Each set after its length in two bytes. Returns the position behind the last one. */
function readSets(bytes: Uint8Array, from: number, count: number, sets: Uint8Array[]): number {
  let at = from;
  for (let index = 0; index < count && at + 2 <= bytes.length; index += 1) {
    const length = (bytes[at]! << 8) | bytes[at + 1]!;
    if (at + 2 + length > bytes.length) return bytes.length;
    if (length > 0) sets.push(bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return at;
}

function lengthBytesOf(byte: number): 1 | 2 | 3 | 4 {
  return ((byte & 3) + 1) as 1 | 2 | 3 | 4;
}
