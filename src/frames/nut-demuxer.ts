import { GrowingBuffer } from '../io/growing-buffer.js';
import {
  type FrameHeader,
  INCOMPLETE,
  invalid,
  type MainHeader,
  NutReader,
  readFrameHeader,
  readMainHeader,
  readSyncpoint,
  readVideoHeader,
  type VideoHeader,
} from './nut-header.js';

const FILE_ID = new TextEncoder().encode('nut/multimedia container\0');
/** More than any header that ffmpeg writes; what is longer is not NUT. */
const MAX_HEADER_BYTES = 65_536;
/** Before a header's length: start code, length and checksum. */
const MAX_HELD_BYTES = MAX_HEADER_BYTES + 64;
/** How much of a piece is taken at a time for a header of unknown length, which is a frame's and short. */
const STEP_BYTES = 64;
const START_CODE_LETTERS = { main: 0x4d, stream: 0x53, syncpoint: 0x4b } as const;

/** What a packet's header says of it. */
interface PacketHeader {
  /** Presentation time on the stream's own timeline, in seconds. */
  readonly ptsSeconds: number;
  readonly isKey: boolean;
  readonly bytes: number;
}

export interface NutDemuxerOptions {
  /** The stream's header: once at the beginning, and again whenever the muxer repeats it. */
  readonly onVideo?: (video: VideoHeader) => void;
  /** A packet's header. Answers a buffer of at least its `bytes`, or undefined to let the packet pass by unread. */
  readonly acquire: (header: PacketHeader, video: VideoHeader) => Uint8Array | undefined;
  /** The packet is whole: `data` is the buffer that `acquire` gave, cut to size; undefined where it gave none. */
  readonly onPacket: (header: PacketHeader, data: Uint8Array | undefined, video: VideoHeader) => void;
}

/** A packet whose bytes are still arriving. */
interface Filling {
  readonly header: PacketHeader;
  readonly buffer: Uint8Array | undefined;
  filled: number;
}

/**
 * Cuts NUT with one video stream into packets. Bytes may come in pieces of any size; each byte of a packet is copied once at most,
 * from the piece that it came in to the buffer that the packet leaves in. Throws `frame-invalid` on bytes that are not NUT,
 * and then takes no more. Pure.
 */
export class NutDemuxer {
  readonly #options: NutDemuxerOptions;
  /** A header that is cut. */
  readonly #rest = new GrowingBuffer();
  /** How long that header is at least; less need not be looked at. */
  #needed = 0;
  /** Bytes of headers that were looked at again, because they had come in pieces. */
  #reread = 0;
  #greeted = false;
  #main: MainHeader | undefined;
  #video: VideoHeader | undefined;
  #lastPts = 0;
  #filling: Filling | undefined;
  #failure: unknown;

  constructor(options: NutDemuxerOptions) {
    this.#options = options;
  }

  push(piece: Uint8Array): void {
    // What follows a fault cannot be told apart from what is wrong with it.
    if (this.#failure !== undefined) throw this.#failure;
    try {
      let bytes = piece;
      while (bytes.length > 0) {
        bytes = this.#filling === undefined ? this.#readHeader(bytes) : this.#fill(this.#filling, bytes);
      }
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  /** Bytes that were copied and read again because headers came in pieces. */
  get work(): number {
    return this.#rest.copiedBytes + this.#reread;
  }

  /** Reads one header off the front and returns what is behind it; keeps a header that is cut for the next piece. */
  #readHeader(bytes: Uint8Array): Uint8Array {
    if (this.#rest.length > 0) return this.#goOn(bytes);
    const used = this.#try(bytes);
    if (used !== undefined) return bytes.subarray(used);
    this.#keep(bytes);
    return bytes.subarray(bytes.length);
  }

  /** Goes on with a header that was cut: takes no more of the piece than the header may need, and all of it only once. */
  #goOn(bytes: Uint8Array): Uint8Array {
    for (let at = 0; at < bytes.length; ) {
      const missing = this.#needed - this.#rest.length;
      const taken = bytes.subarray(at, at + (missing > 0 ? missing : STEP_BYTES));
      this.#keep(taken);
      at += taken.length;
      if (this.#rest.length < this.#needed) continue;
      this.#reread += this.#rest.length;
      const used = this.#try(this.#rest.bytes);
      if (used === undefined) continue;
      const surplus = this.#rest.length - used;
      this.#rest.clear();
      return bytes.subarray(at - surplus);
    }
    return bytes.subarray(bytes.length);
  }

  #keep(bytes: Uint8Array): void {
    if (this.#rest.length + bytes.length > MAX_HELD_BYTES) throw invalid('a header without an end');
    this.#rest.append(bytes);
  }

  /** How long the header at the start is; undefined when it is cut. */
  #try(view: Uint8Array): number | undefined {
    try {
      const used = this.#readPacket(view);
      this.#needed = 0;
      return used;
    } catch (error) {
      if (error !== INCOMPLETE) throw error;
      return undefined;
    }
  }

  /** Reads one packet's header at the start of `view` and returns its length. Throws INCOMPLETE when it is cut. */
  #readPacket(view: Uint8Array): number {
    if (!this.#greeted) {
      const id = new NutReader(view).bytes(FILE_ID.length);
      if (!id.every((byte, index) => byte === FILE_ID[index])) throw invalid('no NUT file id');
      this.#greeted = true;
      return FILE_ID.length;
    }
    if (view[0] === 0x4e) return this.#readStartCode(view);
    if (this.#main === undefined || this.#video === undefined) throw invalid('a frame before its headers');
    const reader = new NutReader(view);
    this.#begin(readFrameHeader(reader, this.#main, this.#video, this.#lastPts), this.#video);
    return reader.position;
  }

  /** A packet with a start code: headers, syncpoints, and others (info, index) that say nothing that is needed here. */
  #readStartCode(view: Uint8Array): number {
    const reader = new NutReader(view);
    const letter = reader.bytes(8)[1];
    const length = reader.unsigned();
    if (length > MAX_HEADER_BYTES) throw invalid(`a header of ${length} bytes`);
    this.#needed = reader.position + (length > 4096 ? 4 : 0) + length;
    if (length > 4096) reader.bytes(4);
    const start = reader.position;
    reader.bytes(length);
    const body = new NutReader(view.subarray(0, reader.position), start);
    try {
      this.#readBody(letter, body);
    } catch (error) {
      // The packet is whole, so running out of bytes inside it means that its contents lie about their length.
      throw error === INCOMPLETE ? invalid('a header that is cut short') : error;
    }
    return reader.position;
  }

  #readBody(letter: number | undefined, body: NutReader): void {
    if (letter === START_CODE_LETTERS.main) this.#main = readMainHeader(body);
    else if (this.#main === undefined) throw invalid('no main header');
    else if (letter === START_CODE_LETTERS.stream) {
      this.#video = readVideoHeader(body, this.#main);
      this.#options.onVideo?.(this.#video);
    } else if (letter === START_CODE_LETTERS.syncpoint && this.#video !== undefined)
      this.#lastPts = readSyncpoint(body, this.#main, this.#video);
  }

  #begin(frame: FrameHeader, video: VideoHeader): void {
    this.#lastPts = frame.pts;
    const bytes = frame.dataBytes + frame.elision.length;
    if (bytes === 0) return; // end of relevance: a mark, not a packet
    const { numerator, denominator } = video.timeBase;
    const header = { bytes, isKey: frame.isKey, ptsSeconds: (frame.pts * numerator) / denominator };
    const buffer = this.#options.acquire(header, video)?.subarray(0, bytes);
    buffer?.set(frame.elision);
    this.#filling = { header, buffer, filled: frame.elision.length };
    // A packet that is all elision has no bytes to wait for.
    if (frame.dataBytes === 0) this.#fill(this.#filling, frame.elision.subarray(0, 0));
  }

  #fill(filling: Filling, bytes: Uint8Array): Uint8Array {
    const { header, buffer } = filling;
    const taken = Math.min(bytes.length, header.bytes - filling.filled);
    buffer?.set(bytes.subarray(0, taken), filling.filled);
    filling.filled += taken;
    if (filling.filled === header.bytes) {
      this.#filling = undefined;
      this.#options.onPacket(header, buffer, this.#video!);
    }
    return bytes.subarray(taken);
  }
}
