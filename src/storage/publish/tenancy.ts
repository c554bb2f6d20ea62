import type { SidepipeError } from '../../errors.js';
import { Fence } from './fence.js';
import { LeaseKeeper, type LeaseState } from './lease-keeper.js';
import type { ProcessIdentity } from './owner.js';
import type { Settings } from './settings.js';
import type { StoreTarget } from './target.js';

export interface TenancyOptions {
  readonly stream: string;
  readonly settings: Settings;
  readonly target: () => StoreTarget;
  /** Of the lease on the store in use. */
  readonly changed: (state: LeaseState, error: SidepipeError | undefined) => void;
  /** The lease on the store in use was that of a process that is dead. */
  readonly inherited: (from: ProcessIdentity) => void;
  readonly failed: (error: SidepipeError) => void;
  readonly unsupported: (target: StoreTarget) => void;
}

/** One stream's right to be written: a lease a store, and a fence a playlist. */
export class Tenancy {
  readonly #options: TenancyOptions;
  readonly #leases = new Map<number, LeaseKeeper>();
  readonly #fences = new Map<string, Fence>();

  constructor(options: TenancyOptions) {
    this.#options = options;
  }

  /** Of the store in use. */
  get state(): LeaseState {
    const { settings, target } = this.#options;
    if (settings.lease === undefined) return 'held';
    return this.#leases.get(target().place)?.state ?? 'seeking';
  }

  /** Whether playlists may be written to the store in use at this moment. */
  get valid(): boolean {
    const { settings, target } = this.#options;
    return settings.lease === undefined || this.#leases.get(target().place)?.valid === true;
  }

  /** Asks for the lease on this store, and keeps it. */
  seek(target: StoreTarget): void {
    const { stream, settings, changed, inherited, failed, unsupported } = this.#options;
    if (settings.lease === undefined) return;
    let lease = this.#leases.get(target.place);
    if (lease === undefined) {
      const inUse = (): boolean => target === this.#options.target();
      lease = new LeaseKeeper({
        stream,
        store: target.store,
        settings,
        ttlMs: settings.lease.ttlMs,
        changed: (state, error) => {
          if (inUse()) changed(state, error);
        },
        inherited: (from) => {
          if (inUse()) inherited(from);
        },
        unsupported: () => unsupported(target),
        asleep: () => target.uploader.watch.health.state === 'down',
        heard: (error) => {
          target.uploader.watch.heard(error);
          if (error && inUse()) failed(error);
        },
      });
      this.#leases.set(target.place, lease);
    }
    void lease.kick();
  }

  wake(target: StoreTarget): void {
    this.#leases.get(target.place)?.wake();
  }

  fence(target: StoreTarget, key: string): Fence {
    const name = `${target.place} ${key}`;
    let fence = this.#fences.get(name);
    if (fence === undefined) {
      const { lease } = this.#options.settings;
      fence = new Fence(async () => lease === undefined || (await this.#leases.get(target.place)?.confirm()) === true);
      this.#fences.set(name, fence);
    }
    return fence;
  }

  /** Another node has written: what the fences know is out of date. */
  forget(): void {
    for (const fence of this.#fences.values()) fence.forget();
  }

  /** Gives up the lease on a store that is not in use any more. */
  async leave(target: StoreTarget): Promise<void> {
    const lease = this.#leases.get(target.place);
    this.#leases.delete(target.place);
    await lease?.close({ release: true });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#leases.values()].map((lease) => lease.close({ release: true })));
  }
}
