import { FeedReader } from './feed-reader.js';
import type { FeedEvent, FeedEventType, RecordedEvent, StreamStats } from './feed-schema.js';

/** An event on its way to a reader. `id`: where to go on after it; undefined for what is told once and never again. */
export interface FeedItem {
  readonly id: string | undefined;
  readonly event: FeedEvent;
}

export interface FeedOptions {
  /** Names this run of the node in event ids: another each time. */
  readonly run: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Events that are remembered for readers who come back. Default 2000. */
  readonly remembered?: number;
  /** Readers at once. Default 100. */
  readonly readers?: number;
  /** Unread events of one reader; one that has more is dropped. Default 1000. */
  readonly unread?: number;
}

export interface FeedReadOptions {
  /** Undefined: all streams. */
  readonly stream?: string | undefined;
  /** Undefined: everything but segments. */
  readonly types?: readonly FeedEventType[] | undefined;
  /** Go on behind this event; undefined: from now on. */
  readonly after?: string | undefined;
}

const usualTypes: readonly FeedEventType[] = [
  'state',
  'stream',
  'thumbnail',
  'gate',
  'alert',
  'restart',
  'load',
  'stats',
];

/** What happens on a node, for everyone who listens: a bounded memory of events, and any number of bounded readers. */
export class Feed {
  readonly #options: FeedOptions;
  readonly #readers = new Set<FeedReader>();
  readonly #ring: { readonly number: number; readonly event: RecordedEvent }[] = [];
  #number = 0;
  #stats: FeedItem | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** Readers now. */
  get readers(): number {
    return this.#readers.size;
  }

  publish(event: RecordedEvent): void {
    this.#number += 1;
    const { remembered = 2000, run } = this.#options;
    this.#ring.push({ number: this.#number, event });
    if (this.#ring.length > remembered) this.#ring.shift();
    this.#hand({ id: `${run}-${this.#number}`, event });
  }

  /** Tells of the streams as they are. Not remembered: the next one says more. */
  stats(streams: readonly StreamStats[]): void {
    const at = new Date(this.#options.now()).toISOString();
    this.#stats = { id: undefined, event: { type: 'stats', at, streams: [...streams] } };
    this.#hand(this.#stats);
  }

  /** Undefined when there are too many readers. */
  read({ stream, types = usualTypes, after }: FeedReadOptions): FeedReader | undefined {
    const { readers = 100, unread = 1000 } = this.#options;
    if (this.#readers.size >= readers) return undefined;
    const reader = new FeedReader({ stream, types, unread, onClosed: () => this.#readers.delete(reader) });
    this.#readers.add(reader);
    for (const item of this.#missed(after)) reader.push(item);
    if (this.#stats !== undefined) reader.push(this.#stats);
    return reader;
  }

  /** Ends every reader. */
  close(): void {
    for (const reader of this.#readers) reader.close();
  }

  #hand(item: FeedItem): void {
    for (const reader of this.#readers) reader.push(item);
  }

  #missed(after: string | undefined): FeedItem[] {
    if (after === undefined) return [];
    const { run, now } = this.#options;
    const [, ofRun, number] = /^([a-z0-9]{1,32})-(\d{1,15})$/.exec(after) ?? [];
    const last = ofRun === run ? Number(number) : Number.NaN;
    const first = this.#ring[0]?.number ?? this.#number + 1;
    const isWhole = last <= this.#number && last >= first - 1;
    const rest = isWhole ? this.#ring.filter((each) => each.number > last) : [];
    const items = rest.map((each) => ({ id: `${run}-${each.number}`, event: each.event }));
    if (isWhole) return items;
    // What is remembered of another time would be told without what it followed from: the reader asks anew instead.
    return [{ id: `${run}-${this.#number}`, event: { type: 'reset', at: new Date(now()).toISOString() } }];
  }
}
