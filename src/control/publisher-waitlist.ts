import type { PublishDecision, Publisher, PublishRequest } from '../ingest/publisher.js';
import { createKeyring, type Keyring } from '../ingest/rtmp/keys.js';

/** A push stream. */
export interface PushStream {
  readonly name: string;
  readonly keys: readonly string[];
  readonly whenBusy: 'reject' | 'takeover';
  /** How often it needs a keyframe. */
  readonly segmentSeconds: number;
}

type Waiting = (publisher: Publisher) => void;

/** Connects publishers to the streams that wait for them: checks keys, hands each publisher to its stream. */
export class PublisherDesk {
  #streams: ReadonlyMap<string, PushStream> = new Map();
  #keyring: Keyring = createKeyring([]);
  readonly #current = new Map<string, Publisher>();
  readonly #waiting = new Map<string, Waiting>();

  /** Sets the streams that accept publishers, and their keys. Throws `config-invalid` if two streams share a key. */
  open(streams: readonly PushStream[]): void {
    this.#keyring = createKeyring(streams);
    this.#streams = new Map(streams.map((stream) => [stream.name, stream]));
  }

  /** How often a stream needs a keyframe. */
  keyframeIntervalMs(stream: string): number {
    return (this.#streams.get(stream)?.segmentSeconds ?? 2) * 1000;
  }

  /** The publisher of a stream. */
  current(stream: string): Publisher | undefined {
    return this.#current.get(stream);
  }

  /** Disconnects the publisher of a stream. */
  dismiss(stream: string): void {
    this.#current.get(stream)?.close('stopped');
  }

  authorise(request: PublishRequest): PublishDecision {
    const name = this.#keyring.find(request.revealKey(), request.stream);
    const stream = name === undefined ? undefined : this.#streams.get(name);
    if (stream === undefined) return { accept: false, reason: 'bad-key' };
    return { accept: true, stream: stream.name, whenBusy: stream.whenBusy };
  }

  /** Accepts a publisher. */
  arrived(publisher: Publisher): void {
    const { stream } = publisher;
    // The stream may have been removed while the key was checked.
    if (!this.#streams.has(stream)) {
      publisher.close('stopped');
      return;
    }
    this.#current.set(stream, publisher);
    void publisher.closed.then(() => {
      if (this.#current.get(stream) === publisher) this.#current.delete(stream);
    });
    this.#waiting.get(stream)?.(publisher);
  }

  /** The stream's publisher, now or when one connects; undefined if the signal aborts first. */
  next(stream: string, signal: AbortSignal): Promise<Publisher | undefined> {
    const current = this.#current.get(stream);
    if (current !== undefined || signal.aborted) return Promise.resolve(current);
    return new Promise((resolve) => {
      const settle = (publisher?: Publisher) => {
        this.#waiting.delete(stream);
        signal.removeEventListener('abort', abandon);
        resolve(publisher);
      };
      const abandon = () => settle();
      signal.addEventListener('abort', abandon, { once: true });
      this.#waiting.set(stream, settle);
    });
  }
}
