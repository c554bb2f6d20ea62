import { isSlice, type NalCodec, unitsByLength } from './nal-units.js';

/** One access unit of the track that decides where to cut. */
export interface CodedUnit {
  readonly isKey: boolean;
  /**
   * Bytes of the picture itself, without parameter sets and messages before it and without the filler of a constant bitrate. The same for
   * the same picture, whatever container carries it in which pieces; of MPEG-TS a few bytes less than of MP4.
   */
  readonly bytes: number;
}

/** The bytes of a sample's slices. `lengthBytes`: of the lengths of NAL units. Pure. */
export function codedBytesOfSample(sample: Uint8Array, codec: NalCodec | undefined, lengthBytes: number): number {
  if (codec === undefined) return sample.length;
  let bytes = 0;
  for (const unit of unitsByLength(sample, lengthBytes)) if (isSlice(unit, codec)) bytes += unit.length;
  return bytes;
}

/**
 * How many bytes in a range are not 0xff, of which filler NAL units consist. NAL units are not looked for, because they begin anywhere in
 * any of some 400 packets a second of each Mbit/s. Pure.
 */
export function codedBytesOfPacket(bytes: Uint8Array, start: number, end: number): number {
  let coded = 0;
  for (let at = start; at < end; at += 1) if (bytes[at] !== 0xff) coded += 1;
  return coded;
}
