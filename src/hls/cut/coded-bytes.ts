import { isSlice, type NalCodec, unitsByLength } from './nal-units.js';

/** One access unit of the track that determines the cuts. */
export interface CodedUnit {
  readonly isKey: boolean;
  /**
   * Bytes of the coded frame itself, without preceding parameter sets and messages and without constant bitrate padding. The same for the
   * same frame in any container and any pieces, except for a few bytes between MPEG-TS and MP4.
   */
  readonly bytes: number;
}

/** The number of bytes in a sample's slices. `lengthBytes`: the size of NAL unit lengths. Pure. */
export function codedBytesOfSample(sample: Uint8Array, codec: NalCodec | undefined, lengthBytes: number): number {
  if (codec === undefined) return sample.length;
  let bytes = 0;
  for (const unit of unitsByLength(sample, lengthBytes)) if (isSlice(unit, codec)) bytes += unit.length;
  return bytes;
}

/**
 * Counts the bytes in a range that are not 0xff, the content of filler NAL units. NAL units are not parsed, because they can start anywhere
 * in any of about 400 packets per second and Mbit/s. Pure.
 */
export function codedBytesOfPacket(bytes: Uint8Array, start: number, end: number): number {
  let coded = 0;
  for (let at = start; at < end; at += 1) if (bytes[at] !== 0xff) coded += 1;
  return coded;
}
