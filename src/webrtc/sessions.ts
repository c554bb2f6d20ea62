import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import type { WebRtcConfig } from '../config/schema/schema.js';
import { messageOf, SidepipeError } from '../errors.js';
import { addressGroup } from '../net/address.js';
import type { Logger } from '../telemetry/logger.js';
import { LibraryLoader, type MuxListener, type WebRtcLibrary } from './library.js';
import { Peer } from './peer.js';
import { type IceFragment, MOST_CANDIDATES, type Offer } from './sdp.js';

/** What a session is for. */
export type SessionKind = 'publisher' | 'viewer';

/**
 * Why a session ended. `deleted`: by its client. `not-connected`: no media connection in time. `disconnected`: the connection was lost, or the
 * client closed it without DELETE. `silent`: no media for too long. `stopped`: by the node, such as because the stream ended.
 */
export type SessionEnd =
  | 'deleted'
  | 'not-connected'
  | 'disconnected'
  | 'silent'
  | 'stopped'
  | 'taken-over'
  | 'source-unsupported'
  | 'shutdown';

/** What receives or sends the media of a session. */
export interface SessionMedia {
  /** ICE and DTLS are complete. */
  connected?(): void;
  /** Called once, also if it never connected. */
  closed(reason: SessionEnd): void;
}

export interface SessionRequest {
  readonly kind: SessionKind;
  readonly stream: string;
  /** The client's address; undefined if unknown. */
  readonly address: string | undefined;
  readonly offer: Offer;
  /** Aborts when the client has disconnected before the answer. */
  readonly signal: AbortSignal;
  /** Adds the tracks of the answer, before it is made. May throw. */
  readonly prepare: (peer: Peer, library: WebRtcLibrary, session: WebRtcSession) => SessionMedia;
}

/** A session and its peer connection, for as long as it is in the registry. */
export interface WebRtcSession {
  /** Unguessable: knowing it is the permission to end the session. */
  readonly id: string;
  readonly kind: SessionKind;
  readonly stream: string;
  readonly address: string | undefined;
  /** Steady time. */
  readonly openedAt: number;
  /** Entity tag of the ICE session, with quotes. */
  readonly etag: string;
  readonly isConnected: boolean;
  /** Adds the candidates of a PATCH request. Throws `webrtc-offer-invalid` for an ICE restart, `webrtc-limit-reached` for too many candidates. */
  trickle(fragment: IceFragment): void;
  close(reason: SessionEnd): void;
  /** Resolves when the session has ended. */
  readonly ended: Promise<SessionEnd>;
}

export interface OpenedSession {
  readonly session: WebRtcSession;
  readonly answer: string;
}

export interface WebRtcSessionsOptions {
  readonly settings: WebRtcConfig;
  readonly log: Logger;
  readonly now: () => number;
  /** Default: node-datachannel. */
  readonly load?: () => Promise<WebRtcLibrary>;
}

/** All WebRTC sessions of a node, on one UDP port. Nothing is loaded or opened before the first one. */
export class WebRtcSessions {
  readonly #options: WebRtcSessionsOptions;
  readonly #library: LibraryLoader;
  readonly #sessions = new Map<string, Session>();
  #port: Promise<number> | undefined;
  /** Keeps the port open between sessions. */
  #listener: MuxListener | undefined;
  #isClosed = false;

  constructor(options: WebRtcSessionsOptions) {
    this.#options = options;
    this.#library = new LibraryLoader(options.log, options.load);
  }

  get size(): number {
    return this.#sessions.size;
  }

  get(id: string): WebRtcSession | undefined {
    return this.#sessions.get(id);
  }

  /** Number of sessions of a stream. */
  count(kind: SessionKind, stream: string): number {
    return this.#matching((session) => session.kind === kind && session.stream === stream);
  }

  /**
   * Opens a session and returns its answer. Throws `webrtc-limit-reached`, `webrtc-unavailable`, `webrtc-offer-invalid`, `port-unavailable`, or
   * what `prepare` throws; nothing stays open then.
   */
  async open(request: SessionRequest): Promise<OpenedSession> {
    this.#admit(request);
    const { settings, log, now } = this.#options;
    const session = new Session(request, now());
    // Counts against the limits from now on.
    this.#sessions.set(session.id, session);
    const { id, kind, stream, address } = session;
    const facts = { session: id.slice(0, 6), stream, kind, address };
    void session.ended.then((reason) => {
      this.#sessions.delete(id);
      log.info({ ...facts, reason }, 'WebRTC session ended');
    });
    try {
      const library = await this.#library.load();
      const port = await this.#openPort(library);
      if (this.#isClosed) throw new SidepipeError('The node is shutting down.', { code: 'aborted', fault: 'node' });
      const answer = await session.open(request, { library, settings, port });
      log.info(facts, 'WebRTC session opened');
      return { session, answer };
    } catch (error) {
      session.close('stopped');
      throw error;
    }
  }

  /** Ends all sessions of a stream. */
  closeStream(stream: string, reason: SessionEnd): void {
    for (const session of [...this.#sessions.values()]) if (session.stream === stream) session.close(reason);
  }

  close(): void {
    this.#isClosed = true;
    for (const session of [...this.#sessions.values()]) session.close('shutdown');
    this.#listener?.stop();
    this.#listener = undefined;
  }

  #matching(matches: (session: Session) => boolean): number {
    return [...this.#sessions.values()].filter(matches).length;
  }

  /** Each limit holds for each kind by itself: anyone may open viewers' sessions, which must not keep publishers with a stream key out. */
  #admit({ kind, stream, address }: SessionRequest): void {
    const { maxConnections, maxConnectionsPerStream, maxConnectionsPerAddress } = this.#options.settings;
    const counts: readonly [string, number, number][] = [
      ['webrtc.maxConnections', this.#matching((each) => each.kind === kind), maxConnections],
      ['webrtc.maxConnectionsPerStream', this.count(kind, stream), maxConnectionsPerStream],
      [
        'webrtc.maxConnectionsPerAddress',
        address === undefined
          ? 0
          : this.#matching((each) => each.kind === kind && each.addressGroup === addressGroup(address)),
        maxConnectionsPerAddress,
      ],
    ];
    const reached = counts.find(([, count, most]) => count >= most);
    if (reached === undefined) return;
    const [setting, count, most] = reached;
    const message = `Too many WebRTC ${kind}s: ${count} sessions are open, and ${setting} is ${most}.`;
    throw new SidepipeError(message, {
      code: 'webrtc-limit-reached',
      fault: 'caller',
      retryable: true,
      details: { status: setting === 'webrtc.maxConnectionsPerAddress' ? 429 : 503 },
    });
  }

  /** Opens the port with the first session. It stays open: the library would close it after the last session, in its own time. */
  #openPort(library: WebRtcLibrary): Promise<number> {
    this.#port ??= this.#listen(library).catch((error: unknown) => {
      this.#port = undefined;
      throw error;
    });
    return this.#port;
  }

  async #listen(library: WebRtcLibrary): Promise<number> {
    const { settings } = this.#options;
    const port = await tryPort(settings.port, settings.host);
    if (this.#isClosed) return port;
    try {
      this.#listener = new library.IceUdpMuxListener(port, settings.host);
    } catch (cause) {
      throw portUnavailable(port, cause);
    }
    return port;
  }
}

class Session implements WebRtcSession {
  readonly id = randomBytes(24).toString('base64url');
  readonly etag = `"${randomBytes(8).toString('hex')}"`;
  readonly kind: SessionKind;
  readonly stream: string;
  readonly address: string | undefined;
  readonly addressGroup: string | undefined;
  readonly openedAt: number;
  readonly ended: Promise<SessionEnd>;
  readonly #iceUfrag: string;
  readonly #over = new AbortController();
  #settle!: (reason: SessionEnd) => void;
  #peer: Peer | undefined;
  #media: SessionMedia | undefined;
  #timer: NodeJS.Timeout | undefined;
  #end: SessionEnd | undefined;
  #isConnected = false;
  #candidatesLeft = MOST_CANDIDATES;

  constructor({ kind, stream, address, offer }: SessionRequest, openedAt: number) {
    this.kind = kind;
    this.stream = stream;
    this.address = address;
    this.addressGroup = address === undefined ? undefined : addressGroup(address);
    this.openedAt = openedAt;
    this.#iceUfrag = offer.iceUfrag;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get isConnected(): boolean {
    return this.#isConnected && this.#end === undefined;
  }

  async open(
    { prepare, offer, signal }: SessionRequest,
    { library, settings, port }: { library: WebRtcLibrary; settings: WebRtcConfig; port: number },
  ): Promise<string> {
    const { connectTimeoutSeconds } = settings;
    this.#timer = setTimeout(() => this.close('not-connected'), connectTimeoutSeconds * 1000);
    const peer = new Peer({
      library,
      name: this.id.slice(0, 6),
      settings,
      port,
      onState: (state) => this.#moved(state),
    });
    this.#peer = peer;
    this.#media = prepare(peer, library, this);
    return peer.answer(offer, AbortSignal.any([signal, this.#over.signal]));
  }

  trickle(fragment: IceFragment): void {
    if (fragment.iceUfrag !== undefined && fragment.iceUfrag !== this.#iceUfrag) {
      const message = 'ICE restarts are not supported. Open another session.';
      throw new SidepipeError(message, { code: 'webrtc-offer-invalid', fault: 'caller', details: { status: 422 } });
    }
    const { length } = fragment.candidates;
    if (length > this.#candidatesLeft) {
      const message = `More than ${MOST_CANDIDATES} candidates in one session.`;
      throw new SidepipeError(message, { code: 'webrtc-limit-reached', fault: 'caller', details: { status: 429 } });
    }
    this.#candidatesLeft -= length;
    this.#peer?.addCandidates(fragment);
  }

  close(reason: SessionEnd): void {
    if (this.#end !== undefined) return;
    this.#end = reason;
    clearTimeout(this.#timer);
    this.#over.abort();
    this.#media?.closed(reason);
    this.#peer?.close();
    this.#settle(reason);
  }

  #moved(state: Peer['state']): void {
    if (this.#end !== undefined) return;
    if (state === 'connected' && !this.#isConnected) {
      this.#isConnected = true;
      clearTimeout(this.#timer);
      this.#media?.connected?.();
    } else if (state === 'failed' && !this.#isConnected) this.close('not-connected');
    else if (state === 'failed' || state === 'closed') this.close('disconnected');
  }
}

/** Binds a UDP port for a moment. Throws `port-unavailable`. */
async function tryPort(port: number, host: string | undefined): Promise<number> {
  const socket = createSocket(host?.includes(':') ? 'udp6' : 'udp4');
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ port, exclusive: true, ...(host !== undefined && { address: host }) }, () => resolve());
    });
    return socket.address().port;
  } catch (cause) {
    throw portUnavailable(port, cause);
  } finally {
    await new Promise<void>((resolve) => {
      try {
        socket.close(() => resolve());
      } catch {
        resolve();
      }
    });
  }
}

function portUnavailable(port: number, cause: unknown): SidepipeError {
  const message = `Cannot open UDP port ${port} for WebRTC (webrtc.port): ${messageOf(cause)}`;
  return new SidepipeError(message, { code: 'port-unavailable', fault: 'node', cause, details: { port } });
}
