import { createHmac, randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { readReused } from '../../io/reused-reads.js';
import { concatBytes } from './protocol/bytes.js';
import { parsePublishTarget } from './publish-target.js';
import { createPublisher, type PublisherFeed } from './publisher.js';
import type { PublishDecision, PublisherEnd, PublishRequest, RtmpPublisher, RtmpServerLimits } from './server-types.js';
import { createRtmpSession } from './session.js';
import type {
  MediaEvent,
  MetadataEvent,
  PublishRequestEvent,
  RejectReason,
  RtmpCloseReason,
  RtmpSession,
  SessionResult,
} from './session-types.js';

/** What a connection needs of its server. */
export interface ConnectionHost {
  readonly limits: RtmpServerLimits;
  readonly apps: readonly string[];
  readonly fourCcs: readonly string[] | undefined;
  reads(codec: string): boolean;
  tooLarge(codec: string, configuration: Uint8Array): string | undefined;
  now(): number;
  decide(request: PublishRequest): Promise<PublishDecision>;
  publisher(stream: string): RtmpPublisher | undefined;
  /** The publisher has been let in. False when nobody took it. */
  published(connection: RtmpConnection, publisher: RtmpPublisher): boolean;
  badKey(address: string): void;
  /** Called once, when the connection's session is over; its socket may still be closing. */
  ended(connection: RtmpConnection, reason: PublisherEnd): void;
}

/** How long a peer that has been told its end may take to hang up. */
const lingerMs = 2_000;

/** One socket: bytes to the session, events to the publisher. */
export class RtmpConnection {
  readonly address: string;
  readonly secure: boolean;
  /** Resolves when the socket is closed. */
  readonly closed: Promise<void>;
  receivedBytes = 0;
  readonly #socket: Socket;
  readonly #host: ConnectionHost;
  readonly #session: RtmpSession;
  readonly #decision = new AbortController();
  #feed: PublisherFeed | undefined;
  #ended = false;
  #timer: NodeJS.Timeout | undefined;
  #resumedAt: number;

  constructor(accepted: Socket, { address, secure, host }: { address: string; secure: boolean; host: ConnectionHost }) {
    this.address = address;
    this.secure = secure;
    const socket = readReused(accepted, (bytes) => this.#receive(bytes));
    this.#socket = socket;
    this.#host = host;
    this.#resumedAt = host.now();
    this.#session = createRtmpSession({
      startedAt: this.#resumedAt,
      apps: host.apps,
      ...(host.fourCcs && { fourCcs: host.fourCcs }),
      limits: host.limits,
      hmacSha256: (key, data) => createHmac('sha256', key).update(data).digest(),
      random: randomBytes,
    });
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => this.#finish('connection-failed'));
    socket.on('end', () => this.#finish('peer-closed'));
    socket.on('close', () => {
      this.#finish('peer-closed');
      clearTimeout(this.#timer);
    });
    this.#watchDeadline();
  }

  /** The stream being published. */
  get stream(): string | undefined {
    return this.#feed?.publisher.stream;
  }

  close(reason: RtmpCloseReason, description?: string): void {
    this.#apply(this.#session.close(reason, description));
  }

  /** Closes the socket at once, without a word. */
  drop(reason: 'evicted' | 'shutdown'): void {
    this.#finish(reason);
    this.#socket.destroy();
  }

  /** Reads on, now that the publisher's target has room. */
  resume(): void {
    if (this.#ended) return;
    this.#resumedAt = this.#host.now();
    this.#socket.resume();
  }

  #receive(bytes: Buffer): void {
    if (this.#ended) return;
    this.receivedBytes += bytes.length;
    this.#apply(this.#session.receive(bytes, this.#host.now()));
  }

  #apply({ outgoing, events }: SessionResult): void {
    if (this.#ended) return;
    if (outgoing.length > 0) this.#socket.write(concatBytes(outgoing));
    const media: (MediaEvent | MetadataEvent)[] = [];
    for (const event of events) {
      if (event.type === 'publish-request') {
        void this.#decide(event);
      } else if (event.type === 'end') {
        this.#deliver(media);
        this.#finish(event.reason, outgoing.length > 0);
        return;
      } else {
        media.push(event);
      }
    }
    this.#deliver(media);
    if (this.#socket.writableLength > this.#host.limits.unreadBytes) this.#finish('answers-unread');
  }

  #deliver(media: (MediaEvent | MetadataEvent)[]): void {
    if (this.#feed === undefined || media.length === 0) return;
    this.#feed.take(media);
    if (this.#feed.isBlocked) this.#socket.pause();
  }

  async #decide(event: PublishRequestEvent): Promise<void> {
    // Nothing more is read until the answer, so a hasty publisher cannot pile up media.
    this.#socket.pause();
    const { app, encoder } = event;
    const target = parsePublishTarget(event);
    const request: PublishRequest = {
      app: app.split('/')[0]!,
      stream: target?.stream,
      address: this.address,
      secure: this.secure,
      encoder,
      signal: this.#decision.signal,
      revealKey: () => target?.key ?? '',
    };
    const decision: PublishDecision =
      target === undefined ? { accept: false, reason: 'bad-key' } : await this.#host.decide(request);
    if (!decision.accept) return this.#reject(decision.reason);
    const { stream, whenBusy } = decision;
    // Nothing may be awaited between the last look and `#publish`: two who waited for the same end would both get in.
    for (let busy = this.#host.publisher(stream); busy !== undefined; busy = this.#host.publisher(stream)) {
      if (whenBusy === 'reject' || this.#ended) return this.#reject('stream-busy');
      busy.close('taken-over');
      await busy.closed;
    }
    if (!this.#ended) this.#publish(stream, encoder);
  }

  #reject(reason: RejectReason): void {
    if (this.#ended) return;
    if (reason === 'bad-key') this.#host.badKey(this.address);
    this.#apply(this.#session.reject(reason));
  }

  #publish(stream: string, encoder: string): void {
    const { address, secure } = this;
    const startedAt = this.#host.now();
    this.#feed = createPublisher({
      ...{ stream, address, secure, encoder, startedAt, connection: this },
      reads: (codec) => this.#host.reads(codec),
      tooLarge: (codec, configuration) => this.#host.tooLarge(codec, configuration),
    });
    // Before the answer goes out, so that whoever sees the answer sees the publisher too.
    if (!this.#host.published(this, this.#feed.publisher)) {
      this.#reject('unavailable');
      return;
    }
    this.#apply(this.#session.accept(startedAt));
    if (this.#feed.isBlocked) this.#socket.pause();
    else this.resume();
    this.#watchDeadline();
  }

  #finish(reason: PublisherEnd, hasAnswer = false): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#decision.abort();
    this.#feed?.finish(reason);
    this.#host.ended(this, reason);
    if (!hasAnswer || this.#socket.destroyed) {
      this.#socket.destroy();
      return;
    }
    // Who leaves by the book hangs up too, and may take it for a failure when the other side is faster (GStreamer does).
    if (reason !== 'unpublished') this.#socket.end();
    // The peer shall read why: a socket closed over unread bytes would reset and take the answer with it.
    this.#socket.resume();
    this.#timer = setTimeout(() => this.#socket.destroy(), lingerMs);
  }

  /** One timer a connection: it looks at the deadline when it fires instead of being set anew with each byte. */
  #watchDeadline(): void {
    clearTimeout(this.#timer);
    const { deadline, phase } = this.#session;
    if (deadline === undefined || this.#ended) return;
    const { idleTimeoutMs } = this.#host.limits;
    // While this side does not read, and just after, silence is not the publisher's fault.
    const isPaused = phase === 'publishing' && this.#socket.isPaused();
    const now = this.#host.now();
    const due = isPaused ? now + idleTimeoutMs : this.#earliestEnd(deadline, phase);
    this.#timer = setTimeout(() => this.#checkDeadline(), Math.max(1, due - now));
  }

  #earliestEnd(deadline: number, phase: RtmpSession['phase']): number {
    const idleEnd = this.#resumedAt + this.#host.limits.idleTimeoutMs;
    return phase === 'publishing' ? Math.max(deadline, idleEnd) : deadline;
  }

  #checkDeadline(): void {
    const { deadline, phase } = this.#session;
    const now = this.#host.now();
    const isPaused = phase === 'publishing' && this.#socket.isPaused();
    if (deadline !== undefined && !isPaused && now >= this.#earliestEnd(deadline, phase)) {
      this.#apply(this.#session.tick(now));
    }
    if (!this.#ended) this.#watchDeadline();
  }
}
