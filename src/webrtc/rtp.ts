/** RTP packets (RFC 3550) and arithmetic of their numbers. Pure. */

/** One RTP packet. `payload` is a view of the bytes that it was parsed from. */
export interface RtpPacket {
  readonly marker: boolean;
  readonly payloadType: number;
  /** 16 bits. */
  readonly sequence: number;
  /** 32 bits. */
  readonly timestamp: number;
  readonly ssrc: number;
  readonly payload: Uint8Array;
}

const HEADER_BYTES = 12;

/** Whether bytes that share a port with RTP are RTCP (RFC 5761, 4): the second byte is a packet type between 192 and 223. */
export function isRtcp(bytes: Uint8Array): boolean {
  const type = bytes[1] ?? 0;
  return bytes.length >= 8 && type >= 192 && type <= 223;
}

/** Undefined if the bytes are not a complete RTP packet. */
export function parseRtp(bytes: Uint8Array): RtpPacket | undefined {
  if (bytes.length < HEADER_BYTES || bytes[0]! >> 6 !== 2) return undefined;
  const first = bytes[0]!;
  const second = bytes[1]!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let start = HEADER_BYTES + 4 * (first & 0x0f);
  const hasExtension = (first & 0x10) !== 0;
  if (hasExtension) {
    if (bytes.length < start + 4) return undefined;
    start += 4 + 4 * view.getUint16(start + 2);
  }
  const hasPadding = (first & 0x20) !== 0;
  const padding = hasPadding ? bytes[bytes.length - 1]! : 0;
  const end = bytes.length - padding;
  if (start > end || (hasPadding && padding === 0)) return undefined;
  return {
    marker: second >= 0x80,
    payloadType: second & 0x7f,
    sequence: view.getUint16(2),
    timestamp: view.getUint32(4),
    ssrc: view.getUint32(8),
    payload: bytes.subarray(start, end),
  };
}

/** The packet without extensions and padding. */
export function writeRtp({ marker, payloadType, sequence, timestamp, ssrc, payload }: RtpPacket): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x80;
  bytes[1] = (marker ? 0x80 : 0) | (payloadType & 0x7f);
  view.setUint16(2, sequence & 0xffff);
  view.setUint32(4, timestamp >>> 0);
  view.setUint32(8, ssrc >>> 0);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/** How far `sequence` is ahead of `reference`, from -32768 to 32767. */
export function sequenceDistance(sequence: number, reference: number): number {
  return ((sequence - reference) << 16) >> 16;
}

/** How far `timestamp` is ahead of `reference`, within 32 bits. */
export function timestampDistance(timestamp: number, reference: number): number {
  return (timestamp - reference) | 0;
}

/** Numbers of 16 or 32 bits as numbers that do not wrap around. Each result is the nearest one to the newest result. */
export class Unwrapper {
  readonly #distance: (value: number, reference: number) => number;
  #newest: number | undefined;

  constructor(bits: 16 | 32) {
    this.#distance = bits === 16 ? sequenceDistance : timestampDistance;
  }

  unwrap(value: number): number {
    const newest = this.#newest;
    const result = newest === undefined ? value : newest + this.#distance(value, newest);
    if (newest === undefined || result > newest) this.#newest = result;
    return result;
  }
}
