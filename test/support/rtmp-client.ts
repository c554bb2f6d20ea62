import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type AmfObject, type AmfValue, decodeAmf0 } from '../../src/ingest/rtmp/protocol/amf0.js';
import { createChunkReader } from '../../src/ingest/rtmp/protocol/chunk-reader.js';
import { createChunkWriter } from '../../src/ingest/rtmp/protocol/chunk-writer.js';
import type { DigestScheme } from '../../src/ingest/rtmp/protocol/handshake.js';
import { messageType, type RtmpMessage } from '../../src/ingest/rtmp/protocol/message.js';
import { handshakeEnd, handshakeStart, publishMessages } from './rtmp-bytes.js';

export interface RtmpClient {
  readonly socket: Socket;
  /** Waits until the socket takes more. */
  send(message: RtmpMessage): Promise<void>;
  /** Goes through the commands and resolves with the code of the last answer, or `closed`. */
  publish(streamKey: string, connect?: Readonly<Record<string, AmfValue>>): Promise<string>;
  /** The codes of all status messages and results so far. */
  readonly codes: readonly string[];
  readonly messages: readonly RtmpMessage[];
  /** Resolves once the server has sent `code`; rejects when the connection closes before. */
  waitFor(code: string): Promise<void>;
  readonly closed: Promise<void>;
  close(): void;
}

/** A publisher small enough to misbehave on demand. */
export async function createRtmpClient(options: {
  port: number;
  tls?: boolean;
  scheme?: DigestScheme;
  compressHeaders?: boolean;
}): Promise<RtmpClient> {
  const { port, tls = false, scheme } = options;
  const socket = tls
    ? connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false })
    : connectTcp({ host: '127.0.0.1', port });
  socket.setNoDelay(true);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => undefined);
  const reader = createChunkReader({
    chunkStreams: 64,
    messageBytes: 1e6,
    bufferedBytes: 1e7,
    firstAllocationBytes: 4096,
  });
  const writer = createChunkWriter({ compressHeaders: options.compressHeaders ?? true });
  const codes: string[] = [];
  const messages: RtmpMessage[] = [];
  const watchers = new Set<() => void>();
  let handshakeLeft = 1 + 2 * 1536;
  /** Settles when the socket takes more; undefined while it does. */
  let taken: Promise<void> | undefined;

  socket.on('data', (bytes: Buffer) => {
    const skipped = Math.min(handshakeLeft, bytes.length);
    handshakeLeft -= skipped;
    reader.feed(bytes.subarray(skipped));
    for (let message = reader.next(); message !== undefined; message = reader.next()) {
      messages.push(message);
      if (message.type !== messageType.commandAmf0) continue;
      const info = decodeAmf0(message.payload)?.at(-1);
      if (info instanceof Map) codes.push(String((info as AmfObject).get('code')));
    }
    for (const check of watchers) check();
  });

  function until(isTrue: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (!isTrue()) return;
        watchers.delete(check);
        resolve();
      };
      watchers.add(check);
      check();
      void closed.then(() => (isTrue() ? resolve() : reject(new Error(`closed after ${codes.join()}`))));
    });
  }

  await new Promise<void>((resolve, reject) => {
    socket.once(tls ? 'secureConnect' : 'connect', () => resolve());
    void closed.then(() => reject(new Error('connection refused')));
  });
  const client: RtmpClient = {
    socket,
    codes,
    messages,
    closed,
    send(message) {
      if (socket.write(writer.write(message))) return Promise.resolve();
      // A client that sends in real time does not wait, so there may be many.
      taken ??= Promise.race([closed, new Promise<void>((resolve) => socket.once('drain', () => resolve()))]).finally(
        () => {
          taken = undefined;
        },
      );
      return taken;
    },
    async publish(streamKey, connect) {
      socket.write(handshakeStart(scheme));
      await until(() => handshakeLeft === 0);
      socket.write(handshakeEnd());
      for (const message of publishMessages(streamKey, connect)) await client.send(message);
      try {
        await until(() => codes.some((code) => !/Connect\.Success/.test(code)));
      } catch {
        return 'closed';
      }
      return codes.at(-1)!;
    },
    waitFor: (code) => until(() => codes.includes(code)),
    close: () => socket.destroy(),
  };
  return client;
}
