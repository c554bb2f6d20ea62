import { concat } from './bytes.js';

export interface ElementaryUnit {
  /** ISO/IEC 13818-1, table 2-34. */
  readonly streamType: number;
  /** The start of the first PES packet's payload. */
  readonly unit: Uint8Array;
}

const packetBytes = 188;
const syncByte = 0x47;
/** Parameter sets are at the very start of a keyframe. */
const maxUnitBytes = 4096;
/** Far enough to contain the start of the first keyframe and the first audio. */
const maxPackets = 4096;

interface Elementary {
  readonly streamType: number;
  readonly pieces: Uint8Array[];
  bytes: number;
  done: boolean;
}

/** The elementary streams of an MPEG-TS segment in the order of its PMT, each with the start of its payload. Never throws. */
export function firstUnits(segment: Uint8Array): ElementaryUnit[] {
  let pmtPid: number | undefined;
  let streams: Map<number, Elementary> | undefined;
  const end = Math.min(segment.byteLength - packetBytes, maxPackets * packetBytes);
  for (let offset = 0; offset <= end && segment[offset] === syncByte; offset += packetBytes) {
    const packet = segment.subarray(offset, offset + packetBytes);
    const starts = (byteAt(packet, 1) & 0x40) !== 0;
    const pid = ((byteAt(packet, 1) & 0x1f) << 8) | byteAt(packet, 2);
    const payload = payloadOf(packet);
    if (pid === 0 && starts) {
      pmtPid ??= firstProgram(sectionOf(payload));
    } else if (pid === pmtPid && starts) {
      streams ??= elementaryStreams(sectionOf(payload));
    } else {
      const stream = streams?.get(pid);
      if (stream !== undefined) {
        take(stream, payload, starts);
      }
      if (streams !== undefined && [...streams.values()].every(({ done }) => done)) {
        break;
      }
    }
  }
  return [...(streams?.values() ?? [])].map(({ streamType, pieces }) => ({ streamType, unit: concat(pieces) }));
}

function take(stream: Elementary, payload: Uint8Array, starts: boolean): void {
  if (stream.done || (!starts && stream.bytes === 0)) {
    return;
  }
  if (starts && stream.bytes > 0) {
    stream.done = true;
    return;
  }
  // A PES packet's header has six bytes, three more, and the number given by the ninth.
  const piece = starts ? payload.subarray(9 + byteAt(payload, 8)) : payload;
  stream.pieces.push(piece);
  stream.bytes += piece.byteLength;
  stream.done = stream.bytes >= maxUnitBytes;
}

function payloadOf(packet: Uint8Array): Uint8Array {
  const control = (byteAt(packet, 3) >> 4) & 3;
  if ((control & 1) === 0) {
    return packet.subarray(packetBytes);
  }
  return packet.subarray(control === 3 ? 5 + byteAt(packet, 4) : 4);
}

/** A table section without its pointer field and its checksum. */
function sectionOf(payload: Uint8Array): Uint8Array {
  const section = payload.subarray(1 + byteAt(payload, 0));
  const length = ((byteAt(section, 1) & 0x0f) << 8) | byteAt(section, 2);
  return section.subarray(0, Math.max(0, 3 + length - 4));
}

/** The PMT's PID of the first program in a PAT (number 0 is the network information table). */
function firstProgram(section: Uint8Array): number | undefined {
  for (let offset = 8; offset + 4 <= section.byteLength; offset += 4) {
    if (byteAt(section, offset) !== 0 || byteAt(section, offset + 1) !== 0) {
      return ((byteAt(section, offset + 2) & 0x1f) << 8) | byteAt(section, offset + 3);
    }
  }
  return undefined;
}

function elementaryStreams(section: Uint8Array): Map<number, Elementary> {
  const streams = new Map<number, Elementary>();
  let offset = 12 + (((byteAt(section, 10) & 0x0f) << 8) | byteAt(section, 11));
  while (offset + 5 <= section.byteLength) {
    const pid = ((byteAt(section, offset + 1) & 0x1f) << 8) | byteAt(section, offset + 2);
    streams.set(pid, { streamType: byteAt(section, offset), pieces: [], bytes: 0, done: false });
    offset += 5 + (((byteAt(section, offset + 3) & 0x0f) << 8) | byteAt(section, offset + 4));
  }
  return streams;
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}
