import { createHmac, randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { PeerCheck } from '../../io/loopback.js';
import { failureWords } from '../failure-words.js';
import type { Networks } from '../networks.js';
import { lookupAmong, resolveAddresses } from '../resolve.js';
import { createPlaceRewriter, createRefusingServer, type PlaceRewriter, rtmpPlace } from '../rtmp/place.js';
import { createChallengeReader, type LoginChallenge, loginOf, rtmpCredentials } from '../rtmp/player-login.js';
import { openLoopbackRelay } from './loopback-relay.js';

export interface RtmpRelayOptions {
  /** The source's URL. */
  readonly url: string;
  /** The networks that a policy allows; undefined if the stream is not subject to a policy. */
  readonly networks: Networks | undefined;
  readonly isOwn: PeerCheck;
}

export interface RtmpRelay {
  /** The URL that ffmpeg opens instead of the source's. It does not reveal the source. */
  readonly url: string;
  close(): void;
}

/**
 * Relays between ffmpeg and an RTMP server. The stream key is part of the URL, so ffmpeg gets a URL without it, and the relay puts the
 * real app and stream name into ffmpeg's commands. The server's bytes are passed on unchanged. For RTMPS the node does TLS.
 */
export async function openRtmpRelay({ url, networks, isOwn }: RtmpRelayOptions): Promise<RtmpRelay> {
  const app = randomBytes(16).toString('hex');
  const playPath = randomBytes(16).toString('hex');
  const { protocol, hostname, port } = new URL(url);
  const secure = protocol === 'rtmps:';
  const credentials = rtmpCredentials(url);
  const to = rtmpPlace(url);
  const server = {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || (secure ? 443 : 1935)),
    secure,
    networks,
  };
  // ffmpeg sends its login on another connection than the one that received the challenge.
  let asked: LoginChallenge | undefined;
  const relay = await openLoopbackRelay(isOwn, (socket) => {
    const rewriter = createPlaceRewriter({
      from: { app, playPath, tcUrl: `rtmp://127.0.0.1:${relay.port}/${app}` },
      to,
      login: (appended) =>
        credentials === undefined ? appended : loginOf(appended, credentials, { app: to.app, asked }),
    });
    void serve(socket, { ...server, rewriter, onChallenge: (challenge) => (asked = challenge) });
  });
  // Without any credentials ffmpeg would not respond to a server that requires a login.
  const login = credentials === undefined ? '' : 'node:node@';
  return { url: `rtmp://${login}127.0.0.1:${relay.port}/${app}/${playPath}`, close: () => relay.close() };
}

interface ServeOptions {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  readonly networks: Networks | undefined;
  readonly rewriter: PlaceRewriter;
  readonly onChallenge: (challenge: LoginChallenge) => void;
}

async function serve(socket: Socket, options: ServeOptions): Promise<void> {
  const { host, port, secure, networks, rewriter, onChallenge } = options;
  const addresses = await resolveAddresses(host, networks).catch((error: unknown) => void refuse(socket, error));
  if (addresses === undefined || socket.destroyed) return;
  const target = { host, port, lookup: lookupAmong(addresses) };
  // Like ffmpeg: self-signed certificates are accepted.
  const onward = secure ? connectTls({ ...target, rejectUnauthorized: false }) : connect(target);
  const challenges = createChallengeReader();
  let isOpen = false;
  onward.once(secure ? 'secureConnect' : 'connect', () => {
    isOpen = true;
    onward.on('data', (piece: Buffer) => {
      const challenge = challenges.receive(piece);
      if (challenge !== undefined) onChallenge(challenge);
    });
    onward.pipe(socket);
    socket.on('data', (piece: Buffer) => {
      const bytes = rewriter.receive(piece);
      if (rewriter.violation !== undefined) return void socket.destroy();
      if (bytes.length === 0 || onward.write(bytes)) return;
      socket.pause();
      onward.once('drain', () => socket.resume());
    });
  });
  onward.on('error', (error) => (isOpen ? socket.destroy() : refuse(socket, error)));
  // Data received before the close still goes to ffmpeg: a server sends its reason before it closes the connection.
  onward.on('close', () => isOpen && socket.destroySoon());
  socket.on('close', () => onward.destroy());
}

/** Tells ffmpeg why the server is unreachable, in the response to its `connect`. */
function refuse(socket: Socket, error: unknown): void {
  const server = createRefusingServer(failureWords(error).reason, {
    hmacSha256: (key, data) => createHmac('sha256', key).update(data).digest(),
    random: randomBytes,
  });
  socket.on('data', (piece: Buffer) => {
    if (server.done) return;
    socket.write(server.receive(piece));
    if (server.done) socket.end();
  });
}
