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
  /** The stream is under a policy: where it may lead. */
  readonly networks: Networks | undefined;
  readonly isOwn: PeerCheck;
}

export interface RtmpRelay {
  /** What ffmpeg opens in the source's place. It names no place. */
  readonly url: string;
  close(): void;
}

/**
 * Stands between ffmpeg and an RTMP server, so that the stream key, which is a part of the URL, is not on ffmpeg's command line:
 * puts the real place into what ffmpeg asks for. The server's bytes pass as they are. For RTMPS the node speaks TLS.
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
  // ffmpeg responds on another connection than the one of the request.
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
  // With no credentials at all ffmpeg would not answer a server that asks for some.
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
  // As ffmpeg does: self-signed certificates are accepted.
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
  // What has come goes to ffmpeg still: a server says why it refuses, and closes.
  onward.on('close', () => isOpen && socket.destroySoon());
  socket.on('close', () => onward.destroy());
}

/** Tells ffmpeg why there is no server: as the answer to its `connect`. */
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
