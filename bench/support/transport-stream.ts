import type { Unit } from './live-source.js';

const PACKET_BYTES = 188;

/**
 * Cuts an MPEG-TS file at its pictures: each unit begins with the packet that begins a picture and is due at that picture's
 * decoding time, counted from the first. What comes before the first picture belongs to it. Throws on lost sync. Pure.
 */
export function cutTransportStream(bytes: Uint8Array): Unit<Uint8Array>[] {
  const starts: { at: number; decodingMs: number; isKeyframe: boolean }[] = [];
  for (let at = 0; at + PACKET_BYTES <= bytes.length; at += PACKET_BYTES) {
    if (bytes[at] !== 0x47) throw new Error(`no sync byte at ${at}`);
    const start = pictureStart(bytes.subarray(at, at + PACKET_BYTES));
    if (start !== undefined) starts.push({ at: starts.length === 0 ? 0 : at, ...start });
  }
  const firstMs = starts[0]?.decodingMs ?? 0;
  return starts.map(({ at, decodingMs, isKeyframe }, index) => ({
    atMs: decodingMs - firstMs,
    isKeyframe,
    data: bytes.subarray(at, starts[index + 1]?.at ?? bytes.length),
  }));
}

/** Of a packet that begins a video PES packet: its decoding time, and whether one can join there. ISO/IEC 13818-1, 2.4.3. */
function pictureStart(packet: Uint8Array): { decodingMs: number; isKeyframe: boolean } | undefined {
  const beginsUnit = (packet[1]! & 0x40) !== 0;
  const hasAdaptation = (packet[3]! & 0x20) !== 0;
  const hasPayload = (packet[3]! & 0x10) !== 0;
  if (!beginsUnit || !hasPayload) return undefined;
  const payload = packet.subarray(hasAdaptation ? 5 + packet[4]! : 4);
  const isVideo = payload[0] === 0 && payload[1] === 0 && payload[2] === 1 && (payload[3]! & 0xf0) === 0xe0;
  if (!isVideo) return undefined;
  const hasDecodingTime = (payload[7]! & 0x40) !== 0;
  const isKeyframe = hasAdaptation && packet[4]! > 0 && (packet[5]! & 0x40) !== 0;
  return { decodingMs: timestampMs(payload.subarray(hasDecodingTime ? 14 : 9)), isKeyframe };
}

/** 33 bits of a 90-kHz clock, in five bytes with marker bits between. */
function timestampMs(field: Uint8Array): number {
  const high = (field[0]! >> 1) & 0x07;
  const middle = (field[1]! << 7) | (field[2]! >> 1);
  const low = (field[3]! << 7) | (field[4]! >> 1);
  return (high * 2 ** 30 + middle * 2 ** 15 + low) / 90;
}
