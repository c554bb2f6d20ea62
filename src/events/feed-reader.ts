import type { FeedItem } from './feed.js';
import type { FeedEventType } from './feed-schema.js';

export interface FeedReaderOptions {
  readonly stream: string | undefined;
  readonly types: readonly FeedEventType[];
  /** Unread events; who has more is dropped. */
  readonly unread: number;
  readonly onClosed: () => void;
}

/** One listener's events: those that it asked for, in order, until it is closed or too slow. */
export class FeedReader {
  readonly #options: FeedReaderOptions;
  readonly #unread: FeedItem[] = [];
  #wake: (() => void) | undefined;
  #closed = false;
  #tooSlow = false;

  constructor(options: FeedReaderOptions) {
    this.#options = options;
  }

  /** Whether it was dropped because it did not read. */
  get isTooSlow(): boolean {
    return this.#tooSlow;
  }

  push(item: FeedItem): void {
    const wanted = this.#closed ? undefined : this.#wanted(item);
    if (wanted === undefined) return;
    this.#unread.push(wanted);
    if (this.#unread.length > this.#options.unread) {
      this.#tooSlow = true;
      this.close();
    }
    this.#wake?.();
  }

  /** What is unread; waits for the first, at most so long: an empty list then. Undefined when the reader is closed. */
  async take(timeoutMs: number): Promise<readonly FeedItem[] | undefined> {
    if (this.#unread.length === 0 && !this.#closed) await this.#news(timeoutMs);
    if (this.#closed) return undefined;
    return this.#unread.splice(0);
  }

  /** Ends it; what is unread is forgotten. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unread.length = 0;
    this.#options.onClosed();
    this.#wake?.();
  }

  #wanted(item: FeedItem): FeedItem | undefined {
    const { stream, types } = this.#options;
    const { event } = item;
    if (event.type === 'reset') return item;
    if (!types.includes(event.type)) return undefined;
    if (stream === undefined) return item;
    // Of the node, so of each of its streams.
    if (event.type === 'load') return item;
    if (event.type !== 'stats') return event.stream === stream ? item : undefined;
    return { ...item, event: { ...event, streams: event.streams.filter((each) => each.stream === stream) } };
  }

  #news(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#wake = done;
    });
  }
}
