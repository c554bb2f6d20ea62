import type { RtpPacket } from '../../src/webrtc/rtp.js';

/** H.264 as RTP packets (RFC 6184, packetization mode 1). */

export interface H264Picture {
  /** NAL units. */
  readonly units: readonly Uint8Array[];
  readonly isKeyframe: boolean;
}

export type H264Packet = RtpPacket & { readonly isAfterLoss?: boolean };

/** 25 pictures a second. Parameter sets are aggregated where they fit; units that do not fit are fragmented. */
export function packetize(pictures: readonly H264Picture[], packetBytes: number, firstSequence = 0): H264Packet[] {
  const packets: H264Packet[] = [];
  pictures.forEach(({ units }, index) => {
    const payloads = payloadsOf(units, packetBytes);
    payloads.forEach((payload, place) => {
      packets.push({
        ...{ marker: place === payloads.length - 1, payloadType: 96, ssrc: 1, payload },
        sequence: (firstSequence + packets.length) & 0xffff,
        timestamp: index * 3600,
      });
    });
  });
  return packets;
}

function payloadsOf(units: readonly Uint8Array[], packetBytes: number): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  const [first, second] = units;
  const isAggregated =
    first !== undefined &&
    second !== undefined &&
    (first[0]! & 0x1f) === 7 &&
    first.length + second.length + 5 <= packetBytes;
  if (isAggregated) payloads.push(aggregate([first, second]));
  for (const unit of isAggregated ? units.slice(2) : units) {
    if (unit.length <= packetBytes) payloads.push(unit);
    else payloads.push(...fragments(unit, packetBytes));
  }
  return payloads;
}

function aggregate(units: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from([0x78, ...units.flatMap((unit) => [unit.length >> 8, unit.length & 0xff, ...unit])]);
}

function fragments(unit: Uint8Array, packetBytes: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 1; at < unit.length; at += packetBytes - 2) {
    const end = Math.min(unit.length, at + packetBytes - 2);
    const flags = (at === 1 ? 0x80 : 0) | (end === unit.length ? 0x40 : 0);
    pieces.push(Uint8Array.of((unit[0]! & 0xe0) | 28, flags | (unit[0]! & 0x1f), ...unit.subarray(at, end)));
  }
  return pieces;
}
