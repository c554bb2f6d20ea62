import { NAL } from '../h264-depacketizer.js';

/**
 * H.264 and Opus as Matroska (RFC 9559), for a reader on a pipe. Every ffmpeg reads it, with codec parameters in its header and without a delay:
 * a block is complete when it arrives, whereas MPEG-TS needs the start of the next frame. Pure.
 */

export interface MatroskaTracks {
  /** `AVCDecoderConfigurationRecord`. */
  readonly record: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly hasAudio: boolean;
}

export interface MatroskaBlock {
  readonly kind: 'audio' | 'video';
  readonly timeMs: number;
  readonly isKeyframe: boolean;
  /** One Opus packet, or NAL units of one picture. */
  readonly payload: readonly Uint8Array[];
}

const VIDEO_TRACK = 1;
const AUDIO_TRACK = 2;
const UNKNOWN_SIZE = Uint8Array.of(0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
/** RFC 7845, 5.1: version 1, two channels, no pre-skip, 48 kHz, no gain, mapping family 0. Decoders take mono packets as well. */
const OPUS_HEAD = Uint8Array.of(
  ...[0x4f, 0x70, 0x75, 0x73, 0x48, 0x65, 0x61, 0x64, 1, 2, 0, 0],
  ...[0x80, 0xbb, 0, 0, 0, 0, 0],
);
const OPUS_RATE = 48_000;
/** RFC 9559, 28.1: what an Opus decoder needs before a position. */
const OPUS_PREROLL_NS = 80_000_000;
/** "End of sequence" (H.264, 7.3.2.5); see `createKeyframeFlush` in ingest/rtmp. */
const END_OF_SEQUENCE = Uint8Array.of(0x6a);

/** Everything before the first block. */
export function matroskaHeader({ record, width, height, hasAudio }: MatroskaTracks): Uint8Array {
  const ebml = element(
    [0x1a, 0x45, 0xdf, 0xa3],
    ...[uint([0x42, 0x86], 1), uint([0x42, 0xf7], 1), uint([0x42, 0xf2], 4), uint([0x42, 0xf3], 8)],
    ...[text([0x42, 0x82], 'matroska'), uint([0x42, 0x87], 4), uint([0x42, 0x85], 2)],
  );
  const info = element(
    [0x15, 0x49, 0xa9, 0x66],
    ...[uint([0x2a, 0xd7, 0xb1], 1_000_000), text([0x4d, 0x80], 'sidepipe'), text([0x57, 0x41], 'sidepipe')],
  );
  const video = element(
    [0xae],
    ...[...trackHead(VIDEO_TRACK, 1), text([0x86], 'V_MPEG4/ISO/AVC'), element([0x63, 0xa2], record)],
    element([0xe0], uint([0xb0], width), uint([0xba], height)),
  );
  const audio = element(
    [0xae],
    ...[...trackHead(AUDIO_TRACK, 2), text([0x86], 'A_OPUS'), element([0x63, 0xa2], OPUS_HEAD)],
    uint([0x56, 0xbb], OPUS_PREROLL_NS),
    element([0xe1], float([0xb5], OPUS_RATE), uint([0x9f], 2)),
  );
  const tracks = element([0x16, 0x54, 0xae, 0x6b], video, ...(hasAudio ? [audio] : []));
  return concat([ebml, Uint8Array.of(0x18, 0x53, 0x80, 0x67), UNKNOWN_SIZE, info, tracks]);
}

/** One block in a cluster of its own: readers then never wait for the next cluster, and any time fits. */
export function matroskaCluster({ kind, timeMs, isKeyframe, payload }: MatroskaBlock): Uint8Array {
  const frame = kind === 'audio' ? payload : payload.flatMap((unit) => [lengthOf(unit), unit]);
  const track = kind === 'video' ? VIDEO_TRACK : AUDIO_TRACK;
  const head = Uint8Array.of(0x80 | track, 0, 0, isKeyframe || kind === 'audio' ? 0x80 : 0);
  return element([0x1f, 0x43, 0xb6, 0x75], uint([0xe7], Math.max(0, timeMs)), element([0xa3], head, ...frame));
}

export interface MatroskaWriter {
  /** Starts a stream at time 0. `flushKeyframes`: the reader decodes only keyframes, and must output each one at once. */
  begin(tracks: MatroskaTracks, options: { readonly flushKeyframes: boolean }): Uint8Array;
  /** The block; empty if the stream must not contain it: video starts with a keyframe, and nothing precedes that. */
  write(block: MatroskaBlock): Uint8Array;
}

/** Writes one stream after the other. Times start at 0 and increase for each track. */
export function createMatroskaWriter(): MatroskaWriter {
  let startMs: number | undefined;
  let latest = { audio: -1, video: -1 };
  let hasAudio = false;
  let flushes = false;
  let isBehindKeyframe = false;

  return {
    begin(tracks, { flushKeyframes }) {
      startMs = undefined;
      latest = { audio: -1, video: -1 };
      hasAudio = tracks.hasAudio;
      flushes = flushKeyframes;
      isBehindKeyframe = false;
      return matroskaHeader(tracks);
    },
    write(block) {
      const { kind, isKeyframe } = block;
      if (startMs === undefined && (kind === 'audio' || !isKeyframe)) return new Uint8Array();
      if (kind === 'audio' && !hasAudio) return new Uint8Array();
      startMs ??= block.timeMs;
      const timeMs = Math.max(Math.round(block.timeMs - startMs), latest[kind] + 1);
      latest[kind] = timeMs;
      if (kind === 'audio') return matroskaCluster({ ...block, timeMs });
      // Parameter sets are in the header: a change starts another stream.
      const payload = block.payload.filter((unit) => !isParameterSet(unit));
      if (flushes && isBehindKeyframe) payload.push(END_OF_SEQUENCE);
      isBehindKeyframe = isKeyframe;
      return matroskaCluster({ ...block, timeMs, payload });
    },
  };
}

function isParameterSet(unit: Uint8Array): boolean {
  const type = (unit[0] ?? 0) & 0x1f;
  return type === NAL.sps || type === NAL.pps;
}

/** Number, unique id, type, no lacing, no language. */
function trackHead(number: number, type: number): Uint8Array[] {
  const flags = [uint([0xd7], number), uint([0x73, 0xc5], number), uint([0x83], type), uint([0x9c], 0)];
  return [...flags, text([0x22, 0xb5, 0x9c], 'und')];
}

function element(id: readonly number[], ...content: readonly Uint8Array[]): Uint8Array {
  const size = content.reduce((sum, { length }) => sum + length, 0);
  // Sizes of four bytes: up to 256 MB.
  const head = [...id, 0x10 | (size >>> 24), (size >>> 16) & 0xff, (size >>> 8) & 0xff, size & 0xff];
  return concat([Uint8Array.from(head), ...content]);
}

function uint(id: readonly number[], value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; rest > 0 || bytes.length === 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return element(id, Uint8Array.from(bytes));
}

function float(id: readonly number[], value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  return element(id, bytes);
}

function text(id: readonly number[], value: string): Uint8Array {
  return element(id, new TextEncoder().encode(value));
}

function lengthOf({ length }: Uint8Array): Uint8Array {
  return Uint8Array.of(length >>> 24, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff);
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
