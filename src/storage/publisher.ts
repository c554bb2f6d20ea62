import { leaseKey } from './keys.js';
import { Maintenance } from './publish/cleanup/maintenance.js';
import { Retention } from './publish/cleanup/retention.js';
import type { Evictable, StoreTarget } from './publish/context.js';
import { Publication } from './publish/publication.js';
import { Backlog } from './publish/queue/backlog.js';
import { chooseStore } from './publish/queue/failover.js';
import type { Health } from './publish/queue/health.js';
import { Uploader } from './publish/queue/uploader.js';
import { type PublisherSettings, settingsOf } from './publish/settings.js';
import type {
  CloseOptions,
  StoreOptions,
  StorePublisher,
  StorePublisherOptions,
  StoreStatus,
  StreamOptions,
  StreamPublication,
} from './publish/types.js';

export type * from './publish/types.js';

const tickMs = 1000;

/**
 * Makes an object store a faithful, always playable copy of live streams: segments go up in parallel, playlists follow in
 * order when all that they list can be read. Memory is bounded by `backlogBytes`; what does not fit is given up, oldest
 * first, and logged. Nothing here blocks or throws towards the streams.
 */
export function createPublisher(options: StorePublisherOptions): StorePublisher {
  return new ObjectStorePublisher(options);
}

interface Member {
  readonly publication: Publication;
  readonly maintenance: Maintenance;
}

class ObjectStorePublisher implements StorePublisher {
  readonly #settings: PublisherSettings;
  readonly #backlog: Backlog<Evictable>;
  readonly #targets: readonly StoreTarget[];
  readonly #members = new Map<string, Member>();
  readonly #toldUnsupported = new Set<number>();
  #active: StoreTarget;
  #firstAnswersSince: number | undefined;
  #cancelTick: (() => void) | undefined;
  #state: 'new' | 'open' | 'closed' = 'new';

  constructor(options: StorePublisherOptions) {
    this.#settings = settingsOf(options);
    this.#backlog = new Backlog(options.backlogBytes);
    const stores = options.fallback ? [options, options.fallback] : [options];
    this.#targets = stores.map((store, place) => this.#target(store, place));
    this.#active = this.#targets[0]!;
  }

  get backlogBytes(): number {
    return this.#backlog.bytes;
  }

  get stores(): readonly StoreStatus[] {
    return this.#targets.map((target) => {
      const { health, error } = target.uploader.watch;
      return {
        store: target.store.description,
        publicUrl: target.publicUrl,
        isActive: target === this.#active,
        state: health.state,
        error,
      };
    });
  }

  stream(options: StreamOptions): StreamPublication {
    const { name } = options;
    const publication = new Publication({
      options,
      settings: this.#settings,
      targets: this.#targets,
      backlog: this.#backlog,
      target: () => this.#active,
      enforceBacklog: () => this.#enforceBacklog(),
      leaseUnsupported: (target) => this.#leaseUnsupported(target),
      closed: () => {
        if (this.#members.get(name)?.publication === publication) this.#members.delete(name);
      },
    });
    this.#members.set(name, { publication, maintenance: new Maintenance(publication, this.#settings) });
    if (this.#state === 'open') publication.start();
    return publication;
  }

  start(): void {
    if (this.#state !== 'new') return;
    this.#state = 'open';
    for (const { publication } of this.#members.values()) publication.start();
    this.#tick();
  }

  retryNow(): void {
    for (const { uploader } of this.#targets) uploader.tryNow();
  }

  async close(options?: CloseOptions): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#cancelTick?.();
    await Promise.all([...this.#members.values()].map(({ publication }) => publication.close(options)));
    for (const { uploader, retention } of this.#targets) {
      retention.close();
      uploader.close();
    }
  }

  #target({ store, publicUrl, fetch = globalThis.fetch }: StoreOptions, place: number): StoreTarget {
    const settings = this.#settings;
    const uploader = new Uploader({
      store,
      settings,
      probe: (call) => store.head(leaseKey([...this.#members.keys()][0] ?? 'probe'), call),
      changed: (health, before) => this.#healthChanged(target, health, before),
    });
    const retention = new Retention({
      settings,
      uploader,
      isListed: (stream, key) =>
        [...(this.#members.get(stream)?.publication.lanes ?? [])].some((lane) => lane.lists(key)) &&
        this.#active === target,
    });
    const target: StoreTarget = { place, store, publicUrl, fetch, uploader, retention };
    return target;
  }

  #tick(): void {
    this.#cancelTick = this.#settings.clock.after(tickMs, () => this.#tick());
    this.#chooseStore();
    this.#settings.observe({ type: 'backlog', bytes: this.#backlog.bytes });
    for (const { publication, maintenance } of this.#members.values()) {
      publication.watch();
      maintenance.tick(this.#active);
    }
  }

  #chooseStore(): void {
    const [first, second] = this.#targets;
    if (first === undefined || second === undefined) return;
    const { clock, failover, log } = this.#settings;
    const now = clock.now();
    const from = this.#active;
    const trouble = ({ uploader }: StoreTarget): number | undefined => {
      const { health } = uploader.watch;
      if (health.state === 'down' || health.state === 'refused') return health.troubledSince ?? now;
      // It takes small objects and no segment: that is no copy of the stream.
      return uploader.refusals.mediaSince;
    };
    if (from === second) {
      this.#firstAnswersSince = trouble(first) === undefined ? (this.#firstAnswersSince ?? now) : undefined;
      if (this.#firstAnswersSince !== undefined) void first.uploader.watch.check();
      void first.uploader.proveSize();
    }
    const choice = chooseStore(
      {
        active: from === first ? 'first' : 'second',
        firstTroubledSince: trouble(first),
        firstAnswersSince: this.#firstAnswersSince,
        secondTroubled: trouble(second) !== undefined,
        now,
      },
      failover,
    );
    const to = choice === 'first' ? first : second;
    if (to === from) return;
    this.#active = to;
    this.#firstAnswersSince = undefined;
    log({
      level: 'warn',
      event: 'store-switched',
      message: `Uploads go to ${to.store.description} instead of ${from.store.description} from now on.`,
      details: { from: from.store.description, to: to.store.description },
    });
    for (const { publication } of this.#members.values()) publication.switched(from);
  }

  #healthChanged(target: StoreTarget, health: Health, before: Health): void {
    const { log, clock } = this.#settings;
    const { description } = target.store;
    const { error } = target.uploader.watch;
    const bad = health.state === 'down' || health.state === 'refused';
    // Once an episode: until it is up again.
    if (bad && before.state === 'up') {
      const refused = health.state === 'refused';
      log({
        level: 'error',
        event: refused ? 'store-refused' : 'store-down',
        message: `${description} ${refused ? 'refuses uploads' : 'cannot be reached'}; they wait in memory: ${error?.message ?? 'no answer'}`,
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
      log({ level: 'info', event: 'store-up', message: `${description} takes uploads again.`, details });
    }
    if (bad) return;
    let position = 0;
    for (const { publication } of this.#members.values()) {
      // Not all leases at one moment.
      clock.after(position * 10, () => publication.storeBack(target));
      position += 1;
    }
  }

  #enforceBacklog(): void {
    for (const victim of this.#backlog.overflow()) victim.giveUp();
  }

  #leaseUnsupported(target: StoreTarget): void {
    if (this.#toldUnsupported.has(target.place)) return;
    this.#toldUnsupported.add(target.place);
    this.#settings.log({
      level: 'warn',
      event: 'lease-unsupported',
      message: `${target.store.description} has no conditional writes: two nodes that publish the same stream are noticed late.`,
    });
  }
}
