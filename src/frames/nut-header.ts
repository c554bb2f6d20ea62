import { SidepipeError } from '../errors.js';

/**
 * Parses the headers of NUT, the container of raw frames on the side pipe and of access units. NUT is used because rawvideo has neither
 * timestamps nor framing, and because ffmpeg writes each NUT frame immediately. Numbers and names are those of the NUT specification (nut.txt,
 * version 3). Pure.
 */

/** The header is incomplete: call again with more bytes. */
export const INCOMPLETE = Symbol('incomplete');

const FLAG = {
  key: 1,
  codedPts: 8,
  streamId: 16,
  sizeMsb: 32,
  checksum: 64,
  reserved: 128,
  sideData: 256,
  headerIdx: 1024,
  matchTime: 2048,
  coded: 4096,
  invalid: 8192,
} as const;

interface FrameCode {
  readonly flags: number;
  readonly sizeMul: number;
  readonly sizeLsb: number;
  readonly ptsDelta: number;
  readonly reservedCount: number;
  readonly headerIndex: number;
}

interface TimeBase {
  readonly numerator: number;
  readonly denominator: number;
}

export interface MainHeader {
  readonly timeBases: readonly TimeBase[];
  readonly frameCodes: readonly FrameCode[];
  /** Initial bytes that many small frames have in common and that are omitted from them. */
  readonly elisions: readonly Uint8Array[];
}

export interface StreamHeader {
  /** The codec's tag as four Latin letters, such as `H264` or `avc1`. */
  readonly fourcc: string;
  /** Codec-specific setup data; often empty. */
  readonly extradata: Uint8Array;
  readonly timeBase: TimeBase;
  readonly msbPtsShift: number;
}

export interface VideoHeader extends StreamHeader {
  readonly width: number;
  readonly height: number;
}

export interface AudioHeader extends StreamHeader {
  readonly sampleRate: number;
  readonly channels: number;
}

export interface FrameHeader {
  readonly headerBytes: number;
  readonly dataBytes: number;
  readonly pts: number;
  readonly isKey: boolean;
  readonly elision: Uint8Array;
}

export function invalid(what: string): SidepipeError {
  return new SidepipeError(`The frame data from ffmpeg is invalid: ${what}.`, {
    code: 'frame-invalid',
    fault: 'node',
    retryable: true,
  });
}

const MAX_NUMBER_BYTES = 10;
/** A frame's header is parsed again with each piece of it, so its length is limited: ffmpeg writes no reserved numbers. */
const MAX_RESERVED = 8;

/** A cursor over bytes; reading past the end throws INCOMPLETE. */
export class NutReader {
  position: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, position = 0) {
    this.#bytes = bytes;
    this.position = position;
  }

  byte(): number {
    const value = this.#bytes[this.position];
    if (value === undefined) throw INCOMPLETE;
    this.position += 1;
    return value;
  }

  /** `v`: base 128, most significant group first. */
  unsigned(): number {
    let value = 0;
    // Leading zeros would make it arbitrarily long.
    for (let group = 0; group < MAX_NUMBER_BYTES; group++) {
      const byte = this.byte();
      value = value * 128 + (byte & 127);
      if (value > Number.MAX_SAFE_INTEGER) break;
      if (byte < 128) return value;
    }
    throw invalid('number exceeds 53 bits');
  }

  /** `s`: 0, 1, -1, 2, -2, … */
  signed(): number {
    const value = this.unsigned() + 1;
    return value % 2 === 1 ? -(value - 1) / 2 : value / 2;
  }

  /** `vb`: a length and that many bytes. */
  lengthPrefixed(): Uint8Array {
    return this.bytes(this.unsigned());
  }

  bytes(count: number): Uint8Array {
    if (this.position + count > this.#bytes.length) throw INCOMPLETE;
    this.position += count;
    return this.#bytes.subarray(this.position - count, this.position);
  }
}

const NO_BYTES = new Uint8Array(0);

export function readMainHeader(reader: NutReader): MainHeader {
  const version = reader.unsigned();
  if (version !== 3) throw invalid(`NUT version ${version}`);
  const streams = reader.unsigned();
  if (streams !== 1) throw invalid(`${streams} streams`);
  reader.unsigned(); // max_distance
  const timeBases = Array.from({ length: bounded(reader.unsigned(), 16) }, () => ({
    numerator: reader.unsigned(),
    denominator: reader.unsigned(),
  }));
  if (timeBases.length === 0 || timeBases.some(({ numerator, denominator }) => numerator === 0 || denominator === 0)) {
    throw invalid('invalid time base');
  }
  const frameCodes = readFrameCodes(reader);
  // Copied, because they outlive the piece that they arrived in.
  const elisions = Array.from(
    { length: bounded(reader.unsigned(), 127) },
    () => new Uint8Array(reader.lengthPrefixed()),
  );
  return { timeBases, frameCodes, elisions: [NO_BYTES, ...elisions] };
}

function bounded(count: number, most: number): number {
  if (count > most) throw invalid(`list of ${count} entries`);
  return count;
}

/** The table with the meaning of each of the 256 possible first bytes of a frame, run-length coded by the muxer. */
function readFrameCodes(reader: NutReader): FrameCode[] {
  const codes: FrameCode[] = [];
  const none = { sizeMul: 1, sizeLsb: 0, ptsDelta: 0, reservedCount: 0, headerIndex: 0 };
  let ptsDelta = 0;
  let sizeMul = 1;
  let headerIndex = 0;
  while (codes.length < 256) {
    const flags = reader.unsigned();
    const fields = bounded(reader.unsigned(), 64);
    if (fields > 0) ptsDelta = reader.signed();
    if (fields > 1) sizeMul = reader.unsigned();
    if (fields > 2) reader.unsigned(); // stream
    const size = fields > 3 ? reader.unsigned() : 0;
    const reservedCount = fields > 4 ? reader.unsigned() : 0;
    const count = fields > 5 ? reader.unsigned() : sizeMul - size;
    if (fields > 6) reader.signed(); // match
    if (fields > 7) headerIndex = reader.unsigned();
    for (let field = 8; field < fields; field++) reader.unsigned();
    if (count <= 0 || count > 256) throw invalid(`run of ${count} frame codes`);
    for (let index = 0; index < count && codes.length < 256; index++) {
      // 'N' starts the start codes of headers and is never a frame, so it is not part of the run.
      if (codes.length === 0x4e) codes.push({ flags: FLAG.invalid, ...none });
      codes.push({ flags, sizeMul, sizeLsb: size + index, ptsDelta, reservedCount, headerIndex });
    }
  }
  return codes;
}

export function readVideoHeader(reader: NutReader, main: MainHeader): VideoHeader {
  const header = readStreamHeader(reader, main, 'video');
  const width = reader.unsigned();
  const height = reader.unsigned();
  if (width < 1 || height < 1 || width * height > 2 ** 27) throw invalid(`frame size ${width}×${height}`);
  return { ...header, width, height };
}

export function readAudioHeader(reader: NutReader, main: MainHeader): AudioHeader {
  const header = readStreamHeader(reader, main, 'audio');
  const [numerator, denominator, channels] = [reader.unsigned(), reader.unsigned(), reader.unsigned()];
  const sampleRate = numerator / denominator;
  if (!(sampleRate >= 1 && sampleRate < 2 ** 24) || channels < 1) throw invalid('invalid audio format');
  return { ...header, sampleRate, channels };
}

/** stream_class */
const CLASSES = { video: 0, audio: 1 } as const;

function readStreamHeader(reader: NutReader, main: MainHeader, kind: keyof typeof CLASSES): StreamHeader {
  reader.unsigned(); // stream_id
  if (reader.unsigned() !== CLASSES[kind]) throw invalid(`not ${kind}`);
  const fourcc = String.fromCharCode(...reader.lengthPrefixed().subarray(0, 4));
  const timeBase = main.timeBases[reader.unsigned()];
  if (timeBase === undefined) throw invalid('stream without a time base');
  const msbPtsShift = bounded(reader.unsigned(), 48);
  reader.unsigned(); // max_pts_distance
  reader.unsigned(); // decode_delay
  reader.unsigned(); // stream_flags
  // Copied, because it outlives the piece that it arrived in.
  const extradata = new Uint8Array(reader.lengthPrefixed());
  return { fourcc, extradata, timeBase, msbPtsShift };
}

/** The header of the frame at the reader's position. `lastPts` is the previous timestamp. */
export function readFrameHeader(
  reader: NutReader,
  main: MainHeader,
  stream: StreamHeader,
  lastPts: number,
): FrameHeader {
  const start = reader.position;
  const code = main.frameCodes[reader.byte()]!;
  let flags = code.flags;
  if (flags & FLAG.invalid) throw invalid('unused frame code');
  if (flags & FLAG.coded) flags ^= reader.unsigned();
  if (flags & FLAG.streamId) reader.unsigned();
  const pts = flags & FLAG.codedPts ? fullPts(reader.unsigned(), stream.msbPtsShift, lastPts) : lastPts + code.ptsDelta;
  const size = code.sizeLsb + (flags & FLAG.sizeMsb ? code.sizeMul * reader.unsigned() : 0);
  if (flags & FLAG.matchTime) reader.signed();
  const headerIndex = flags & FLAG.headerIdx ? reader.unsigned() : code.headerIndex;
  let reserved = flags & FLAG.reserved ? reader.unsigned() : code.reservedCount;
  if (flags & FLAG.sideData) throw invalid('side data');
  for (bounded(reserved, MAX_RESERVED); reserved > 0; reserved--) reader.unsigned();
  // Checksums protect files on bad media; a pipe between two processes on one machine does not corrupt data.
  if (flags & FLAG.checksum) reader.bytes(4);
  const elision = size > 4096 ? NO_BYTES : main.elisions[headerIndex];
  if (elision === undefined || elision.length > size) throw invalid('missing elision header');
  return {
    headerBytes: reader.position - start,
    dataBytes: size - elision.length,
    pts,
    isKey: (flags & FLAG.key) !== 0,
    elision,
  };
}

/** Timestamps near the previous one are sent as their low bits. */
function fullPts(coded: number, shift: number, lastPts: number): number {
  const range = 2 ** shift;
  if (coded >= range) return coded - range;
  const from = lastPts - Math.floor((range - 1) / 2);
  return from + ((((coded - from) % range) + range) % range);
}

/** The timestamp that a syncpoint sets, in the stream's time base. */
export function readSyncpoint(reader: NutReader, main: MainHeader, stream: StreamHeader): number {
  const coded = reader.unsigned();
  const timeBase = main.timeBases[coded % main.timeBases.length]!;
  const pts = BigInt(Math.floor(coded / main.timeBases.length));
  const { numerator, denominator } = stream.timeBase;
  // The product exceeds 53 bits for dates in fine time bases, and one tick off would shift every later frame.
  const product = pts * BigInt(timeBase.numerator) * BigInt(denominator);
  return Number(product / (BigInt(timeBase.denominator) * BigInt(numerator)));
}
