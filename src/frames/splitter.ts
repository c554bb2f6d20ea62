import type { DecodedPicture } from './frame.js';
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
const START_CODE_LETTERS = { main: 0x4d, stream: 0x53, syncpoint: 0x4b } as const;

export interface SplitterOptions {
  /** Lends a buffer of at least `bytes` for the next picture; undefined lets that picture pass by unread. */
  readonly acquire: (bytes: number) => Uint8Array | undefined;
  /** A whole picture, in a buffer that `acquire` gave. */
  readonly onPicture: (picture: DecodedPicture) => void;
  /** A picture that passed by because `acquire` gave no buffer. */
  readonly onSkipped?: () => void;
}

/** A frame whose bytes are still arriving. */
interface Filling {
  readonly buffer: Uint8Array | undefined;
  readonly ptsSeconds: number;
  readonly total: number;
  filled: number;
}

/**
 * Cuts ffmpeg's NUT output into pictures. Bytes may come in pieces of any size; each byte of a picture is copied once, from the
 * piece that it came in to the buffer that the picture leaves in. Throws `frame-invalid` on bytes that are not NUT, on a
 * picture of another size than announced, and then takes no more. Pure.
 */
export class NutSplitter {
  readonly #options: SplitterOptions;
  #rest: Uint8Array = new Uint8Array(0);
  #greeted = false;
  #main: MainHeader | undefined;
  #video: VideoHeader | undefined;
  #lastPts = 0;
  #filling: Filling | undefined;
  #failure: unknown;

  constructor(options: SplitterOptions) {
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

  /** Reads one header off the front and returns what is behind it; keeps a header that is cut for the next piece. */
  #readHeader(bytes: Uint8Array): Uint8Array {
    const held = this.#rest.length;
    // Only as much as a header takes is joined to what was held back, so that picture bytes are not copied twice.
    for (let joined = Math.min(bytes.length, 64); ; joined = Math.min(bytes.length, joined * 4)) {
      const view = held === 0 ? bytes : concat(this.#rest, bytes.subarray(0, joined));
      try {
        const used = this.#readPacket(view);
        this.#rest = new Uint8Array(0);
        return bytes.subarray(used - held);
      } catch (error) {
        if (error !== INCOMPLETE) throw error;
        if (held > 0 && joined < bytes.length) continue;
        if (view.length > MAX_HEADER_BYTES) throw invalid('a header without an end');
        // Not `slice`: of a Node.js Buffer that is a view of memory which the caller may use again.
        this.#rest = new Uint8Array(view);
        return bytes.subarray(bytes.length);
      }
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
    else if (letter === START_CODE_LETTERS.stream) this.#video = readVideoHeader(body, this.#main);
    else if (letter === START_CODE_LETTERS.syncpoint && this.#video !== undefined)
      this.#lastPts = readSyncpoint(body, this.#main, this.#video);
  }

  #begin(header: FrameHeader, video: VideoHeader): void {
    this.#lastPts = header.pts;
    const total = header.dataBytes + header.elision.length;
    if (total === 0) return; // end of relevance: a mark, not a picture
    if (total !== video.width * video.height * 3) {
      throw invalid(`a picture of ${total} bytes where ${video.width}×${video.height} was announced`);
    }
    const { numerator, denominator } = video.timeBase;
    const buffer = this.#options.acquire(total)?.subarray(0, total);
    buffer?.set(header.elision);
    this.#filling = {
      buffer,
      total,
      filled: header.elision.length,
      ptsSeconds: (header.pts * numerator) / denominator,
    };
    // A picture that is all elision has no bytes to wait for.
    if (header.dataBytes === 0) this.#fill(this.#filling, header.elision.subarray(0, 0));
  }

  #fill(filling: Filling, bytes: Uint8Array): Uint8Array {
    const taken = Math.min(bytes.length, filling.total - filling.filled);
    filling.buffer?.set(bytes.subarray(0, taken), filling.filled);
    filling.filled += taken;
    if (filling.filled === filling.total) {
      this.#filling = undefined;
      const { width, height } = this.#video!;
      if (filling.buffer === undefined) this.#options.onSkipped?.();
      else this.#options.onPicture({ data: filling.buffer, width, height, ptsSeconds: filling.ptsSeconds });
    }
    return bytes.subarray(taken);
  }
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
