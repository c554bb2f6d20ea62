/** What a subscriber holds: an endless series of events, of which too many unread ones push out the oldest. */
export interface Subscription<T> extends AsyncIterableIterator<T, undefined> {
  /** Events that were pushed out before they were read. */
  readonly dropped: number;
  /** Ends the series at once. */
  close(): void;
}

/** How one reader reads. */
export interface SubscribeOptions {
  /** Unread events that are kept. Default 100. */
  readonly limit?: number;
  /** Ends the series when it aborts. */
  readonly signal?: AbortSignal;
}

/** Events that a program can subscribe to. */
export interface Subscribable<T> {
  /** Events from now on. Leaving the loop (`break`, `return`, an error) ends the subscription. */
  subscribe(options?: SubscribeOptions): Subscription<T>;
}

/** Hands each event to everyone who subscribed before it. Publishing never waits, whatever the readers do. */
export class Topic<T> implements Subscribable<T> {
  readonly #subscriptions = new Set<Queue<T>>();

  get hasReaders(): boolean {
    return this.#subscriptions.size > 0;
  }

  publish(event: T): void {
    for (const subscription of this.#subscriptions) subscription.push(event);
  }

  /** Events from now on. Leaving the loop (`break`, `return`, an error) ends the subscription. */
  subscribe({ limit = 100, signal }: SubscribeOptions = {}): Subscription<T> {
    const close = () => queue.close();
    const queue = new Queue<T>(Math.max(1, limit), () => {
      this.#subscriptions.delete(queue);
      // The signal may outlive many subscriptions.
      signal?.removeEventListener('abort', close);
    });
    this.#subscriptions.add(queue);
    signal?.addEventListener('abort', close);
    if (signal?.aborted) close();
    return queue;
  }

  /** Ends every subscription once what waits is read. */
  close(): void {
    for (const subscription of this.#subscriptions) subscription.end();
  }
}

class Queue<T> implements Subscription<T> {
  readonly #limit: number;
  readonly #onEnded: () => void;
  readonly #unread: T[] = [];
  readonly #readers: ((result: IteratorResult<T, undefined>) => void)[] = [];
  #dropped = 0;
  #ended = false;

  constructor(limit: number, onEnded: () => void) {
    this.#limit = limit;
    this.#onEnded = onEnded;
  }

  get dropped(): number {
    return this.#dropped;
  }

  push(value: T): void {
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader({ value, done: false });
      return;
    }
    this.#unread.push(value);
    if (this.#unread.length <= this.#limit) return;
    this.#unread.shift();
    this.#dropped += 1;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#unread.length > 0) return Promise.resolve({ value: this.#unread.shift() as T, done: false });
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.#readers.push(resolve));
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.close();
    return Promise.resolve({ value: undefined, done: true });
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnded();
    for (const reader of this.#readers.splice(0)) reader({ value: undefined, done: true });
  }

  close(): void {
    this.#unread.length = 0;
    this.end();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}
