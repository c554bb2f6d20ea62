import { messageOf } from '../errors.js';
import type { Feed } from '../events/feed.js';
import type { Stream } from '../stream/stream.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { changesBetween, type DesiredChange, type DesiredStream } from './desired-streams.js';
import type { StreamRegistry } from './registry.js';

export interface FleetOptions {
  readonly registry: StreamRegistry;
  /** Builds a stream that has not begun. */
  readonly make: (wanted: DesiredStream) => Stream;
  /** Hears of the streams that there shall be before any of them begins, and of those that are gone. */
  readonly onWanted: (wanted: readonly DesiredStream[]) => void;
  readonly onGone: (name: string) => void;
  readonly feed: Feed;
  readonly metrics: Pick<Metrics, 'forget'>;
  readonly log: Logger;
  /** How long a stream that goes lets its uploads take. */
  readonly closeDeadlineMs: number;
  /** How long players can still learn that a removed stream has ended. */
  readonly endedForMs: number;
}

/** The streams of a node as they come and go. What does not change runs on untouched. */
export class Fleet {
  readonly #options: FleetOptions;
  #wanted: ReadonlyMap<string, DesiredStream> = new Map();
  /** The change under way of each stream: the next one of the same name waits for it. */
  readonly #changing = new Map<string, Promise<void>>();
  #closed = false;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** The streams that there are, or will be in a moment. */
  get wanted(): ReadonlyMap<string, DesiredStream> {
    return this.#wanted;
  }

  /** Makes these the streams of the node. Settles when all that goes is gone and all that comes has begun. */
  async apply(wanted: readonly DesiredStream[]): Promise<void> {
    if (this.#closed) return;
    const after = new Map(wanted.map((each) => [each.config.name, each]));
    const changes = changesBetween(this.#wanted, after);
    this.#options.onWanted(wanted);
    this.#wanted = after;
    await Promise.all(changes.map((change) => this.#afterOthers(change.name, () => this.#perform(change))));
  }

  /** Begins a stream anew. False: there is nothing to begin anew. */
  async restart(name: string): Promise<boolean> {
    const stream = this.#options.registry.get(name);
    const wanted = this.#wanted.get(name);
    if (stream === undefined || wanted === undefined) return false;
    if (stream.restart()) {
      this.#options.log.info({ stream: name }, 'the stream is begun anew, as its operator asked');
      return true;
    }
    // Nobody publishes: the next publisher is a new beginning anyway.
    if (wanted.config.source === 'push') return false;
    await this.#afterOthers(name, () => this.#replace(wanted));
    return true;
  }

  /** Ends long waits for sources that denied access: the operator may have changed what they deny. */
  retry(): void {
    for (const name of this.#wanted.keys()) this.#options.registry.get(name)?.retry();
  }

  /** Lets nothing more come. Settles when what is under way is done. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#changing.values());
  }

  #afterOthers(name: string, task: () => Promise<void>): Promise<void> {
    const done = (this.#changing.get(name) ?? Promise.resolve()).then(task).catch((err: unknown) => {
      this.#options.log.error({ stream: name, err }, `the stream could not be changed: ${messageOf(err)}`);
    });
    this.#changing.set(name, done);
    void done.then(() => {
      if (this.#changing.get(name) === done) this.#changing.delete(name);
    });
    return done;
  }

  async #perform(change: DesiredChange): Promise<void> {
    const { feed, log } = this.#options;
    const at = new Date().toISOString();
    const { kind, name } = change;
    if (change.kind === 'removed') await this.#remove(name);
    if (change.kind === 'added') this.#begin(change.wanted);
    if (change.kind === 'replaced') await this.#replace(change.wanted);
    const told = { added: 'added', removed: 'removed', replaced: 'changed', adjusted: 'changed' } as const;
    feed.publish({ type: 'stream', stream: name, at, change: told[kind] });
    log.info({ stream: name }, `the stream was ${kind}`);
  }

  #begin(wanted: DesiredStream): void {
    if (this.#closed) return;
    const stream = this.#options.make(wanted);
    this.#options.registry.add(stream);
    stream.start();
  }

  async #replace(wanted: DesiredStream): Promise<void> {
    const { registry, closeDeadlineMs } = this.#options;
    await registry.get(wanted.config.name)?.close(closeDeadlineMs, 'replaced');
    this.#begin(wanted);
  }

  async #remove(name: string): Promise<void> {
    const { registry, metrics, closeDeadlineMs, endedForMs, onGone } = this.#options;
    await registry.get(name)?.close(closeDeadlineMs);
    registry.remove(name, endedForMs);
    onGone(name);
    await metrics.forget(name);
  }
}
