import type { Feed } from '../events/feed.js';
import type { Stream } from '../stream/stream.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { changesBetween, type DesiredChange, type DesiredStream } from './desired-streams.js';
import type { StreamRegistry } from './registry.js';

/** Hears which streams a node has. */
interface FleetListener {
  /** These are the streams of the node from now on; those that are new have not started yet. */
  wanted(streams: readonly DesiredStream[]): void;
  /** A removed stream has ended. */
  gone(name: string): void;
}

export interface FleetOptions {
  readonly registry: StreamRegistry;
  /** Creates a stream without starting it. */
  readonly make: (wanted: DesiredStream) => Stream;
  readonly listener: FleetListener;
  readonly feed: Feed;
  readonly metrics: Pick<Metrics, 'forget'>;
  readonly log: Logger;
  /** How long a stopping stream waits for its uploads. */
  readonly closeDeadlineMs: number;
  /** How long players can still fetch the ended playlist of a removed stream. */
  readonly endedForMs: number;
}

const messages = {
  added: 'stream added',
  removed: 'stream removed',
  replaced: 'stream restarted with new settings',
  adjusted: 'stream settings changed',
} as const;

/** The running streams of a node. Unchanged streams continue undisturbed. */
export class Fleet {
  readonly #options: FleetOptions;
  #wanted: ReadonlyMap<string, DesiredStream> = new Map();
  /** The current change of each stream: the next one of the same name waits for it. */
  readonly #changing = new Map<string, Promise<void>>();
  #closed = false;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** The existing streams, including those about to start. */
  get wanted(): ReadonlyMap<string, DesiredStream> {
    return this.#wanted;
  }

  /** Makes these the streams of the node. Settles when all removed streams have ended and all new ones have started. */
  async apply(wanted: readonly DesiredStream[]): Promise<void> {
    if (this.#closed) return;
    const after = new Map(wanted.map((each) => [each.config.name, each]));
    const changes = changesBetween(this.#wanted, after);
    this.#options.listener.wanted(wanted);
    this.#wanted = after;
    await Promise.all(changes.map((change) => this.#afterOthers(change.name, () => this.#perform(change))));
  }

  /** Restarts a stream. False: it was not running. */
  async restart(name: string): Promise<boolean> {
    const stream = this.#options.registry.get(name);
    const wanted = this.#wanted.get(name);
    if (stream === undefined || wanted === undefined) return false;
    if (stream.restart()) {
      this.#options.log.info({ stream: name }, 'stream restarted by operator');
      return true;
    }
    // Nobody is publishing, and the next publisher starts a new ffmpeg anyway.
    if (wanted.config.source === 'push') return false;
    await this.#afterOthers(name, () => this.#replace(wanted));
    return true;
  }

  /** Cancels long retry delays of sources that denied access: the operator may have changed the credentials. */
  retry(): void {
    for (const name of this.#wanted.keys()) this.#options.registry.get(name)?.retry();
  }

  /** Accepts no more changes. Settles when the current ones are complete. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#changing.values());
  }

  #afterOthers(name: string, task: () => Promise<void>): Promise<void> {
    const done = (this.#changing.get(name) ?? Promise.resolve()).then(task).catch((err: unknown) => {
      this.#options.log.error({ stream: name, err }, 'stream change failed');
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
    log.info({ stream: name }, messages[kind]);
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
    const { registry, listener, metrics, closeDeadlineMs, endedForMs } = this.#options;
    await registry.get(name)?.close(closeDeadlineMs);
    registry.remove(name, endedForMs);
    listener.gone(name);
    await metrics.forget(name);
  }
}
