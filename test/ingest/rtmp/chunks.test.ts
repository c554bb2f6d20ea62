import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, uint32Bytes } from '../../../src/ingest/rtmp/protocol/bytes.js';
import { type ChunkLimits, createChunkReader } from '../../../src/ingest/rtmp/protocol/chunk-reader.js';
import { createChunkWriter } from '../../../src/ingest/rtmp/protocol/chunk-writer.js';
import { messageType, type RtmpMessage } from '../../../src/ingest/rtmp/protocol/message.js';
import { chunkSizeMessage } from '../../support/rtmp-bytes.js';

const limits: ChunkLimits = { chunkStreams: 8, messageBytes: 10_000, bufferedBytes: 30_000, firstAllocationBytes: 64 };

function readAll(pieces: readonly Uint8Array[], own: Partial<ChunkLimits> = {}) {
  const reader = createChunkReader({ ...limits, ...own });
  const messages: RtmpMessage[] = [];
  let mostBuffered = 0;
  for (const piece of pieces) {
    reader.feed(piece);
    for (let message = reader.next(); message !== undefined; message = reader.next()) messages.push(message);
    mostBuffered = Math.max(mostBuffered, reader.bufferedBytes);
  }
  return { messages, violation: reader.violation, bufferedBytes: reader.bufferedBytes, mostBuffered };
}

function split(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

const timestamp = fc.oneof(
  fc.nat(1000),
  fc.constantFrom(0xfffffe, 0xffffff, 0x1000000, 0xffffffff, 0xfffffff0),
  fc.integer({ min: 0, max: 0xffffffff }),
);
const message: fc.Arbitrary<RtmpMessage> = fc.record({
  chunkStreamId: fc.constantFrom(2, 3, 63, 64, 319, 320, 65_599),
  type: fc.constantFrom(messageType.audio, messageType.video, messageType.commandAmf0),
  streamId: fc.constantFrom(0, 1, 0x01020304),
  timestamp,
  payload: fc.uint8Array({ maxLength: 600 }),
});
const anyMessage = fc.oneof(
  { weight: 6, arbitrary: message },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 700 }).map(chunkSizeMessage) },
);

describe('chunk reader and writer', () => {
  it('carry all messages whatever the header types, chunk sizes and splits', () => {
    fc.assert(
      fc.property(fc.array(anyMessage), fc.array(fc.nat(), { maxLength: 30 }), fc.boolean(), (sent, cuts, compress) => {
        const writer = createChunkWriter({ compressHeaders: compress });
        const bytes = concatBytes(sent.map((item) => writer.write(item)));
        const { messages, violation, bufferedBytes } = readAll(split(bytes, cuts));
        expect(violation).toBeUndefined();
        expect(messages).toEqual(sent.filter((item) => item.type !== messageType.setChunkSize));
        expect(bufferedBytes).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it('use every header type', () => {
    const writer = createChunkWriter({ compressHeaders: true });
    const base = { chunkStreamId: 6, type: messageType.video, streamId: 1, payload: new Uint8Array(10) };
    const formats = [1000, 1040, 1080, 1120].map((at) => writer.write({ ...base, timestamp: at })[0]! >> 6);
    expect(formats).toEqual([0, 2, 3, 3]);
    expect(writer.write({ ...base, timestamp: 1160, payload: new Uint8Array(11) })[0]! >> 6).toBe(1);
  });

  it('read messages whose chunks are interleaved', () => {
    const one = createChunkWriter().write(video(4, 5000, 300, 0xaa));
    const two = createChunkWriter().write(video(6, 6000, 300, 0xbb));
    // 12 + 128, 1 + 128 and 1 + 44 bytes each.
    const parts = [
      one.subarray(0, 140),
      two.subarray(0, 140),
      two.subarray(140, 269),
      one.subarray(140),
      two.subarray(269),
    ];
    const { messages } = readAll([concatBytes(parts)]);
    expect(messages.map((item) => [item.chunkStreamId, item.timestamp, item.payload[299]])).toEqual([
      [4, 5000, 0xaa],
      [6, 6000, 0xbb],
    ]);
  });

  it('read extended timestamps of publishers that do not repeat them', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 12 }), fc.integer({ min: 129, max: 900 }), (cuts, length) => {
        const sent = [video(6, 0x01020304, length, 0x55), video(4, 20, 10, 1)];
        const repeated = createChunkWriter().write(sent[0]!);
        const parts: Uint8Array[] = [repeated.subarray(0, 16 + 128)];
        for (let at = 16 + 128; at < repeated.length; at += 133) {
          parts.push(repeated.subarray(at, at + 1), repeated.subarray(at + 5, at + 133));
        }
        const bytes = concatBytes([...parts, createChunkWriter().write(sent[1]!)]);
        expect(readAll(split(bytes, cuts)).messages).toEqual(sent);
      }),
    );
  });

  it('begin a message of type 3 with the delta, or the timestamp, that went before', () => {
    const first = createChunkWriter().write(video(6, 40, 3, 1));
    const again = concatBytes([Uint8Array.of(0xc6), new Uint8Array(3).fill(1)]);
    const { messages } = readAll([concatBytes([first, again, again])]);
    expect(messages.map((item) => item.timestamp)).toEqual([40, 80, 120]);
  });

  it('let librtmp open its control stream with a type 1 header', () => {
    const ping = Uint8Array.of(0x42, 0, 0, 0, 0, 0, 6, 4, 0, 7, 0, 0, 0, 9);
    expect(readAll([ping]).messages).toMatchObject([{ type: 4, streamId: 0, timestamp: 0 }]);
  });

  it('forget an aborted message', () => {
    const cut = createChunkWriter()
      .write(video(6, 0, 300, 1))
      .subarray(0, 140);
    const abort = { ...chunkSizeMessage(1), type: messageType.abort, payload: uint32Bytes(6) };
    const next = video(6, 40, 20, 2);
    const { messages, bufferedBytes } = readAll([
      concatBytes([cut, createChunkWriter().write(abort), createChunkWriter().write(next)]),
    ]);
    expect(messages).toEqual([next]);
    expect(bufferedBytes).toBe(0);
  });

  it('take memory for what came, not for what was claimed', () => {
    const claim = createChunkWriter()
      .write(video(6, 0, 9_000, 1))
      .subarray(0, 13);
    expect(readAll([claim]).bufferedBytes).toBe(64);
  });

  it.each([
    ['a message too long', 'message-too-large', () => [createChunkWriter().write(video(6, 0, 10_001, 1))]],
    ['unfinished messages that hold too much together', 'buffer-limit', () => [3, 4, 5, 6].map((id) => unfinished(id))],
    [
      'too many chunk streams',
      'too-many-chunk-streams',
      () => [2, 3, 4, 5, 6, 7, 8, 9, 10].map((id) => createChunkWriter().write(video(id, 0, 1, 0))),
    ],
    ['a type 3 header on a new chunk stream', 'chunk-header-missing', () => [Uint8Array.of(0xc9)]],
    ['a type 2 header on a new chunk stream', 'chunk-header-missing', () => [Uint8Array.of(0x89, 0, 0, 0)]],
    [
      'a new header inside a message',
      'chunk-header-inside-message',
      () => [
        createChunkWriter()
          .write(video(6, 0, 300, 1))
          .subarray(0, 140),
        createChunkWriter().write(video(6, 0, 9, 1)),
      ],
    ],
    ['a chunk size of 0', 'chunk-size-invalid', () => [createChunkWriter().write(chunkSizeMessage(0))]],
    [
      'a chunk size with its top bit set',
      'chunk-size-invalid',
      () => [createChunkWriter().write(chunkSizeMessage(2 ** 31))],
    ],
    [
      'a control message cut short',
      'control-message-invalid',
      () => [createChunkWriter().write({ ...chunkSizeMessage(1), payload: new Uint8Array(3) })],
    ],
  ] as const)('stop at %s', (_, code, pieces) => {
    const { violation, mostBuffered } = readAll(pieces(), { messageBytes: 10_000 });
    expect(violation).toBe(code);
    expect(mostBuffered).toBeLessThanOrEqual(limits.bufferedBytes);
  });
});

function video(chunkStreamId: number, at: number, length: number, fill: number): RtmpMessage {
  const payload = new Uint8Array(length).fill(fill);
  return { chunkStreamId, type: messageType.video, streamId: 1, timestamp: at, payload };
}

function unfinished(id: number): Uint8Array {
  const whole = createChunkWriter().write(video(id, 0, 10_000, 1));
  // Without the last chunk, of 16 bytes and its header.
  return whole.subarray(0, whole.length - 17);
}
