import { noBytes, readUint24, readUint32 } from './bytes.js';
import { messageType, type RtmpMessage, type ViolationCode } from './message.js';

export interface ChunkLimits {
  /** Maximum number of chunk streams. */
  readonly chunkStreams: number;
  /** Maximum message size, in bytes. */
  readonly messageBytes: number;
  /** Maximum memory of all unfinished messages together, in bytes. */
  readonly bufferedBytes: number;
  /** Memory allocated for a message when its first bytes arrive; it doubles as more arrive. Announcing a size costs no memory. */
  readonly firstAllocationBytes: number;
}

export interface ChunkReader {
  /** Adds bytes. Call `next` until it returns undefined before adding more. */
  feed(bytes: Uint8Array): void;
  /** The next complete message, or undefined if more bytes are needed or a violation was found. */
  next(): RtmpMessage | undefined;
  /** Once set, the reader stops. */
  readonly violation: ViolationCode | undefined;
  /** Memory held for unfinished messages, in bytes. */
  readonly bufferedBytes: number;
  /** Replaces the limits for messages that start after this call. */
  setLimits(limits: ChunkLimits): void;
}

interface ChunkStream {
  timestamp: number;
  /** The last timestamp or delta as sent: an extended one is repeated in each chunk that follows. */
  field: number;
  extended: boolean;
  type: number;
  streamId: number;
  length: number;
  inMessage: boolean;
  received: number;
  buffer: Uint8Array;
}

const headerFieldBytes = [11, 7, 3, 0] as const;
const maxChunkSize = 0xffffff;

/** Reads messages from chunks (RTMP 1.0, section 5.3). Applies Set Chunk Size and Abort, and does not return them. */
export function createChunkReader(initialLimits: ChunkLimits): ChunkReader {
  let limits = initialLimits;
  let violation: ViolationCode | undefined;
  let bufferedBytes = 0;
  let chunkSize = 128;
  let input: Uint8Array = noBytes;
  let position = 0;
  const streams = new Map<number, ChunkStream>();
  const head = new Uint8Array(18);
  let headLength = 0;
  let headNeeded = 1;
  let current: ChunkStream | undefined;
  let currentId = 0;
  let chunkRemaining = 0;

  function fail(code: ViolationCode): false {
    violation = code;
    input = noBytes;
    position = 0;
    return false;
  }

  function basicLength(): number {
    const low = head[0]! & 0x3f;
    return low === 0 ? 2 : low === 1 ? 3 : 1;
  }

  function chunkStreamId(): number {
    const low = head[0]! & 0x3f;
    if (low === 0) return 64 + head[1]!;
    return low === 1 ? 64 + head[1]! + head[2]! * 256 : low;
  }

  /** The length of the header, as far as the available bytes reveal it. */
  function headerLength(): number {
    const basic = basicLength();
    if (headLength < basic) return basic;
    const format = head[0]! >> 6;
    const fixed = basic + headerFieldBytes[format]!;
    if (headLength < fixed) return fixed;
    const extended =
      format === 3 ? streams.get(chunkStreamId())?.extended === true : readUint24(head, basic) === 0xffffff;
    return extended ? fixed + 4 : fixed;
  }

  function readHeader(): boolean {
    for (;;) {
      while (headLength < headNeeded) {
        if (position >= input.length) return false;
        head[headLength++] = input[position++]!;
      }
      const length = headerLength();
      if (length === headNeeded) break;
      headNeeded = length;
    }
    return beginChunk();
  }

  function beginChunk(): boolean {
    const format = head[0]! >> 6;
    const basic = basicLength();
    const id = chunkStreamId();
    const end = headNeeded;
    headLength = 0;
    headNeeded = 1;
    const stream = streams.get(id) ?? openStream(id, format);
    if (stream === undefined) return false;
    if (format === 3) {
      // Some publishers do not repeat the extended timestamp. Then these four bytes already belong to the payload.
      if (stream.extended && readUint32(head, basic) !== stream.field) unread(end - 4, end);
    } else {
      if (stream.inMessage) return fail('chunk-header-inside-message');
      const field = readUint24(head, basic);
      stream.extended = field === 0xffffff;
      stream.field = stream.extended ? readUint32(head, end - 4) : field;
      if (format <= 1) {
        stream.length = readUint24(head, basic + 3);
        stream.type = head[basic + 6]!;
      }
      if (format === 0) {
        stream.timestamp = 0;
        // The protocol's only little-endian number.
        const at = basic + 7;
        stream.streamId = (head[at]! | (head[at + 1]! << 8) | (head[at + 2]! << 16) | (head[at + 3]! << 24)) >>> 0;
      }
    }
    if (!stream.inMessage) {
      if (stream.length > limits.messageBytes) return fail('message-too-large');
      // A type 3 chunk that starts a message repeats the last delta, or the timestamp of a type 0 (section 5.3.1.2.4).
      stream.timestamp = (stream.timestamp + stream.field) >>> 0;
      stream.inMessage = true;
    }
    current = stream;
    currentId = id;
    chunkRemaining = Math.min(chunkSize, stream.length - stream.received);
    return true;
  }

  function openStream(id: number, format: number): ChunkStream | undefined {
    // librtmp opens the control stream with a type 1 header; a type 2 or 3 cannot come first.
    if (format >= 2) {
      fail('chunk-header-missing');
      return undefined;
    }
    if (streams.size >= limits.chunkStreams) {
      fail('too-many-chunk-streams');
      return undefined;
    }
    const stream: ChunkStream = {
      timestamp: 0,
      field: 0,
      extended: false,
      type: 0,
      streamId: 0,
      length: 0,
      inMessage: false,
      received: 0,
      buffer: noBytes,
    };
    streams.set(id, stream);
    return stream;
  }

  /** Puts header bytes back in front of the input. Copies only if they arrived with an earlier feed. */
  function unread(from: number, to: number): void {
    const count = to - from;
    if (position >= count) {
      position -= count;
      return;
    }
    const joined = new Uint8Array(count + input.length - position);
    joined.set(head.subarray(from, to));
    joined.set(input.subarray(position), count);
    input = joined;
    position = 0;
  }

  function readPayload(stream: ChunkStream): boolean {
    const count = Math.min(chunkRemaining, input.length - position);
    if (count > 0) {
      if (stream.received + count > stream.buffer.length && !grow(stream, stream.received + count)) return false;
      stream.buffer.set(input.subarray(position, position + count), stream.received);
      stream.received += count;
      position += count;
      chunkRemaining -= count;
    }
    return chunkRemaining === 0;
  }

  function grow(stream: ChunkStream, needed: number): boolean {
    const wanted = Math.max(needed, stream.buffer.length * 2, limits.firstAllocationBytes);
    const size = Math.min(stream.length, wanted);
    if (bufferedBytes + size - stream.buffer.length > limits.bufferedBytes) return fail('buffer-limit');
    bufferedBytes += size - stream.buffer.length;
    const buffer = new Uint8Array(size);
    buffer.set(stream.buffer.subarray(0, stream.received));
    stream.buffer = buffer;
    return true;
  }

  function discard(stream: ChunkStream): void {
    bufferedBytes -= stream.buffer.length;
    stream.buffer = noBytes;
    stream.received = 0;
    stream.inMessage = false;
  }

  function finish(stream: ChunkStream, id: number): RtmpMessage | undefined {
    const payload = stream.buffer;
    discard(stream);
    const { type, streamId, timestamp } = stream;
    if (type !== messageType.setChunkSize && type !== messageType.abort) {
      return { chunkStreamId: id, type, streamId, timestamp, payload };
    }
    if (payload.length < 4) {
      fail('control-message-invalid');
    } else if (type === messageType.setChunkSize) {
      const size = readUint32(payload, 0);
      if (size === 0 || size > 0x7fffffff) fail('chunk-size-invalid');
      chunkSize = Math.min(size, maxChunkSize);
    } else {
      const aborted = streams.get(readUint32(payload, 0));
      if (aborted !== undefined) discard(aborted);
    }
    return undefined;
  }

  return {
    get violation() {
      return violation;
    },
    get bufferedBytes() {
      return bufferedBytes;
    },
    setLimits(next) {
      limits = next;
    },
    feed(bytes) {
      if (violation !== undefined) return;
      input = bytes;
      position = 0;
    },
    next() {
      while (violation === undefined) {
        if (current === undefined) {
          if (!readHeader()) break;
        } else {
          if (!readPayload(current)) break;
          const stream = current;
          current = undefined;
          if (stream.received === stream.length) {
            const message = finish(stream, currentId);
            if (message !== undefined) return message;
          }
        }
      }
      input = noBytes;
      position = 0;
      return undefined;
    },
  };
}
