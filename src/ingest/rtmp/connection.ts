import { createHmac, randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { readReused } from '../../io/reused-reads.js';
import type { PublishDecision, Publisher, PublisherCloseReason, PublishRequest } from '../publisher.js';
import { concatBytes } from './protocol/bytes.js';
import { parsePublishTarget } from './publish-target.js';
import { createPublisher, type PublisherFeed } from './publisher.js';
import type { PublisherEnd, RtmpPublisher, RtmpServerLimits } from './server-types.js';
import { createRtmpSession } from './session.js';
import type {
  MediaEvent,
  MetadataEvent,
  PublishRequestEvent,
  RejectReason,
  RtmpSession,
  SessionResult,
} from './session-types.js';

/** The server functions that a connection uses. */
export interface ConnectionHost {
  readonly limits: RtmpServerLimits;
  readonly apps: readonly string[];
  readonly fourCcs: readonly string[] | undefined;
  reads(codec: string): boolean;
  tooLarge(codec: string, configuration: Uint8Array): string | undefined;
  now(): number;
  decide(request: PublishRequest): Promise<PublishDecision>;
  /** The stream's publisher, over any protocol. */
  publisher(stream: string): Publisher | undefined;
  /** Called when the publisher was accepted. False if nobody took it. */
  published(connection: RtmpConnection, publisher: RtmpPublisher): boolean;
  badKey(address: string): void;
  /** Called once when the session has ended; the socket may still be closing. */
  ended(connection: RtmpConnection, reason: PublisherEnd): void;
}

/** How long a peer may take to close its connection after the session has ended. */
const lingerMs = 2_000;

/** One socket: passes bytes to the session and events to the publisher. */
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

  close(reason: PublisherCloseReason, description?: string): void {
    this.#apply(this.#session.close(reason, description));
  }

  /** Closes the socket immediately, without a message. */
  drop(reason: 'evicted' | 'shutdown'): void {
    this.#finish(reason);
    this.#socket.destroy();
  }

  /** Resumes reading once the publisher's target has room. */
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
    // Reading stops until the decision, so that an impatient publisher cannot pile up media.
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
    // No await between this check and `#publish`: two connections that waited for the same end would both be accepted.
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
    // Before the response is sent, so that anyone who sees the response also sees the publisher.
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
    // A publisher that unpublishes also disconnects, and may report an error if the server closes first (GStreamer does).
    if (reason !== 'unpublished') this.#socket.end();
    // Drains the socket so that the peer can read the reason: closing with unread bytes would reset the connection and lose it.
    this.#socket.resume();
    this.#timer = setTimeout(() => this.#socket.destroy(), lingerMs);
  }

  /** One timer per connection. It checks the deadline when it fires, instead of being reset for each byte. */
  #watchDeadline(): void {
    clearTimeout(this.#timer);
    const { deadline, phase } = this.#session;
    if (deadline === undefined || this.#ended) return;
    const { idleTimeoutMs } = this.#host.limits;
    // While and shortly after this side stops reading, silence is not the publisher's fault.
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
