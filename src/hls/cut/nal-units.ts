/** The codecs whose access units consist of NAL units. */
export type NalCodec = 'avc' | 'hevc';

/** The information in an access unit's first NAL units, up to its first slice. */
export interface AccessUnitStart {
  /** Decoding can start here without earlier media: an IDR picture (HEVC: IDR or BLA). */
  readonly isIndependent: boolean;
  /** The parameter sets before the first slice: H.264 SPS and PPS; HEVC VPS, SPS and PPS. */
  readonly parameterSets: readonly Uint8Array[];
}

const NOTHING: AccessUnitStart = { isIndependent: false, parameterSets: [] };

/** The codec of a sample entry, if it is one of these. Pure. */
export function nalCodecOf(sampleEntry: string): NalCodec | undefined {
  if (sampleEntry === 'avc1' || sampleEntry === 'avc3') return 'avc';
  return sampleEntry === 'hvc1' || sampleEntry === 'hev1' ? 'hevc' : undefined;
}

/** Parses an access unit's NAL units up to its first slice. Never throws: parsing stops at an invalid unit. Pure. */
export function readAccessUnitStart(units: Iterable<Uint8Array>, codec: NalCodec): AccessUnitStart {
  const parameterSets: Uint8Array[] = [];
  for (const unit of units) {
    const header = unit[0];
    // forbidden_zero_bit: neither this nor what follows is a NAL unit.
    if (header === undefined || (header & 0x80) !== 0) return NOTHING;
    if (isSlice(unit, codec)) return { isIndependent: isIndependentSlice(unit, codec), parameterSets };
    if (isParameterSet(nalType(unit, codec), codec)) parameterSets.push(unit);
  }
  return { isIndependent: false, parameterSets };
}

/** A NAL unit's type. Pure. */
export function nalType(unit: Uint8Array, codec: NalCodec): number {
  const header = unit[0] ?? 0;
  return codec === 'avc' ? header & 0x1f : (header >> 1) & 0x3f;
}

/** The type of a sequence parameter set, by codec. */
export const SPS_TYPE = { avc: 7, hevc: 33 } as const;

/** Whether a NAL unit is part of a coded picture. Pure. */
export function isSlice(unit: Uint8Array, codec: NalCodec): boolean {
  const type = nalType(unit, codec);
  return codec === 'avc' ? type >= 1 && type <= 5 : type <= 31;
}

/**
 * Whether decoding can start with a slice, without earlier media. H.264 table 7-1: type 5 is an IDR picture. H.265 table 7-1: 16 to 18 are
 * BLA, 19 and 20 IDR pictures; a CRA picture may have leading pictures that need earlier ones. Pure.
 */
function isIndependentSlice(unit: Uint8Array, codec: NalCodec): boolean {
  const type = nalType(unit, codec);
  return codec === 'avc' ? type === 5 : type >= 16 && type <= 20;
}

function isParameterSet(type: number, codec: NalCodec): boolean {
  return codec === 'avc' ? type === 7 || type === 8 : type >= 32 && type <= 34;
}

/** NAL units that each follow their length in `lengthBytes` bytes, as in MP4. An invalid length ends the parsing. Pure. */
export function* unitsByLength(bytes: Uint8Array, lengthBytes: number): Generator<Uint8Array> {
  for (let offset = 0; offset + lengthBytes <= bytes.length; ) {
    let size = 0;
    for (let index = 0; index < lengthBytes; index += 1) size = size * 256 + bytes[offset + index]!;
    const start = offset + lengthBytes;
    if (size === 0 || size > bytes.length - start) return;
    yield bytes.subarray(start, start + size);
    offset = start + size;
  }
}
