/**
 * Writes NUT (nut.txt, version 3) with one H.264 stream and one of marks, whose packets say nothing but their time. Every packet is
 * written out in full: few of them are, and no reader has to know what came before. Pure.
 */

/** What a reader accepts at most between two syncpoints is this, in bytes. */
const MAX_DISTANCE = 65_536;
const SYNC_EVERY_BYTES = MAX_DISTANCE / 2;
/** Ticks a second. */
export const TIME_BASE = 90_000;
const MSB_PTS_SHIFT = 7;

const FLAG = { key: 1, codedPts: 8, streamId: 16, sizeMsb: 32, checksum: 64, coded: 4096, invalid: 8192 } as const;
const START_CODES = {
  main: [0x4e, 0x4d, 0x7a, 0x56, 0x1f, 0x5f, 0x04, 0xad],
  stream: [0x4e, 0x53, 0x11, 0x40, 0x5b, 0xf2, 0xf9, 0xdb],
  syncpoint: [0x4e, 0x4b, 0xe4, 0xad, 0xee, 0xca, 0x45, 0x69],
} as const;
const FILE_ID = [...new TextEncoder().encode('nut/multimedia container'), 0];

export type NutStream = 'video' | 'marks';
const STREAM_IDS: Readonly<Record<NutStream, number>> = { video: 0, marks: 1 };

export class NutMuxer {
  #position = 0;
  #syncedAt = 0;

  /** What comes first. The size is only what a reader begins with: the pictures tell their own. */
  header(): Uint8Array {
    const timeBase = [1, ...unsigned(1), ...unsigned(TIME_BASE)];
    // Of the 256 codes one alone means anything: that everything is told. 'N' begins start codes and is not counted.
    const codes = [...codeRun(FLAG.invalid, 1), ...codeRun(FLAG.coded, 1), ...codeRun(FLAG.invalid, 253)];
    return this.#count(
      Uint8Array.from([
        ...FILE_ID,
        ...withStartCode('main', [3, 2, ...unsigned(MAX_DISTANCE), ...timeBase, ...codes, 0]),
        ...withStartCode('stream', [...streamHeader('video', 0, 'H264'), 16, 16, 1, 1, 0]),
        ...withStartCode('stream', streamHeader('marks', 2, 'UTF8')),
        ...this.#syncpoint(0),
      ]),
    );
  }

  /** `ticks`: whole and not negative, in the time base. */
  packet(stream: NutStream, ticks: number, data: Uint8Array): Uint8Array {
    const isFar = this.#position - this.#syncedAt > SYNC_EVERY_BYTES;
    const synced = isFar ? this.#syncpoint(ticks) : [];
    const flags = FLAG.key | FLAG.codedPts | FLAG.streamId | FLAG.sizeMsb | FLAG.checksum;
    const fields = [STREAM_IDS[stream], ...unsigned(ticks + 2 ** MSB_PTS_SHIFT), ...unsigned(data.length)];
    const header = [1, ...unsigned(flags), ...fields];
    const head = [...synced, ...header, ...checksum(header)];
    const bytes = new Uint8Array(head.length + data.length);
    bytes.set(head);
    bytes.set(data, head.length);
    return this.#count(bytes);
  }

  #syncpoint(ticks: number): number[] {
    this.#syncedAt = this.#position;
    return withStartCode('syncpoint', [...unsigned(ticks), 0]);
  }

  #count(bytes: Uint8Array): Uint8Array {
    this.#position += bytes.length;
    return bytes;
  }
}

function codeRun(flags: number, count: number): number[] {
  // Flags, six fields: time delta, multiplier, stream, size, reserved, how many codes.
  return [...unsigned(flags), 6, 0, 1, 0, 0, 0, ...unsigned(count)];
}

/** Up to what depends on the class: video is 0, subtitles 2. */
function streamHeader(stream: NutStream, streamClass: number, fourcc: string): number[] {
  const tag = new TextEncoder().encode(fourcc);
  const timing = [0, MSB_PTS_SHIFT, ...unsigned(2 ** 20), 0, 0];
  return [STREAM_IDS[stream], streamClass, tag.length, ...tag, ...timing, 0];
}

function withStartCode(kind: keyof typeof START_CODES, content: readonly number[]): number[] {
  return [...START_CODES[kind], ...unsigned(content.length + 4), ...content, ...checksum(content)];
}

/** `v`: base 128, most significant group first. */
function unsigned(value: number): number[] {
  const bytes = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift((rest % 128) + 128);
  return bytes;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24;
  for (let bit = 0; bit < 8; bit += 1) value = (value << 1) ^ (value < 0 ? 0x04c11db7 : 0);
  return value >>> 0;
});

/** CRC-32 of the generator 0x04c11db7, most significant bit first, begun with 0: four bytes. */
function checksum(bytes: readonly number[]): number[] {
  let crc = 0;
  for (const byte of bytes) crc = ((crc << 8) ^ CRC_TABLE[(crc >>> 24) ^ byte]!) >>> 0;
  return [crc >>> 24, (crc >>> 16) & 255, (crc >>> 8) & 255, crc & 255];
}
