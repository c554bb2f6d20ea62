import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { PeerCheck } from '../../io/loopback.js';
import { connectReused } from '../../io/reused-reads.js';
import { failureWords } from '../failure-words.js';
import type { Networks } from '../networks.js';
import { lookupAmong, resolveAddresses } from '../resolve.js';
import { type LoopbackRelay, openLoopbackRelay } from './loopback-relay.js';
import { createRtspReplies } from './rtsp-replies.js';

export interface RtspRelayOptions {
  readonly host: string;
  readonly port: number;
  /** RTSPS: the node does TLS with the camera. */
  readonly secure: boolean;
  readonly networks: Networks;
  readonly isOwn: PeerCheck;
}

/** Relays between an ffmpeg under a policy and its camera, whose responses must not redirect it. */
export function openRtspRelay(options: RtspRelayOptions): Promise<LoopbackRelay> {
  return openLoopbackRelay(options.isOwn, (socket) => void serve(socket, options));
}

async function serve(socket: Socket, { host, port, secure, networks }: RtspRelayOptions): Promise<void> {
  const addresses = await resolveAddresses(host, networks).catch((error: unknown) => void tell(socket, error));
  if (addresses === undefined || socket.destroyed) return;
  const to = { host, port, lookup: lookupAmong(addresses) };
  const replies = createRtspReplies();
  let isOpen = false;
  const take = (piece: Buffer) => {
    try {
      const parts = replies.push(piece);
      // Copied in any case, because the next read reuses the buffer. One write, because a piece can contain thousands of messages.
      // A slow reader slows the camera down instead of filling the node's memory.
      if (parts.length === 0 || socket.write(Buffer.concat(parts))) return;
      onward.pause();
      socket.once('drain', () => onward.resume());
    } catch {
      socket.destroy();
    }
  };
  const onward = secure ? connectTls({ ...to, rejectUnauthorized: false }).on('data', take) : connectReused(to, take);
  onward.once(secure ? 'secureConnect' : 'connect', () => {
    isOpen = true;
    socket.pipe(onward);
  });
  onward.on('error', (error) => (isOpen ? socket.destroy() : tell(socket, error)));
  onward.on('close', () => isOpen && socket.destroy());
  socket.on('close', () => onward.destroy());
}

/** Tells ffmpeg why the camera is unreachable, in the response to its first request. */
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
