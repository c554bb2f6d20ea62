import type { StoredObject } from '../store.js';
import { UploadProgress } from './progress.js';
import type { Publication } from './publication.js';
import type { PublisherSettings } from './settings.js';
import { type SingleStorePublisher, tickMs } from './single-store.js';
import type {
  CloseOptions,
  ImageOptions,
  PublicationStatus,
  RenditionLane,
  RenditionUploadOptions,
  StillLane,
  StillsOptions,
  StorePublisher,
  StoreStatus,
  StreamOptions,
  StreamPublication,
} from './types.js';

export interface FailoverFacts {
  readonly active: 'first' | 'second';
  /** Since when the first store accepts nothing; undefined while it does. Milliseconds since the epoch. */
  readonly firstTroubledSince: number | undefined;
  /** Since when every probe of the first store has succeeded; undefined after one that failed. */
  readonly firstAnswersSince: number | undefined;
  readonly secondTroubled: boolean;
  readonly now: number;
}

export interface FailoverLimits {
  /** Switch after the first store has accepted nothing for this long. */
  readonly afterMs: number;
  /** Switch back after the first store has responded for this long. */
  readonly handBackAfterMs: number;
}

/** Never switches from a store that is down to one that is down too, but always returns to the first one once it is up. */
export function chooseStore(facts: FailoverFacts, limits: FailoverLimits): 'first' | 'second' {
  const { active, firstTroubledSince, firstAnswersSince, secondTroubled, now } = facts;
  if (active === 'first') {
    const lost = firstTroubledSince !== undefined && now - firstTroubledSince >= limits.afterMs;
    return lost && !secondTroubled ? 'second' : 'first';
  }
  return firstAnswersSince !== undefined && now - firstAnswersSince >= limits.handBackAfterMs ? 'first' : 'second';
}

/** Publishes to the first store, and to the second while the first accepts nothing. */
export class FailoverPublisher implements StorePublisher {
  readonly #first: SingleStorePublisher;
  readonly #second: SingleStorePublisher;
  readonly #settings: PublisherSettings;
  readonly #streams = new Map<string, FailoverPublication>();
  #firstAnswersSince: number | undefined;
  #cancelTick: (() => void) | undefined;
  #state: 'new' | 'open' | 'closed' = 'new';

  constructor(first: SingleStorePublisher, second: SingleStorePublisher, settings: PublisherSettings) {
    this.#first = first;
    this.#second = second;
    this.#settings = settings;
    second.isActive = false;
  }

  get backlogBytes(): number {
    return this.#first.backlogBytes;
  }

  get stores(): readonly StoreStatus[] {
    return [...this.#first.stores, ...this.#second.stores];
  }

  stream(options: StreamOptions): StreamPublication {
    const { name } = options;
    const progress = new UploadProgress(name, this.#settings);
    const publication = new FailoverPublication({
      name,
      first: this.#first.stream(options, progress),
      second: this.#second.stream(options, progress),
      isFirstActive: this.#first.isActive,
      closed: () => {
        if (this.#streams.get(name) === publication) this.#streams.delete(name);
      },
    });
    this.#streams.set(name, publication);
    return publication;
  }

  start(): void {
    if (this.#state !== 'new') return;
    this.#state = 'open';
    this.#first.open();
    this.#second.open();
    this.#tick();
  }

  retryNow(): void {
    this.#first.retryNow();
    this.#second.retryNow();
  }

  async close(options?: CloseOptions): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#cancelTick?.();
    await Promise.all([this.#first.close(options), this.#second.close(options)]);
  }

  #tick(): void {
    this.#cancelTick = this.#settings.clock.after(tickMs, () => this.#tick());
    this.#chooseStore();
    this.#settings.observe({ type: 'backlog', bytes: this.backlogBytes });
    this.#first.tick();
    this.#second.tick();
    for (const stream of this.#streams.values()) stream.tick();
  }

  #chooseStore(): void {
    const [first, second] = [this.#first, this.#second];
    const { clock, failover, log } = this.#settings;
    const now = clock.now();
    if (second.isActive) {
      this.#firstAnswersSince = first.troubledSince === undefined ? (this.#firstAnswersSince ?? now) : undefined;
      if (this.#firstAnswersSince !== undefined) first.check();
      first.proveSize();
    }
    const choice = chooseStore(
      {
        active: first.isActive ? 'first' : 'second',
        firstTroubledSince: first.troubledSince,
        firstAnswersSince: this.#firstAnswersSince,
        secondTroubled: second.troubledSince !== undefined,
        now,
      },
      failover,
    );
    const [to, from] = choice === 'first' ? [first, second] : [second, first];
    if (to.isActive) return;
    to.isActive = true;
    from.isActive = false;
    this.#firstAnswersSince = undefined;
    const details = { from: from.stores[0]?.store, to: to.stores[0]?.store };
    log({
      level: 'warn',
      event: 'store-switched',
      message: `Uploads go to ${details.to} instead of ${details.from} from now on.`,
      details,
    });
    for (const stream of this.#streams.values()) stream.switchTo(choice);
  }
}

interface FailoverPublicationOptions {
  readonly name: string;
  readonly first: Publication;
  readonly second: Publication;
  readonly isFirstActive: boolean;
  readonly closed: () => void;
}

/** One stream on two stores, of which one is in use. */
class FailoverPublication implements StreamPublication {
  readonly name: string;
  readonly #options: FailoverPublicationOptions;
  #active: Publication;
  #idle: Publication;
  /** The first store is in use again, and the second one still has objects that players may need. */
  #isReturning = false;
  #isClosing = false;

  constructor(options: FailoverPublicationOptions) {
    const { name, first, second, isFirstActive } = options;
    this.name = name;
    this.#options = options;
    [this.#active, this.#idle] = isFirstActive ? [first, second] : [second, first];
  }

  rendition<T>(options: RenditionUploadOptions<T>): RenditionLane<T> {
    const lanes = new Map([this.#active, this.#idle].map((store) => [store, store.rendition(options)]));
    return {
      append: (segment) => lanes.get(this.#active)?.append(segment),
      end: () => {
        for (const lane of lanes.values()) lane.end();
      },
      pause: () => {
        for (const lane of lanes.values()) lane.pause();
      },
    };
  }

  multivariant(render: () => StoredObject | undefined): void {
    this.#active.multivariant(render);
    this.#idle.multivariant(render);
  }

  image(object: StoredObject, options?: ImageOptions): void {
    this.#active.image(object, options);
  }

  stills(options: StillsOptions): StillLane {
    const lanes = new Map([this.#active, this.#idle].map((store) => [store, store.stills(options)]));
    return {
      add: (still) => lanes.get(this.#active)?.add(still),
      list: () => lanes.get(this.#active)?.list() ?? [],
    };
  }

  status(): PublicationStatus {
    return this.#active.status();
  }

  async close(options?: CloseOptions): Promise<void> {
    this.#isClosing = true;
    await Promise.all([this.#active.close(options), this.#idle.close(options)]);
    this.#options.closed();
  }

  /** Objects that one store has not stored go to the other. When the first is in use again, the second can be read. */
  switchTo(choice: 'first' | 'second'): void {
    const to = this.#options[choice];
    // While it closes it stays on its store.
    if (to === this.#active || this.#isClosing) return;
    const handover = this.#active.handOver(choice === 'first');
    [this.#active, this.#idle] = [to, this.#active];
    this.#isReturning = choice === 'first';
    to.takeOver(handover);
  }

  /** Called about once a second. */
  tick(): void {
    if (this.#isClosing) return;
    if (!this.#active.isWanted) this.#idle.release();
    if (!this.#isReturning || !this.#active.isComplete) return;
    this.#isReturning = false;
    this.#idle.abandon();
  }
}
