import { GrowingBuffer } from '../io/growing-buffer.js';
import type { DecodedPicture, FrameConsumer } from './frame.js';
import {
  type AudioHeader,
  type FrameHeader,
  INCOMPLETE,
  invalid,
  type MainHeader,
  NutReader,
  readAudioHeader,
  readFrameHeader,
  readMainHeader,
  readSyncpoint,
  readVideoHeader,
  type StreamHeader,
  type VideoHeader,
} from './nut-header.js';

const FILE_ID = new TextEncoder().encode('nut/multimedia container\0');
/** Longer than any header that ffmpeg writes; longer ones are not NUT. */
const MAX_HEADER_BYTES = 65_536;
/** What precedes a header: start code, length and checksum. */
const MAX_HELD_BYTES = MAX_HEADER_BYTES + 64;
/** How much of a piece is copied at a time for a header of unknown length, which is a frame's and short. */
const STEP_BYTES = 64;
const START_CODE_LETTERS = { main: 0x4d, stream: 0x53, syncpoint: 0x4b } as const;

/** The content of a packet's header. */
interface PacketHeader {
  /** Presentation time on the stream's own timeline, in seconds. */
  readonly ptsSeconds: number;
  readonly isKey: boolean;
  readonly bytes: number;
}

/** `Header`: the kind of stream. */
export interface NutDemuxerOptions<Header extends StreamHeader = VideoHeader> {
  /** The stream's header: at the start, and again whenever the muxer repeats it. */
  readonly onStream?: (stream: Header) => void;
  /** A packet's header. Returns a buffer of at least `bytes` bytes, or undefined to skip the packet. */
  readonly acquire: (header: PacketHeader, stream: Header) => Uint8Array | undefined;
  /** The packet is complete: `data` is the buffer from `acquire`, cut to size; undefined if it was skipped. */
  readonly onPacket: (header: PacketHeader, data: Uint8Array | undefined, stream: Header) => void;
}

/** Reads the header of the stream. */
type HeaderReader<Header> = (reader: NutReader, main: MainHeader) => Header;

/** A packet that has not arrived completely. */
interface Filling {
  readonly header: PacketHeader;
  readonly buffer: Uint8Array | undefined;
  filled: number;
}

/**
 * Splits NUT with one stream into packets. Bytes may arrive in pieces of any size; each byte of a packet is copied at most once, from
 * the piece to the packet's buffer. Throws `frame-invalid` on bytes that are not NUT, and then accepts no more. Pure.
 */
export class NutDemuxer<Header extends StreamHeader = VideoHeader> {
  readonly #options: NutDemuxerOptions<Header>;
  readonly #readHeaderOf: HeaderReader<Header>;
  /** An incomplete header. */
  readonly #rest = new GrowingBuffer();
  /** The minimum length of that header; fewer bytes need not be parsed. */
  #needed = 0;
  /** Number of header bytes parsed again because they arrived in pieces. */
  #reread = 0;
  #greeted = false;
  #main: MainHeader | undefined;
  #stream: Header | undefined;
  #lastPts = 0;
  #filling: Filling | undefined;
  #failure: unknown;

  private constructor(options: NutDemuxerOptions<Header>, readHeader: HeaderReader<Header>) {
    this.#options = options;
    this.#readHeaderOf = readHeader;
  }

  static video(options: NutDemuxerOptions): NutDemuxer {
    return new NutDemuxer(options, readVideoHeader);
  }

  static audio(options: NutDemuxerOptions<AudioHeader>): NutDemuxer<AudioHeader> {
    return new NutDemuxer(options, readAudioHeader);
  }

  push(piece: Uint8Array): void {
    // After an error, valid data cannot be distinguished from invalid data.
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

  /** Number of bytes copied and parsed again because headers arrived in pieces. */
  get work(): number {
    return this.#rest.copiedBytes + this.#reread;
  }

  /** Reads one header from the front and returns the rest; keeps an incomplete header for the next piece. */
  #readHeader(bytes: Uint8Array): Uint8Array {
    if (this.#rest.length > 0) return this.#goOn(bytes);
    const used = this.#try(bytes);
    if (used !== undefined) return bytes.subarray(used);
    this.#keep(bytes);
    return bytes.subarray(bytes.length);
  }

  /** Continues an incomplete header. Takes no more of the piece than the header may need, and each byte only once. */
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
    if (this.#rest.length + bytes.length > MAX_HELD_BYTES) throw invalid('header too long');
    this.#rest.append(bytes);
  }

  /** The length of the header at the start; undefined if it is incomplete. */
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

  /** Reads one packet's header at the start of `view` and returns its length. Throws INCOMPLETE if it is incomplete. */
  #readPacket(view: Uint8Array): number {
    if (!this.#greeted) {
      const id = new NutReader(view).bytes(FILE_ID.length);
      if (!id.every((byte, index) => byte === FILE_ID[index])) throw invalid('no NUT file id');
      this.#greeted = true;
      return FILE_ID.length;
    }
    if (view[0] === 0x4e) return this.#readStartCode(view);
    if (this.#main === undefined || this.#stream === undefined) throw invalid('frame before its headers');
    const reader = new NutReader(view);
    this.#begin(readFrameHeader(reader, this.#main, this.#stream, this.#lastPts), this.#stream);
    return reader.position;
  }

  /** A packet with a start code: headers, syncpoints, and others (info, index) that are not needed. */
  #readStartCode(view: Uint8Array): number {
    const reader = new NutReader(view);
    const letter = reader.bytes(8)[1];
    const length = reader.unsigned();
    if (length > MAX_HEADER_BYTES) throw invalid(`header of ${length} bytes`);
    this.#needed = reader.position + (length > 4096 ? 4 : 0) + length;
    if (length > 4096) reader.bytes(4);
    const start = reader.position;
    reader.bytes(length);
    const body = new NutReader(view.subarray(0, reader.position), start);
    try {
      this.#readBody(letter, body);
    } catch (error) {
      // The packet is complete, so if bytes are missing in it, its contents state a wrong length.
      throw error === INCOMPLETE ? invalid('truncated header') : error;
    }
    return reader.position;
  }

  #readBody(letter: number | undefined, body: NutReader): void {
    if (letter === START_CODE_LETTERS.main) this.#main = readMainHeader(body);
    else if (this.#main === undefined) throw invalid('no main header');
    else if (letter === START_CODE_LETTERS.stream) {
      this.#stream = this.#readHeaderOf(body, this.#main);
      this.#options.onStream?.(this.#stream);
    } else if (letter === START_CODE_LETTERS.syncpoint && this.#stream !== undefined)
      this.#lastPts = readSyncpoint(body, this.#main, this.#stream);
  }

  #begin(frame: FrameHeader, stream: Header): void {
    this.#lastPts = frame.pts;
    const bytes = frame.dataBytes + frame.elision.length;
    if (bytes === 0) return; // end of relevance: a mark, not a packet
    const { numerator, denominator } = stream.timeBase;
    const header = { bytes, isKey: frame.isKey, ptsSeconds: (frame.pts * numerator) / denominator };
    const buffer = this.#options.acquire(header, stream)?.subarray(0, bytes);
    buffer?.set(frame.elision);
    this.#filling = { header, buffer, filled: frame.elision.length };
    // A packet whose data is all elided has no bytes to wait for.
    if (frame.dataBytes === 0) this.#fill(this.#filling, frame.elision.subarray(0, 0));
  }

  #fill(filling: Filling, bytes: Uint8Array): Uint8Array {
    const { header, buffer } = filling;
    const taken = Math.min(bytes.length, header.bytes - filling.filled);
    buffer?.set(bytes.subarray(0, taken), filling.filled);
    filling.filled += taken;
    if (filling.filled === header.bytes) {
      this.#filling = undefined;
      this.#options.onPacket(header, buffer, this.#stream!);
    }
    return bytes.subarray(taken);
  }
}

export interface SplitterOptions {
  /** Lends the buffers. */
  readonly frames: Pick<FrameConsumer, 'acquire'>;
  /** A complete frame, in a lent buffer. */
  readonly onPicture: (picture: DecodedPicture) => void;
  /** A frame that was skipped because no buffer was lent. */
  readonly onSkipped?: () => void;
  /** A complete frame of another size than announced, which was skipped. Without this callback it is an error. */
  readonly onResized?: () => void;
}

/**
 * Splits ffmpeg's output of raw frames. Throws `frame-invalid` on bytes that are not NUT or on a frame of another size than announced, and
 * then accepts no more. Pure.
 */
export class NutSplitter {
  readonly #demuxer: NutDemuxer;

  constructor({ frames, onPicture, onSkipped, onResized }: SplitterOptions) {
    this.#demuxer = NutDemuxer.video({
      acquire: ({ bytes }, { width, height }) => {
        if (bytes === width * height * 3) return frames.acquire(bytes);
        // ffmpeg announces the size once, at the start; a change mid-stream only shows in the number of bytes.
        if (bytes % 3 === 0 && onResized !== undefined) return undefined;
        throw invalid(`frame of ${bytes} bytes instead of ${width}×${height}`);
      },
      onPacket: ({ ptsSeconds, bytes }, data, { width, height }) => {
        if (bytes !== width * height * 3) onResized?.();
        else if (data === undefined) onSkipped?.();
        else onPicture({ data, width, height, ptsSeconds });
      },
    });
  }

  push(piece: Uint8Array): void {
    this.#demuxer.push(piece);
  }
}
