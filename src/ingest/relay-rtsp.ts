import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { messageOf, SidepipeError } from '../errors.js';
import { failureWords } from './failure-words.js';
import type { Networks } from './networks.js';
import { lookupAmong, resolveAddresses } from './resolve.js';
import { createRtspReplies } from './rtsp-replies.js';

/** Where one run's ffmpeg finds its camera, on loopback. */
export interface RtspRelay {
  readonly port: number;
  close(): void;
}

export interface RtspRelayOptions {
  readonly host: string;
  readonly port: number;
  /** RTSPS: the node speaks TLS to the camera. */
  readonly secure: boolean;
  readonly networks: Networks;
}

/** ffmpeg opens one connection, and another when the first one fails. */
const MAX_CONNECTIONS = 4;

/** Stands between an ffmpeg that is under a policy and its camera, whose replies must not lead elsewhere. */
export async function openRtspRelay(options: RtspRelayOptions): Promise<RtspRelay> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    void serve(socket, options);
  });
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new SidepipeError(`no port for the way to the camera: ${messageOf(cause)}`, {
          code: 'port-unavailable',
          fault: 'node',
          cause,
        }),
      ),
    );
    server.listen({ host: '127.0.0.1', port: 0 }, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function serve(socket: Socket, { host, port, secure, networks }: RtspRelayOptions): Promise<void> {
  const addresses = await resolveAddresses(host, networks).catch((error: unknown) => void tell(socket, error));
  if (addresses === undefined || socket.destroyed) return;
  const to = { host, port, lookup: lookupAmong(addresses) };
  const onward = secure ? connectTls({ ...to, rejectUnauthorized: false }) : connect(to);
  const replies = createRtspReplies();
  let isOpen = false;
  onward.once(secure ? 'secureConnect' : 'connect', () => {
    isOpen = true;
    socket.pipe(onward);
  });
  onward.on('data', (piece: Buffer) => {
    try {
      // A reader that is behind slows the camera down, not the node's memory.
      const isFull = replies.push(piece).map((part) => !socket.write(part));
      if (!isFull.at(-1)) return;
      onward.pause();
      socket.once('drain', () => onward.resume());
    } catch {
      socket.destroy();
    }
  });
  onward.on('error', (error) => (isOpen ? socket.destroy() : tell(socket, error)));
  onward.on('close', () => isOpen && socket.destroy());
  socket.on('close', () => onward.destroy());
}

/** Tells ffmpeg why there is no camera: as the answer to its first request. */
function tell(socket: Socket, error: unknown): void {
  const { reason } = failureWords(error);
  const answer = (request: Buffer) => {
    const number = /^CSeq:\s*(\d{1,10})/im.exec(request.toString('latin1'))?.[1] ?? '1';
    socket.end(`RTSP/1.0 503 ${reason}\r\nCSeq: ${number}\r\nContent-Length: 0\r\n\r\n`);
  };
  const early: unknown = socket.read();
  if (Buffer.isBuffer(early)) answer(early);
  else socket.once('data', answer);
}
