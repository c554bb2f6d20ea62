import type { Feed } from '../events/feed.js';
import type { Histories } from '../events/history.js';
import type { StreamDirectory } from '../stream/live-stream.js';
import type { Stream, StreamCloseReason } from '../stream/stream.js';

/** Each one still keeps its window and its images in memory. */
const MOST_ENDED = 16;

/** All streams of a node, in insertion order. */
export class StreamRegistry implements StreamDirectory {
  readonly #streams = new Map<string, Stream>();
  readonly #ended = new Map<string, { readonly stream: Stream; readonly timer: NodeJS.Timeout }>();

  list(): readonly Stream[] {
    return [...this.#streams.values()];
  }

  get(name: string): Stream | undefined {
    return this.#streams.get(name);
  }

  ended(name: string): Stream | undefined {
    return this.#ended.get(name)?.stream;
  }

  /** Replaces the stream with the same name, or appends. */
  add(stream: Stream): void {
    this.#forget(stream.name);
    this.#streams.set(stream.name, stream);
  }

  /** Removes a stream. Its players can fetch the ended playlist for this long, unless many others end after it. */
  remove(name: string, endedForMs: number): void {
    const stream = this.#streams.get(name);
    this.#streams.delete(name);
    this.#forget(name);
    if (stream === undefined || endedForMs <= 0) return;
    this.#ended.set(name, { stream, timer: setTimeout(() => this.#ended.delete(name), endedForMs).unref() });
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > MOST_ENDED && oldest !== undefined) this.#forget(oldest);
  }

  #forget(name: string): void {
    clearTimeout(this.#ended.get(name)?.timer);
    this.#ended.delete(name);
  }

  async tick(): Promise<void> {
    await Promise.all(this.list().map((stream) => stream.tick()));
  }

  /** Reports the current statistics of all streams. `now`: monotonic time. */
  tell(feed: Pick<Feed, 'stats'>, histories: Pick<Histories, 'add'>, now: number): void {
    const stats = this.list().map((stream) => stream.stats());
    feed.stats(stats);
    histories.add(stats, now);
  }

  /** Closes all streams concurrently. */
  async close(deadlineMs: number, reasonOf: (name: string) => StreamCloseReason = () => 'removed'): Promise<void> {
    for (const name of this.#ended.keys()) this.#forget(name);
    await Promise.all(this.list().map((stream) => stream.close(deadlineMs, reasonOf(stream.name))));
  }
}
