import { sameBytes } from '../bytes.js';
import { type AccessUnitStart, isSlice, type NalCodec, nalType, readAccessUnitStart } from './nal-units.js';

/** An access unit's first slice starts within this, after parameter sets and messages. */
const MAX_HEAD_BYTES = 65_536;
const FIRST_BUFFER_BYTES = 1024;
const START_CODE = Uint8Array.of(0, 0, 0, 1);
/** More parameter sets of one kind than any encoder uses. */
const MAX_SETS = 32;

/** H.264 table 7-1, H.265 table 7-1: parameter sets in the order that a decoder needs, and the access unit delimiter. */
const SET_TYPES = { avc: [7, 8], hevc: [32, 33, 34] } as const;
const DELIMITER = { avc: { type: 9, bytes: 2 }, hevc: { type: 35, bytes: 3 } } as const;

/** Reads the start of access units, which arrive in pieces: everything up to the first slice. */
export class UnitHead {
  readonly #codec: NalCodec;
  #bytes = new Uint8Array(FIRST_BUFFER_BYTES);
  #filled = 0;
  #scanned = 0;
  #zeros = 0;
  /** Where NAL units start, after their start codes. */
  #starts: number[] = [];
  #isOpen = false;

  constructor(codec: NalCodec) {
    this.#codec = codec;
  }

  /** Whether the first slice of the current access unit has not arrived yet. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Number of bytes before the first slice, including its start code; known once it has arrived. */
  get bytesBeforeSlice(): number {
    return this.#scanned;
  }

  /** The next access unit starts. */
  begin(): void {
    this.#filled = 0;
    this.#scanned = 0;
    this.#zeros = 0;
    this.#starts = [];
    this.#isOpen = true;
  }

  /** Takes the next bytes; returns the start of the unit once, when its first slice arrives. */
  push(piece: Uint8Array): AccessUnitStart | undefined {
    if (!this.#isOpen) return undefined;
    if (this.#filled + piece.length > MAX_HEAD_BYTES) this.#isOpen = false;
    else this.#append(piece);
    for (; this.#isOpen && this.#scanned < this.#filled; this.#scanned += 1) {
      const byte = this.#bytes[this.#scanned]!;
      const isHeader = this.#starts.at(-1) === this.#scanned;
      if (isHeader && isSlice(this.#bytes.subarray(this.#scanned, this.#scanned + 1), this.#codec)) {
        this.#isOpen = false;
        return readAccessUnitStart(this.#units(), this.#codec);
      }
      if (byte === 1 && this.#zeros >= 2) this.#starts.push(this.#scanned + 1);
      this.#zeros = byte === 0 ? this.#zeros + 1 : 0;
    }
    return undefined;
  }

  #append(piece: Uint8Array): void {
    if (this.#filled + piece.length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#filled + piece.length, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(piece, this.#filled);
    this.#filled += piece.length;
  }

  /** The NAL units up to the slice, of which only the header has arrived. */
  #units(): Uint8Array[] {
    return this.#starts.map((start, index) => {
      const next = this.#starts[index + 1];
      if (next === undefined) return this.#bytes.slice(start, start + 1);
      // The start code, and zeros before it, are not part of the unit.
      let end = next - 3;
      while (end > start && this.#bytes[end - 1] === 0) end -= 1;
      return this.#bytes.slice(start, end);
    });
  }
}

/** The parameter sets that apply to the following frames. Pure. */
export class ParameterSets {
  readonly #codec: NalCodec;
  #sets: readonly Uint8Array[] = [];

  constructor(codec: NalCodec) {
    this.#codec = codec;
  }

  /**
   * Takes the units before a frame. Returns what a decoder that starts with it needs in addition: nothing if all kinds are present, or if
   * they are unknown.
   */
  missing({ parameterSets }: AccessUnitStart): readonly Uint8Array[] {
    const types = SET_TYPES[this.#codec];
    const typeOf = (unit: Uint8Array) => nalType(unit, this.#codec);
    const has = (sets: readonly Uint8Array[], type: number) => sets.some((unit) => typeOf(unit) === type);
    if (parameterSets.length > 0) {
      // A new sequence includes everything it needs; a picture parameter set alone is added to the others.
      const isWhole = types.every((type) => has(parameterSets, type));
      const others = this.#sets.filter((unit) => !parameterSets.some((set) => sameBytes(unit, set)));
      this.#sets = isWhole ? parameterSets : [...others, ...parameterSets].slice(-MAX_SETS);
    }
    if (types.every((type) => has(parameterSets, type))) return [];
    if (!types.every((type) => has(this.#sets, type))) return [];
    return types.flatMap((type) => this.#sets.filter((unit) => typeOf(unit) === type));
  }
}

/** The sets as a byte stream. H.264 annex B. Pure. */
export function inByteStream(sets: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(sets.flatMap((set) => [...START_CODE, ...set]));
}

/** The length of an access unit's delimiter, which must be its first NAL unit. Pure. */
export function delimiterBytes(unit: Uint8Array, codec: NalCodec): number {
  const { type, bytes } = DELIMITER[codec];
  const zeros = unit.findIndex((byte) => byte !== 0);
  const isDelimiter = zeros >= 2 && unit[zeros] === 1 && nalType(unit.subarray(zeros + 1), codec) === type;
  const end = zeros + 1 + bytes;
  return isDelimiter && end <= unit.length ? end : 0;
}
