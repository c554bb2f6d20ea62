import { readUint32, writeUint24, writeUint32 } from './bytes.js';
import { messageType, type RtmpMessage } from './message.js';

export interface ChunkWriter {
  /** The chunks of one message. A Set Chunk Size message applies to the messages after it. */
  write(message: RtmpMessage): Uint8Array;
}

interface Previous {
  readonly timestamp: number;
  readonly field: number;
  readonly length: number;
  readonly type: number;
  readonly streamId: number;
}

/**
 * Splits messages into chunks (RTMP 1.0, section 5.3). With `compressHeaders` the shortest possible header type is used; otherwise
 * every message starts with a type 0 header, which every peer understands.
 */
export function createChunkWriter({ compressHeaders = false }: { compressHeaders?: boolean } = {}): ChunkWriter {
  const previous = new Map<number, Previous>();
  let chunkSize = 128;

  function chooseFormat(message: RtmpMessage, last: Previous | undefined): 0 | 1 | 2 | 3 {
    if (last === undefined || last.streamId !== message.streamId || message.timestamp < last.timestamp) return 0;
    if (last.length !== message.payload.length || last.type !== message.type) return 1;
    return message.timestamp - last.timestamp === last.field ? 3 : 2;
  }

  return {
    write(message) {
      const { chunkStreamId: id, timestamp, payload, type, streamId } = message;
      const last = compressHeaders ? previous.get(id) : undefined;
      const format = chooseFormat(message, last);
      const field = format === 0 ? timestamp : timestamp - last!.timestamp;
      previous.set(id, { timestamp, field, length: payload.length, type, streamId });

      const extended = field >= 0xffffff;
      const basicBytes = id < 64 ? 1 : id < 320 ? 2 : 3;
      const fieldBytes = [11, 7, 3, 0][format]!;
      const continuations = Math.max(0, Math.ceil(payload.length / chunkSize) - 1);
      const extendedBytes = extended ? 4 : 0;
      const size =
        basicBytes + fieldBytes + extendedBytes + continuations * (basicBytes + extendedBytes) + payload.length;
      const out = new Uint8Array(size);
      let at = writeBasic(out, 0, format, id);
      if (format <= 2) writeUint24(out, at, extended ? 0xffffff : field);
      if (format <= 1) {
        writeUint24(out, at + 3, payload.length);
        out[at + 6] = type;
      }
      if (format === 0) {
        for (let byte = 0; byte < 4; byte++) out[at + 7 + byte] = streamId >>> (8 * byte);
      }
      at += fieldBytes;
      for (let from = 0, first = true; first || from < payload.length; from += chunkSize, first = false) {
        if (!first) at = writeBasic(out, at, 3, id);
        if (extended) {
          writeUint32(out, at, field);
          at += 4;
        }
        const part = payload.subarray(from, from + chunkSize);
        out.set(part, at);
        at += part.length;
      }
      if (type === messageType.setChunkSize) chunkSize = readUint32(payload, 0);
      return out;
    },
  };
}

function writeBasic(out: Uint8Array, at: number, format: number, id: number): number {
  if (id < 64) {
    out[at] = (format << 6) | id;
    return at + 1;
  }
  if (id < 320) {
    out[at] = format << 6;
    out[at + 1] = id - 64;
    return at + 2;
  }
  out[at] = (format << 6) | 1;
  out[at + 1] = (id - 64) & 0xff;
  out[at + 2] = (id - 64) >>> 8;
  return at + 3;
}
