import { leaseKey } from '../keys.js';
import { Maintenance } from './cleanup/maintenance.js';
import { Retention } from './cleanup/retention.js';
import type { Evictable, StoreTarget } from './context.js';
import { UploadProgress } from './progress.js';
import { Publication } from './publication.js';
import type { Backlog } from './queue/backlog.js';
import type { Health } from './queue/health.js';
import { Uploader } from './queue/uploader.js';
import type { PublisherSettings } from './settings.js';
import type { CloseOptions, StoreOptions, StorePublisher, StoreStatus, StreamOptions } from './types.js';

export const tickMs = 1000;

interface Member {
  readonly publication: Publication;
  readonly maintenance: Maintenance;
}

/** Publishes streams to one store. */
export class SingleStorePublisher implements StorePublisher {
  /** Uploads go to this store. */
  isActive = true;
  readonly #settings: PublisherSettings;
  readonly #backlog: Backlog<Evictable>;
  readonly #target: StoreTarget;
  readonly #members = new Map<string, Member>();
  #toldUnsupported = false;
  #cancelTick: (() => void) | undefined;
  #state: 'new' | 'open' | 'closed' = 'new';

  constructor(
    { store, publicUrl, fetch = globalThis.fetch }: StoreOptions,
    settings: PublisherSettings,
    backlog: Backlog<Evictable>,
  ) {
    this.#settings = settings;
    this.#backlog = backlog;
    const uploader = new Uploader({
      store,
      settings,
      probe: (call) => store.head(leaseKey([...this.#members.keys()][0] ?? 'probe'), call),
      changed: (health, before) => this.#healthChanged(health, before),
    });
    const retention = new Retention({
      settings,
      uploader,
      isListed: (stream, key) =>
        [...(this.#members.get(stream)?.publication.lanes ?? [])].some((lane) => lane.lists(key)),
    });
    this.#target = { store, publicUrl, fetch, uploader, retention };
  }

  get backlogBytes(): number {
    return this.#backlog.bytes;
  }

  get stores(): readonly StoreStatus[] {
    const { store, publicUrl, uploader } = this.#target;
    const { health, error } = uploader.watch;
    return [{ store: store.description, publicUrl, isActive: this.isActive, state: health.state, error }];
  }

  /** Since when the store accepts nothing, or no segments, without which there is no copy of a stream. Milliseconds since the epoch. */
  get troubledSince(): number | undefined {
    const { watch, refusals } = this.#target.uploader;
    const { state, troubledSince } = watch.health;
    if (state === 'down' || state === 'refused') return troubledSince ?? this.#settings.clock.now();
    return refusals.mediaSince;
  }

  stream(options: StreamOptions, progress = new UploadProgress(options.name, this.#settings)): Publication {
    const { name } = options;
    const publication = new Publication({
      options,
      settings: this.#settings,
      target: this.#target,
      backlog: this.#backlog,
      progress,
      isActive: () => this.isActive,
      enforceBacklog: () => {
        for (const victim of this.#backlog.overflow()) victim.giveUp();
      },
      leaseUnsupported: () => this.#leaseUnsupported(),
      closed: () => {
        if (this.#members.get(name)?.publication === publication) this.#members.delete(name);
      },
    });
    this.#members.set(name, {
      publication,
      maintenance: new Maintenance(publication, this.#target, this.#settings),
    });
    if (this.#state === 'open') publication.start();
    return publication;
  }

  start(): void {
    if (this.#state !== 'new') return;
    this.open();
    this.#tick();
  }

  /** Like `start`, for callers that call `tick` themselves. */
  open(): void {
    this.#state = 'open';
    for (const { publication } of this.#members.values()) publication.start();
  }

  /** To be called about once a second. */
  tick(): void {
    for (const { publication, maintenance } of this.#members.values()) {
      publication.watch();
      maintenance.tick();
    }
  }

  retryNow(): void {
    this.#target.uploader.tryNow();
  }

  /** Checks that the store, which is idle, still responds. */
  check(): void {
    void this.#target.uploader.watch.check();
  }

  /** Tests whether the store accepts segments of the size that it has refused. */
  proveSize(): void {
    void this.#target.uploader.proveSize();
  }

  async close(options?: CloseOptions): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#cancelTick?.();
    await Promise.all([...this.#members.values()].map(({ publication }) => publication.close(options)));
    this.#target.retention.close();
    this.#target.uploader.close();
  }

  #tick(): void {
    this.#cancelTick = this.#settings.clock.after(tickMs, () => this.#tick());
    this.#settings.observe({ type: 'backlog', bytes: this.#backlog.bytes });
    this.tick();
  }

  #healthChanged(health: Health, before: Health): void {
    const { log, clock } = this.#settings;
    const { store, uploader } = this.#target;
    const { description } = store;
    const { error } = uploader.watch;
    const bad = health.state === 'down' || health.state === 'refused';
    // Once per episode, which lasts until the store is up again.
    if (bad && before.state === 'up') {
      const refused = health.state === 'refused';
      log({
        level: 'error',
        event: refused ? 'store-refused' : 'store-down',
        message: `${description} ${refused ? 'refuses uploads' : 'is unreachable'}; they wait in memory: ${error?.message ?? 'no response'}`,
        details: { store: description, backlogBytes: this.#backlog.bytes },
        ...(error && { error }),
      });
    }
    if (health.state === 'up') {
      const details = {
        store: description,
        backlogBytes: this.#backlog.bytes,
        at: new Date(clock.now()).toISOString(),
      };
      log({ level: 'info', event: 'store-up', message: `${description} accepts uploads again.`, details });
    }
    if (bad) return;
    let position = 0;
    for (const { publication } of this.#members.values()) {
      // Spreads the renewal of leases.
      clock.after(position * 10, () => publication.storeBack());
      position += 1;
    }
  }

  #leaseUnsupported(): void {
    if (this.#toldUnsupported) return;
    this.#toldUnsupported = true;
    this.#settings.log({
      level: 'warn',
      event: 'lease-unsupported',
      message: `${this.#target.store.description} has no conditional writes: two nodes that publish the same stream are detected late.`,
    });
  }
}
