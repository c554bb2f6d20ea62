import { concat } from '../bytes.js';
import { childBoxes, findBox, type Mp4Box, makeBox, uint32 } from './boxes.js';
import { type InitSegment, type Track, VISUAL_ENTRY_BYTES } from './fmp4-reader.js';
import { type NalCodec, nalType, SPS_TYPE } from './nal-units.js';
import { readSps, withoutEmulation } from './sps.js';

/** The parameter sets in a configuration box (`avcC`, `hvcC`). Never throws; empty if it is not such a box. Pure. */
export function configuredSets(configuration: Uint8Array, codec: NalCodec): Uint8Array[] {
  const sets: Uint8Array[] = [];
  let offset = codec === 'avc' ? 5 : 22;
  const byte = () => configuration[offset++] ?? 0;
  const take = (count: number) => {
    for (let index = 0; index < count; index += 1) {
      const size = byte() * 256 + byte();
      if (size > 0 && offset + size <= configuration.length) sets.push(configuration.subarray(offset, offset + size));
      offset += size;
    }
  };
  if (configuration.length <= offset) return sets;
  if (codec === 'avc') {
    take(byte() & 0x1f);
    take(byte());
  } else {
    for (let arrays = byte(); arrays > 0 && offset < configuration.length; arrays -= 1) {
      offset += 1;
      take(byte() * 256 + byte());
    }
  }
  return sets;
}

/** The number of bytes of each NAL unit's length. Pure. */
export function lengthBytesOf(configuration: Uint8Array, codec: NalCodec): number {
  return ((configuration[codec === 'avc' ? 4 : 21] ?? 3) & 3) + 1;
}

/**
 * An initialization segment with other parameter sets for the video track. Needed when a camera changes its video within a stream, because
 * ffmpeg passes new sets on only inside the samples. Pure.
 */
export function withParameterSets(
  init: InitSegment,
  trackId: number,
  sets: readonly Uint8Array[],
  codec: NalCodec,
): InitSegment {
  const before = init.tracks.find(({ id }) => id === trackId);
  if (before === undefined) return init;
  const configuration = codec === 'avc' ? avcConfiguration(before, sets) : hevcConfiguration(before, sets);
  const sps = sets.find((unit) => nalType(unit, codec) === SPS_TYPE[codec]);
  const size = sps === undefined ? undefined : readSps(sps, codec);
  const changeEntry = (entry: Mp4Box): Uint8Array => {
    const fields = entry.body.slice(0, VISUAL_ENTRY_BYTES);
    if (size !== undefined) {
      const view = new DataView(fields.buffer);
      view.setUint16(24, size.width);
      view.setUint16(26, size.height);
    }
    const children = childBoxes(entry.body.subarray(VISUAL_ENTRY_BYTES)).map((box) =>
      box.type === 'avcC' || box.type === 'hvcC' ? makeBox(box.type, configuration) : box.bytes,
    );
    return makeBox(entry.type, fields, ...children);
  };
  const changeTrack = (trak: Mp4Box): Uint8Array => {
    const tkhd = findBox(trak.body, 'tkhd')?.body;
    const isIt = tkhd !== undefined && uint32(tkhd, tkhd[0] === 1 ? 20 : 12) === trackId;
    return isIt
      ? makeBox('trak', ...mapBoxes(trak.body, ['mdia', 'minf', 'stbl', 'stsd', before.codec], changeEntry))
      : trak.bytes;
  };
  const boxes = mapBoxes(init.bytes, ['moov', 'trak'], changeTrack);
  return {
    bytes: concat(boxes),
    tracks: init.tracks.map((track) => (track.id === trackId ? { ...track, configuration } : track)),
  };
}

/** The boxes of a body, with those at a path changed. */
function mapBoxes(body: Uint8Array, path: readonly string[], change: (box: Mp4Box) => Uint8Array): Uint8Array[] {
  const [type, ...rest] = path;
  return childBoxes(body).map((box) => {
    if (box.type !== type) return box.bytes;
    if (rest.length === 0) return change(box);
    // ISO/IEC 14496-12 8.5.2: version, flags and a count precede the sample entries.
    const fields = type === 'stsd' ? 8 : 0;
    return makeBox(type, box.body.subarray(0, fields), ...mapBoxes(box.body.subarray(fields), rest, change));
  });
}

/** ISO/IEC 14496-15 5.3.3.1. Sets that the frame does not repeat stay unchanged. */
function avcConfiguration({ configuration }: Track, sets: readonly Uint8Array[]): Uint8Array {
  const [sps, pps] = [7, 8].map((type) => setsOf(type, configuration, sets, 'avc'));
  const first = sps![0] ?? new Uint8Array(4);
  const head = Uint8Array.of(1, first[1] ?? 0, first[2] ?? 0, first[3] ?? 0, configuration[4] ?? 0xff);
  const facts = readSps(first, 'avc');
  const isHigh = facts !== undefined && [100, 110, 122, 144].includes(first[1] ?? 0);
  const depth = 0xf8 | ((facts?.bitDepth ?? 8) - 8);
  const tail = isHigh ? Uint8Array.of(0xfc | facts.chromaFormat, depth, depth, 0) : new Uint8Array(0);
  return concat([
    head,
    Uint8Array.of(0xe0 | sps!.length),
    ...sps!.map(withLength),
    Uint8Array.of(pps!.length),
    ...pps!.map(withLength),
    tail,
  ]);
}

/** ISO/IEC 14496-15 8.3.3.1. */
function hevcConfiguration({ configuration }: Track, sets: readonly Uint8Array[]): Uint8Array {
  const head = configuration.slice(0, 22);
  const sps = sets.find((unit) => nalType(unit, 'hevc') === SPS_TYPE.hevc);
  const facts = sps === undefined ? undefined : readSps(sps, 'hevc');
  if (sps !== undefined && facts !== undefined && head.length === 22) {
    // The general profile, tier and level follow the set's first byte, in the same order as here.
    head.set(withoutEmulation(sps.subarray(2)).subarray(1, 13), 1);
    head[16] = 0xfc | facts.chromaFormat;
    head[17] = 0xf8 | (facts.bitDepth - 8);
    head[18] = 0xf8 | (facts.bitDepth - 8);
  }
  const arrays = [32, 33, 34].map((type) => ({ type, units: setsOf(type, configuration, sets, 'hevc') }));
  return concat([
    head,
    Uint8Array.of(arrays.length),
    ...arrays.flatMap(({ type, units }) => [
      Uint8Array.of(0x80 | type, units.length >> 8, units.length & 0xff),
      ...units.map(withLength),
    ]),
  ]);
}

function setsOf(type: number, before: Uint8Array, now: readonly Uint8Array[], codec: NalCodec): readonly Uint8Array[] {
  const found = now.filter((unit) => nalType(unit, codec) === type);
  const sets = found.length > 0 ? found : configuredSets(before, codec).filter((unit) => nalType(unit, codec) === type);
  return sets.slice(0, 31);
}

function withLength(unit: Uint8Array): Uint8Array {
  return concat([Uint8Array.of(unit.length >> 8, unit.length & 0xff), unit]);
}
