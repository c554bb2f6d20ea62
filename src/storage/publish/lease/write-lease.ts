import type { SidepipeError } from '../../../errors.js';
import type { StoreTarget } from '../context.js';
import type { PublisherSettings } from '../settings.js';
import { Fence } from './fence.js';
import type { ProcessIdentity } from './lease.js';
import { LeaseKeeper, type LeaseState } from './lease-keeper.js';

export interface WriteLeaseOptions {
  readonly stream: string;
  readonly settings: PublisherSettings;
  readonly target: () => StoreTarget;
  /** Of the lease on the store in use. */
  readonly changed: (state: LeaseState, error: SidepipeError | undefined) => void;
  /** The lease on the store in use was that of a process that is dead. */
  readonly inherited: (from: ProcessIdentity) => void;
  /** The lease is this node's, and a playlist is not what it has written. */
  readonly overwritten: () => void;
  readonly failed: (error: SidepipeError) => void;
  readonly unsupported: (target: StoreTarget) => void;
}

/** One stream's right to be written: a lease a store, and a fence a playlist. */
export class WriteLease {
  readonly #options: WriteLeaseOptions;
  readonly #leases = new Map<number, LeaseKeeper>();
  readonly #fences = new Map<string, Fence>();
  #releasing: Promise<void> | undefined;

  constructor(options: WriteLeaseOptions) {
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
          target.uploader.heardLease(stream, error);
          if (error && inUse()) failed(error);
        },
      });
      this.#leases.set(target.place, lease);
    }
    const keeper = lease;
    const kick = (): void => void keeper.kick();
    // A lease that is being given back must be gone first: the deletion would hit the new one.
    if (this.#releasing === undefined) kick();
    else void this.#releasing.then(kick);
  }

  wake(target: StoreTarget): void {
    this.#leases.get(target.place)?.wake();
  }

  fence(target: StoreTarget, key: string): Fence {
    const name = `${target.place} ${key}`;
    let fence = this.#fences.get(name);
    if (fence === undefined) {
      const { settings, overwritten } = this.#options;
      const { lease } = settings;
      fence = new Fence({
        confirmLease: async () => lease === undefined || (await this.#leases.get(target.place)?.confirm()) === true,
        overwritten,
      });
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
    await lease?.close({ patienceMs: this.#options.settings.timing.probeTimeoutMs });
  }

  /** Gives up every lease: there is nothing to write. Default: a store that does not take that is asked until it does. */
  release(patienceMs = Number.POSITIVE_INFINITY): void {
    const leases = [...this.#leases.values()];
    this.#leases.clear();
    const released = Promise.all([this.#releasing, ...leases.map((lease) => lease.close({ patienceMs }))]);
    const done = released.then(() => {
      if (this.#releasing === done) this.#releasing = undefined;
    });
    this.#releasing = done;
  }

  async close(): Promise<void> {
    this.release(this.#options.settings.timing.probeTimeoutMs);
    await this.#releasing;
  }
}
