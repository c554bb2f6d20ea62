import { parameterSets } from './nal.js';
import { firstUnits } from './transport-stream.js';
import type { Container } from './window.js';

interface ComparedMedia {
  readonly container: Container;
  /** fMP4 only. */
  readonly init?: Uint8Array;
  readonly segment: Uint8Array;
}

/**
 * A short text that stays the same while a rendition's tracks do: codecs, parameter sets (with resolution and profile) and ADTS settings.
 * Reads only the start of a segment and never throws. When it changes, `inspectMedia` is worth its cost.
 */
export function trackSignature({ container, init, segment }: ComparedMedia): string {
  return container === 'mpegts' ? transportStreamSignature(segment) : fmp4Signature(init, segment);
}

const NOTHING_SEEN = hash(new Uint8Array(0));

/**
 * Merges what is known of the tracks with what another segment shows. `changed` only if both contain a track and differ: a short segment
 * can lack audio, and not every segment repeats its parameter sets.
 */
export function mergeSignatures(known: string | undefined, seen: string): { known: string; changed: boolean } {
  const before = tracksOf(known ?? '');
  const now = tracksOf(seen);
  const changed = [...now].some(([track, value]) => (before.get(track) ?? value) !== value);
  return { known: [...new Map([...before, ...now])].map((entry) => entry.join(':')).join(' '), changed };
}

function tracksOf(signature: string): Map<string, string> {
  const entries = signature.split(' ').map((part): [string, string] => {
    const colon = part.indexOf(':');
    return [part.slice(0, colon), part.slice(colon + 1)];
  });
  return new Map(entries.filter(([track, value]) => track !== '' && value !== NOTHING_SEEN));
}

function transportStreamSignature(segment: Uint8Array): string {
  return firstUnits(segment)
    .map(({ streamType, unit }) => {
      const codec = { 27: 'avc', 36: 'hevc' }[streamType] as 'avc' | 'hevc' | undefined;
      const bytes = codec === undefined ? adtsSettings(unit) : concat(parameterSets(splitStartCodes(unit), codec));
      return `${streamType.toString(16)}:${hash(bytes)}`;
    })
    .join(' ');
}

/**
 * The initialization segment contains nearly everything. But ffmpeg writes it once per run, and passes on a camera's new parameter sets
 * inside the first frame, so those are included.
 */
function fmp4Signature(init: Uint8Array | undefined, segment: Uint8Array): string {
  const head = init ?? new Uint8Array(0);
  const codec = find(head, 'hvcC') >= 0 ? 'hevc' : find(head, 'avcC') >= 0 ? 'avc' : undefined;
  const inBand = codec === undefined ? [] : parameterSets(splitLengths(firstSamples(segment)), codec);
  return `init:${hash(head)} picture:${hash(concat(inBand))}`;
}

/** The start of the first sample: the payload of the first `mdat` box. */
function firstSamples(segment: Uint8Array): Uint8Array {
  const view = new DataView(segment.buffer, segment.byteOffset, segment.byteLength);
  for (let offset = 0; offset + 8 <= segment.byteLength; ) {
    const size = view.getUint32(offset);
    if (view.getUint32(offset + 4) === 0x6d646174) {
      return segment.subarray(offset + 8);
    }
    if (size < 8) {
      break;
    }
    offset += size;
  }
  return new Uint8Array(0);
}

/** NAL units with a length prefix of four bytes, as in MP4. */
function* splitLengths(bytes: Uint8Array): Iterable<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let offset = 0; offset + 4 <= bytes.byteLength; ) {
    const size = view.getUint32(offset);
    if (size === 0 || size > bytes.byteLength - offset - 4) {
      return;
    }
    yield bytes.subarray(offset + 4, offset + 4 + size);
    offset += 4 + size;
  }
}

/** NAL units between start codes, as in MPEG-TS (Annex B). */
function* splitStartCodes(bytes: Uint8Array): Iterable<Uint8Array> {
  let start = -1;
  for (let index = 0; index + 2 < bytes.byteLength; index += 1) {
    if (bytes[index] === 0 && bytes[index + 1] === 0 && bytes[index + 2] === 1) {
      if (start >= 0) {
        yield trimZeros(bytes.subarray(start, index));
      }
      start = index + 3;
      index += 2;
    }
  }
  if (start >= 0) {
    yield bytes.subarray(start);
  }
}

/** Zeros before a start code belong to it, not to the previous unit. */
function trimZeros(unit: Uint8Array): Uint8Array {
  let end = unit.byteLength;
  while (end > 0 && unit[end - 1] === 0) {
    end -= 1;
  }
  return unit.subarray(0, end);
}

/** Profile, sampling rate and channels of an ADTS header; empty for other audio. */
function adtsSettings(unit: Uint8Array): Uint8Array {
  const isAdts = unit[0] === 0xff && ((unit[1] ?? 0) & 0xf6) === 0xf0;
  return isAdts ? Uint8Array.of(unit[2] ?? 0, (unit[3] ?? 0) & 0xc0) : new Uint8Array(0);
}

function find(bytes: Uint8Array, text: string): number {
  const [a, b, c, d] = [...text].map((letter) => letter.charCodeAt(0));
  for (let index = bytes.indexOf(a ?? 0); index >= 0; index = bytes.indexOf(a ?? 0, index + 1)) {
    if (bytes[index + 1] === b && bytes[index + 2] === c && bytes[index + 3] === d) {
      return index;
    }
  }
  return -1;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.byteLength;
  }
  return bytes;
}

/** FNV-1a, 32 bits: detects changes, without cryptographic strength. */
function hash(bytes: Uint8Array): string {
  let value = 0x811c9dc5;
  for (const byte of bytes) {
    value = Math.imul(value ^ byte, 0x01000193);
  }
  return (value >>> 0).toString(16).padStart(8, '0');
}
