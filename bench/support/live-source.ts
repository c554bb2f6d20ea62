import { readFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createChunkReader } from '../../src/ingest/rtmp/protocol/chunk-reader.js';
import { createChunkWriter } from '../../src/ingest/rtmp/protocol/chunk-writer.js';
import { parseCommand } from '../../src/ingest/rtmp/protocol/command.js';
import { createServerHandshake } from '../../src/ingest/rtmp/protocol/handshake.js';
import type { RtmpMessage } from '../../src/ingest/rtmp/protocol/message.js';
import * as replies from '../../src/ingest/rtmp/protocol/replies.js';
import { cryptography } from '../../test/support/rtmp-bytes.js';
import { parseFlv } from '../../test/support/rtmp-flv.js';
import { cutTransportStream } from './transport-stream.js';

/** What is sent at one moment of a stream. */
export interface Unit<T> {
  /** On the stream's own clock. */
  readonly atMs: number;
  readonly isKeyframe: boolean;
  readonly data: T;
}

/** A camera on loopback that begins to send when it is first asked, and knows when. */
export interface LiveSource {
  readonly url: string;
  /** When the first byte of the first keyframe was sent, by `performance.now`. */
  readonly keyframeSentAt: number | undefined;
  close(): Promise<void>;
}

export interface LiveSourceOptions {
  readonly kind: 'rtmp' | 'http-ts';
  /** An FLV file for RTMP, an MPEG-TS file for HTTP. */
  readonly clip: string;
  /** Where in the clip the stream is joined. */
  readonly fromMs?: number;
}

export async function startLiveSource({ kind, clip, fromMs = 0 }: LiveSourceOptions): Promise<LiveSource> {
  const ending = new AbortController();
  let keyframeSentAt: number | undefined;
  const noteKeyframe = () => {
    keyframeSentAt ??= performance.now();
  };
  const bytes = await readFile(clip);
  const sockets = new Set<Socket>();
  let server: Server;
  if (kind === 'http-ts') {
    const units = cutTransportStream(bytes).filter(({ atMs }) => atMs >= fromMs);
    server = createHttpServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'video/mp2t' });
      void pace(units, (data) => response.write(data), noteKeyframe, ending.signal);
    });
  } else {
    const { heads, units } = rtmpUnits(bytes, fromMs);
    server = createTcpServer((socket) =>
      playRtmp(socket, (send) => {
        for (const head of heads) send(head);
        void pace(units, send, noteKeyframe, ending.signal);
      }),
    );
  }
  server.on('connection', (socket: Socket) => {
    socket.setNoDelay(true);
    socket.on('error', () => {});
    sockets.add(socket);
  });
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: kind === 'rtmp' ? `rtmp://127.0.0.1:${port}/live/camera` : `http://127.0.0.1:${port}/camera.ts`,
    get keyframeSentAt() {
      return keyframeSentAt;
    },
    close: () =>
      new Promise((resolve) => {
        ending.abort();
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Sends each unit at its time. */
export async function pace<T>(
  units: Iterable<Unit<T>>,
  send: (data: T) => void,
  onKeyframe: () => void,
  signal: AbortSignal,
): Promise<void> {
  const startedAt = performance.now();
  let firstMs: number | undefined;
  for (const { atMs, isKeyframe, data } of units) {
    firstMs ??= atMs;
    const waitMs = startedAt + atMs - firstMs - performance.now();
    if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    if (isKeyframe) onKeyframe();
    send(data);
  }
}

/** A clip as messages: those that come first on each connection, and those that have a time. */
export interface RtmpClip {
  readonly heads: readonly RtmpMessage[];
  readonly units: readonly Unit<RtmpMessage>[];
}

/** The tags of an FLV file from some time on. Pure. */
export function rtmpUnits(flv: Buffer, fromMs: number): RtmpClip {
  const heads: RtmpMessage[] = [];
  const units: Unit<RtmpMessage>[] = [];
  for (const { type, timestamp, payload } of parseFlv(flv)) {
    const message = { chunkStreamId: type === 9 ? 6 : 4, type, streamId: 1, timestamp, payload };
    const isHead = type === 18 || payload[1] === 0;
    if (isHead) heads.push({ ...message, timestamp: 0 });
    else if (timestamp >= fromMs)
      units.push({ atMs: timestamp, isKeyframe: type === 9 && payload[0]! >> 4 === 1, data: message });
  }
  return { heads, units };
}

/** As much of an RTMP server as one player needs. */
function playRtmp(socket: Socket, play: (send: (message: RtmpMessage) => void) => void): void {
  const handshake = createServerHandshake(cryptography);
  const reader = createChunkReader({
    chunkStreams: 16,
    messageBytes: 1e6,
    bufferedBytes: 1e6,
    firstAllocationBytes: 4096,
  });
  const writer = createChunkWriter({ compressHeaders: true });
  const send = (message: RtmpMessage) => void socket.write(writer.write(message));
  const onCommand = (name: string, transaction: number) => {
    if (name === 'connect') {
      send(replies.windowAckSize(5_000_000));
      send(replies.setPeerBandwidth(5_000_000));
      send(replies.setChunkSize(65_536));
      send(replies.connectAccepted(transaction, undefined));
    } else if (name === 'createStream') send(replies.createStreamResult(transaction, 1));
    else if (name === 'play') {
      send(replies.streamBegin(1));
      send(replies.onStatus(1, 'status', 'NetStream.Play.Start', 'It begins.'));
      play(send);
    }
  };
  socket.on('data', (bytes: Buffer) => {
    let rest: Uint8Array = bytes;
    if (!handshake.done) {
      const { consumed, outgoing } = handshake.receive(rest);
      if (outgoing.length > 0) socket.write(outgoing);
      rest = rest.subarray(consumed);
      if (!handshake.done) return;
    }
    reader.feed(rest);
    for (let message = reader.next(); message !== undefined; message = reader.next()) {
      const command = message.type === 20 ? parseCommand(message) : undefined;
      if (command !== undefined) onCommand(command.name, command.transaction);
    }
  });
}
