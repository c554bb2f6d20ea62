/** One packet of the source's video. */
export interface PacketTime {
  readonly ptsSeconds: number;
  readonly isKey: boolean;
}

const PACKET_BYTES = 188;
const SYNC_BYTE = 0x47;
const TICKS_PER_SECOND = 90_000;
const TIMESTAMP_RANGE = 2 ** 33;

/**
 * Reads when pictures are to be shown from the MPEG-TS that ffmpeg copies them to, cut anywhere; of the rest, nothing is kept. MPEG-TS,
 * because it is the one plain container that ffmpeg begins before it knows the size of the picture, as when it joins a
 * camera between two keyframes. Bytes that are none are passed over. Pure.
 */
export class PacketTimesParser {
  readonly #onPacket: (packet: PacketTime) => void;
  readonly #onPayload: ((data: Uint8Array, packet: PacketTime | undefined) => void) | undefined;
  #videoId: number | undefined;
  readonly #packet = new Uint8Array(PACKET_BYTES);
  #filled = 0;

  /** `onPayload`: what each transport packet carries of the video, lent, and of which picture where one begins with it. */
  constructor(
    onPacket: (packet: PacketTime) => void,
    onPayload?: (data: Uint8Array, packet: PacketTime | undefined) => void,
  ) {
    this.#onPacket = onPacket;
    this.#onPayload = onPayload;
  }

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#filled === 0 && bytes[at] !== SYNC_BYTE) {
        at += 1;
        continue;
      }
      const taken = Math.min(PACKET_BYTES - this.#filled, bytes.length - at);
      this.#packet.set(bytes.subarray(at, at + taken), this.#filled);
      this.#filled += taken;
      at += taken;
      if (this.#filled < PACKET_BYTES) return;
      this.#filled = 0;
      this.#read(this.#packet);
    }
  }

  /** ISO/IEC 13818-1, 2.4.3: a transport packet with which a video picture begins has the start of its PES packet. */
  #read(packet: Uint8Array): void {
    const beginsUnit = (packet[1]! & 0x40) !== 0;
    const hasAdaptation = (packet[3]! & 0x20) !== 0;
    const hasPayload = (packet[3]! & 0x10) !== 0;
    if (!hasPayload) return;
    const adaptationBytes = hasAdaptation ? packet[4]! + 1 : 0;
    const id = (packet[1]! & 0x1f) * 256 + packet[2]!;
    if (!beginsUnit) {
      if (id === this.#videoId) this.#onPayload?.(packet.subarray(4 + adaptationBytes), undefined);
      return;
    }
    const isKey = adaptationBytes > 1 && (packet[5]! & 0x40) !== 0;
    const pes = packet.subarray(4 + adaptationBytes);
    const isVideo = pes[0] === 0 && pes[1] === 0 && pes[2] === 1 && (pes[3]! & 0xf0) === 0xe0;
    if (!isVideo || pes.length < 14 || (pes[7]! & 0x80) === 0) return;
    this.#videoId = id;
    const begun = { ptsSeconds: timestampAt(pes, 9) / TICKS_PER_SECOND, isKey };
    this.#onPacket(begun);
    this.#onPayload?.(pes.subarray(9 + pes[8]!), begun);
  }
}

/** 33 bits in five bytes, with marker bits between. The upper half of the range is what comes before zero. */
function timestampAt(bytes: Uint8Array, at: number): number {
  const high = (bytes[at]! >> 1) & 7;
  const middle = ((bytes[at + 1]! << 7) | (bytes[at + 2]! >> 1)) & 0x7fff;
  const low = ((bytes[at + 3]! << 7) | (bytes[at + 4]! >> 1)) & 0x7fff;
  const ticks = high * 2 ** 30 + middle * 2 ** 15 + low;
  return ticks < TIMESTAMP_RANGE / 2 ? ticks : ticks - TIMESTAMP_RANGE;
}
