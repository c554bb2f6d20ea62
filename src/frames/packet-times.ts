/** One packet of the source's video. */
export interface PacketTime {
  readonly ptsSeconds: number;
  readonly dtsSeconds: number;
  readonly isKey: boolean;
}

const PACKET_BYTES = 188;
const SYNC_BYTE = 0x47;
const TICKS_PER_SECOND = 90_000;
const TIMESTAMP_RANGE = 2 ** 33;
/** Parameter sets come first in a keyframe, and are much shorter. */
const KEYFRAME_START_BYTES = 4096;

export interface PacketTimesOptions {
  readonly onPacket: (packet: PacketTime) => void;
  /** The start of the first keyframe, as in an elementary stream; it contains the parameter sets. */
  readonly onKeyframeStart?: (bytes: Uint8Array) => void;
}

/**
 * Reads the presentation times of frames from the MPEG-TS that ffmpeg copies them to, in pieces of any size, and the start of the first
 * keyframe. MPEG-TS is the only plain container that ffmpeg starts before it knows the frame size, as when it joins a camera between two
 * keyframes. Bytes that are not MPEG-TS are skipped. Pure.
 */
export class PacketTimesParser {
  readonly #options: PacketTimesOptions;
  readonly #packet = new Uint8Array(PACKET_BYTES);
  #filled = 0;

  /** The first keyframe while it arrives; undefined before and after. */
  #keyframe: Uint8Array | undefined;
  #keyframeBytes = 0;
  #sawKeyframe = false;

  constructor(options: PacketTimesOptions) {
    this.#options = options;
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

  /** ISO/IEC 13818-1, 2.4.3: a transport packet that starts a video frame contains the start of its PES packet. */
  #read(packet: Uint8Array): void {
    const beginsUnit = (packet[1]! & 0x40) !== 0;
    const hasAdaptation = (packet[3]! & 0x20) !== 0;
    const hasPayload = (packet[3]! & 0x10) !== 0;
    if (!hasPayload) return;
    const adaptationBytes = hasAdaptation ? packet[4]! + 1 : 0;
    const payload = packet.subarray(4 + adaptationBytes);
    if (!beginsUnit) {
      this.#gather(payload);
      return;
    }
    const isVideo = payload[0] === 0 && payload[1] === 0 && payload[2] === 1 && (payload[3]! & 0xf0) === 0xe0;
    if (!isVideo || payload.length < 14 || (payload[7]! & 0x80) === 0) return;
    this.#endKeyframe();
    const ptsSeconds = timestampAt(payload, 9) / TICKS_PER_SECOND;
    const hasDts = (payload[7]! & 0x40) !== 0 && payload.length >= 19;
    const dtsSeconds = hasDts ? timestampAt(payload, 14) / TICKS_PER_SECOND : ptsSeconds;
    const isKey = adaptationBytes > 1 && (packet[5]! & 0x40) !== 0;
    this.#options.onPacket({ ptsSeconds, dtsSeconds, isKey });
    if (!isKey || this.#sawKeyframe) return;
    this.#sawKeyframe = true;
    this.#keyframe = new Uint8Array(KEYFRAME_START_BYTES);
    this.#gather(payload.subarray(9 + payload[8]!));
  }

  #gather(bytes: Uint8Array): void {
    if (this.#keyframe === undefined) return;
    const taken = bytes.subarray(0, KEYFRAME_START_BYTES - this.#keyframeBytes);
    this.#keyframe.set(taken, this.#keyframeBytes);
    this.#keyframeBytes += taken.length;
    if (this.#keyframeBytes === KEYFRAME_START_BYTES) this.#endKeyframe();
  }

  #endKeyframe(): void {
    const keyframe = this.#keyframe;
    this.#keyframe = undefined;
    if (keyframe !== undefined) this.#options.onKeyframeStart?.(keyframe.subarray(0, this.#keyframeBytes));
  }
}

/** 33 bits in five bytes, with marker bits in between. The upper half of the range means times before zero. */
function timestampAt(bytes: Uint8Array, at: number): number {
  const high = (bytes[at]! >> 1) & 7;
  const middle = ((bytes[at + 1]! << 7) | (bytes[at + 2]! >> 1)) & 0x7fff;
  const low = ((bytes[at + 3]! << 7) | (bytes[at + 4]! >> 1)) & 0x7fff;
  const ticks = high * 2 ** 30 + middle * 2 ** 15 + low;
  return ticks < TIMESTAMP_RANGE / 2 ? ticks : ticks - TIMESTAMP_RANGE;
}
