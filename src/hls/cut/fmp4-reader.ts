import { concat } from '../bytes.js';
import { BoxReader, childBoxes, findBox, int32, type Mp4Box, makeBox, notMedia, uint32, uint64 } from './boxes.js';

/** A track of an fMP4 stream. */
export interface Track {
  readonly id: number;
  readonly kind: 'video' | 'audio' | 'other';
  /** The sample entry's four characters, such as `avc1` or `mp4a`. */
  readonly codec: string;
  /** Ticks per second. */
  readonly timescale: number;
  /** The sample entry's configuration box without its header (`avcC`, `hvcC`, …); empty if none is needed. */
  readonly configuration: Uint8Array;
}

/** An initialization segment. Its edit lists are applied to the samples instead, because players interpret them differently. */
export interface InitSegment {
  readonly bytes: Uint8Array;
  readonly tracks: readonly Track[];
}

/** One sample: an access unit of video, or a frame of audio. */
export interface Sample {
  readonly track: Track;
  readonly data: Uint8Array;
  /** In the track's ticks, on a timeline that all tracks share: edit lists are applied. */
  readonly decodeTicks: number;
  readonly durationTicks: number;
  /** Presentation time minus decoding time, in the track's ticks. */
  readonly compositionTicks: number;
  /** ISO/IEC 14496-12 8.8.3.1. */
  readonly flags: number;
}

/** The next element of the stream: an initialization segment, or one fragment's samples. */
export type ReadMedia = { readonly init: InitSegment } | { readonly samples: readonly Sample[] };

/** ISO/IEC 14496-12 8.8.3.1: sample_is_non_sync_sample. */
export const NON_SYNC_FLAG = 0x1_0000;
/** More samples than any fragment that this project requests. */
const MAX_SAMPLES = 65_536;

interface Defaults {
  duration: number;
  size: number;
  flags: number;
}

interface ReadTrack {
  readonly track: Track;
  readonly defaults: Readonly<Defaults>;
  /** The track's shift by its edit list. */
  readonly editTicks: number;
}

/**
 * Parses the fragmented MP4 that ffmpeg writes, in pieces of any size, into samples. Throws `source-not-media` on anything else, and then
 * accepts no more. Pure.
 */
export class Fmp4Reader {
  readonly #boxes = new BoxReader();
  readonly #tracks = new Map<number, ReadTrack>();
  #fileType: Uint8Array = new Uint8Array(0);
  #moof: Mp4Box | undefined;

  push(piece: Uint8Array): ReadMedia[] {
    const media: ReadMedia[] = [];
    for (const box of this.#boxes.push(piece)) {
      if (box.type === 'ftyp') this.#fileType = box.bytes;
      else if (box.type === 'moov') media.push({ init: this.#readMovie(box) });
      else if (box.type === 'moof') this.#moof = box;
      else if (box.type === 'mdat') media.push({ samples: this.#readFragment(box) });
    }
    return media;
  }

  #readMovie(moov: Mp4Box): InitSegment {
    this.#tracks.clear();
    const children = childBoxes(moov.body);
    const mvhd = findBox(moov.body, 'mvhd')?.body;
    if (mvhd === undefined) throw notMedia('movie without a header');
    const movieTimescale = uint32(mvhd, mvhd[0] === 1 ? 20 : 12);
    const extends_ = new Map(
      childBoxes(children.find(({ type }) => type === 'mvex')?.body ?? new Uint8Array(0))
        .filter(({ type }) => type === 'trex')
        .map(({ body }) => [uint32(body, 4), readDefaults(body)] as const),
    );
    for (const trak of children.filter(({ type }) => type === 'trak')) {
      const track = readTrack(trak);
      if (this.#tracks.has(track.id)) throw notMedia('duplicate track id');
      const editTicks = readEdits(trak, movieTimescale, track.timescale);
      const defaults = extends_.get(track.id) ?? { duration: 0, size: 0, flags: 0 };
      this.#tracks.set(track.id, { track, defaults, editTicks });
    }
    if (this.#tracks.size === 0) throw notMedia('no track');
    const parts = children.map((box) => (box.type === 'trak' ? steadyTrack(box) : box.bytes));
    return {
      bytes: concat([this.#fileType, makeBox('moov', ...parts)]),
      tracks: [...this.#tracks.values()].map(({ track }) => track),
    };
  }

  #readFragment(mdat: Mp4Box): Sample[] {
    const moof = this.#moof;
    if (moof === undefined) throw notMedia('samples without a moof box');
    this.#moof = undefined;
    const samples: Sample[] = [];
    for (const traf of childBoxes(moof.body).filter(({ type }) => type === 'traf')) {
      samples.push(...this.#readTrackFragment(traf, moof.bytes.length, mdat));
      if (samples.length > MAX_SAMPLES) throw notMedia('too many samples in a fragment');
    }
    return samples;
  }

  #readTrackFragment(traf: Mp4Box, moofBytes: number, mdat: Mp4Box): Sample[] {
    const children = childBoxes(traf.body);
    const tfhd = children.find(({ type }) => type === 'tfhd');
    const tfdt = children.find(({ type }) => type === 'tfdt');
    if (tfhd === undefined || tfdt === undefined) throw notMedia('track fragment without a header');
    const known = this.#tracks.get(uint32(tfhd.body, 4));
    if (known === undefined) throw notMedia('fragment of an unknown track');
    const defaults = readFragmentDefaults(tfhd.body, known.defaults);
    let ticks = (tfdt.body[0] === 1 ? uint64(tfdt.body, 4) : uint32(tfdt.body, 4)) + known.editTicks;
    const samples: Sample[] = [];
    // Offsets count from the moof box; the samples are in the mdat box that follows it.
    let offset = -moofBytes;
    for (const trun of children.filter(({ type }) => type === 'trun')) {
      const run = readRun(trun.body, defaults);
      offset = run.dataOffset === undefined ? offset : run.dataOffset - moofBytes;
      for (const { duration, size, flags, composition } of run.samples) {
        if (offset < mdat.bytes.length - mdat.body.length || offset + size > mdat.bytes.length) {
          throw notMedia('sample outside its fragment');
        }
        samples.push({
          track: known.track,
          data: mdat.bytes.subarray(offset, offset + size),
          decodeTicks: ticks,
          durationTicks: duration,
          compositionTicks: composition,
          flags,
        });
        offset += size;
        ticks += duration;
      }
    }
    return samples;
  }
}

function readTrack(trak: Mp4Box): Track {
  const tkhd = findBox(trak.body, 'tkhd')?.body;
  const mdhd = findBox(trak.body, 'mdia', 'mdhd')?.body;
  const hdlr = findBox(trak.body, 'mdia', 'hdlr')?.body;
  const stsd = findBox(trak.body, 'mdia', 'minf', 'stbl', 'stsd')?.body;
  if (tkhd === undefined || mdhd === undefined || hdlr === undefined || stsd === undefined) {
    throw notMedia('track without headers');
  }
  const timescale = uint32(mdhd, mdhd[0] === 1 ? 20 : 12);
  if (timescale === 0) throw notMedia('track without a timescale');
  const handler = handlerOf(hdlr);
  const kind = handler === 'vide' ? 'video' : handler === 'soun' ? 'audio' : 'other';
  const entry = childBoxes(stsd.subarray(8))[0];
  if (entry === undefined) throw notMedia('track without a sample entry');
  const configuration = kind === 'video' ? configurationOf(entry) : new Uint8Array(0);
  return { id: uint32(tkhd, tkhd[0] === 1 ? 20 : 12), kind, codec: entry.type, timescale, configuration };
}

/** ISO/IEC 14496-12 12.1.3: a visual sample entry has 78 bytes before its boxes. */
export const VISUAL_ENTRY_BYTES = 78;
/** ISO/IEC 14496-12 12.2.3: an audio one 28. */
const AUDIO_ENTRY_BYTES = 28;

function configurationOf(entry: Mp4Box): Uint8Array {
  const box = childBoxes(entry.body.subarray(VISUAL_ENTRY_BYTES)).find(({ type }) =>
    /^(avcC|hvcC|av1C|vpcC)$/.test(type),
  );
  return box?.body ?? new Uint8Array(0);
}

/**
 * How far an edit list shifts a track, in the track's ticks: an empty edit delays it, a media time cuts off what precedes it. ffmpeg writes
 * at most one of each.
 */
function readEdits(trak: Mp4Box, movieTimescale: number, timescale: number): number {
  const elst = findBox(trak.body, 'edts', 'elst')?.body;
  if (elst === undefined) return 0;
  const isLong = elst[0] === 1;
  const entryBytes = isLong ? 20 : 12;
  let moved = 0;
  for (let index = 0; index < uint32(elst, 4); index += 1) {
    const offset = 8 + index * entryBytes;
    const duration = isLong ? uint64(elst, offset) : uint32(elst, offset);
    const isEmpty = int32(elst, offset + (isLong ? 8 : 4)) === -1;
    if (!isEmpty) return moved - (isLong ? uint64(elst, offset + 8) : int32(elst, offset + 4));
    moved += Math.round((duration * timescale) / (movieTimescale || 1));
  }
  return moved;
}

/**
 * A track without its edit list and without the bitrates measured by ffmpeg, which differ for each run: they would change the
 * initialization segment without a benefit for any player.
 */
function steadyTrack(trak: Mp4Box): Uint8Array {
  const steady = makeBox(
    'trak',
    ...childBoxes(trak.body)
      .filter(({ type }) => type !== 'edts')
      .map(({ bytes }) => bytes),
  );
  const stsd = findBox(steady.subarray(8), 'mdia', 'minf', 'stbl', 'stsd')?.body;
  for (const entry of childBoxes(stsd?.subarray(8) ?? new Uint8Array(0))) {
    for (const { type, body } of childBoxes(entry.body.subarray(entryBytesOf(steady)))) {
      // ISO/IEC 14496-12 8.5.2: the size of the buffer, then the two rates.
      if (type === 'btrt') body.fill(0);
      if (type === 'esds') clearRates(body);
    }
  }
  return steady;
}

function entryBytesOf(trak: Uint8Array): number {
  const hdlr = findBox(trak.subarray(8), 'mdia', 'hdlr')?.body;
  return handlerOf(hdlr ?? new Uint8Array(0)) === 'vide' ? VISUAL_ENTRY_BYTES : AUDIO_ENTRY_BYTES;
}

function handlerOf(hdlr: Uint8Array): string {
  return String.fromCharCode(...hdlr.subarray(8, 12));
}

/** ISO/IEC 14496-1 7.2.6.6: the rates in a DecoderConfigDescriptor; 0 means unknown. */
function clearRates(esds: Uint8Array): void {
  let offset = 4;
  const enter = (tag: number): boolean => {
    const isIt = esds[offset] === tag;
    offset += 1;
    // ISO/IEC 14496-1 8.3.3: seven bits of the size per byte, and a bit for whether another byte follows.
    while (((esds[offset] ?? 0) & 0x80) !== 0) offset += 1;
    offset += 1;
    return isIt;
  };
  if (!enter(0x03)) return;
  const flags = esds[offset + 2] ?? 0;
  // ffmpeg writes an ES_Descriptor without its optional fields.
  offset += 3;
  if (flags !== 0 || !enter(0x04)) return;
  esds.fill(0, offset + 5, offset + 13);
}

function readDefaults(trex: Uint8Array): Defaults {
  return { duration: uint32(trex, 12), size: uint32(trex, 16), flags: uint32(trex, 20) };
}

function readFragmentDefaults(tfhd: Uint8Array, before: Readonly<Defaults>): Defaults {
  const flags = uint32(tfhd, 0) & 0xff_ffff;
  let offset = 8;
  const next = (flag: number, bytes: number) => {
    if ((flags & flag) === 0) return undefined;
    const start = offset;
    offset += bytes;
    return start;
  };
  next(0x01, 8);
  next(0x02, 4);
  const [duration, size, sampleFlags] = [next(0x08, 4), next(0x10, 4), next(0x20, 4)];
  return {
    duration: duration === undefined ? before.duration : uint32(tfhd, duration),
    size: size === undefined ? before.size : uint32(tfhd, size),
    flags: sampleFlags === undefined ? before.flags : uint32(tfhd, sampleFlags),
  };
}

interface Run {
  readonly dataOffset: number | undefined;
  readonly samples: readonly (Defaults & { readonly composition: number })[];
}

function readRun(trun: Uint8Array, defaults: Readonly<Defaults>): Run {
  const flags = uint32(trun, 0) & 0xff_ffff;
  const count = uint32(trun, 4);
  if (count > MAX_SAMPLES) throw notMedia('too many samples in a fragment');
  let offset = 8;
  const number = (flag: number) => {
    if ((flags & flag) === 0) return undefined;
    offset += 4;
    return uint32(trun, offset - 4);
  };
  const dataOffset = (flags & 0x01) === 0 ? undefined : number(0x01)! | 0;
  const firstFlags = number(0x04);
  const samples = Array.from({ length: count }, (_, index) => ({
    duration: number(0x100) ?? defaults.duration,
    size: number(0x200) ?? defaults.size,
    flags: number(0x400) ?? (index === 0 ? (firstFlags ?? defaults.flags) : defaults.flags),
    // Version 0 is unsigned, but no offset needs the highest bit.
    composition: (number(0x800) ?? 0) | 0,
  }));
  return { dataOffset, samples };
}
