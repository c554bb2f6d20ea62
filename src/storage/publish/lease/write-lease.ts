import type { SidepipeError } from '../../../errors.js';
import type { StoreTarget } from '../context.js';
import type { PublisherSettings } from '../settings.js';
import { Fence } from './fence.js';
import type { ProcessIdentity } from './lease.js';
import { LeaseKeeper, type LeaseState } from './lease-keeper.js';

export interface WriteLeaseOptions {
  readonly stream: string;
  readonly settings: PublisherSettings;
  readonly target: StoreTarget;
  readonly changed: (state: LeaseState, error: SidepipeError | undefined) => void;
  /** The lease was that of a process that is dead. */
  readonly inherited: (from: ProcessIdentity) => void;
  /** The lease is this node's, and a playlist is not what it has written. */
  readonly overwritten: () => void;
  readonly failed: (error: SidepipeError) => void;
  readonly unsupported: () => void;
}

/** One stream's right to be written on a store: the lease, and a fence for each playlist. */
export class WriteLease {
  readonly #options: WriteLeaseOptions;
  #keeper: LeaseKeeper | undefined;
  readonly #fences = new Map<string, Fence>();
  #releasing: Promise<void> | undefined;

  constructor(options: WriteLeaseOptions) {
    this.#options = options;
  }

  get state(): LeaseState {
    if (this.#options.settings.lease === undefined) return 'held';
    return this.#keeper?.state ?? 'seeking';
  }

  /** Whether playlists may be written at this moment. */
  get valid(): boolean {
    return this.#options.settings.lease === undefined || this.#keeper?.valid === true;
  }

  /** Asks for the lease, and keeps it. */
  seek(): void {
    const { stream, settings, target, changed, inherited, failed, unsupported } = this.#options;
    if (settings.lease === undefined) return;
    this.#keeper ??= new LeaseKeeper({
      stream,
      store: target.store,
      settings,
      ttlMs: settings.lease.ttlMs,
      changed,
      inherited,
      unsupported,
      asleep: () => target.uploader.watch.health.state === 'down',
      heard: (error) => {
        target.uploader.heardLease(stream, error);
        if (error) failed(error);
      },
    });
    const keeper = this.#keeper;
    const kick = (): void => void keeper.kick();
    // A lease that is being given back must be gone first: the deletion would hit the new one.
    if (this.#releasing === undefined) kick();
    else void this.#releasing.then(kick);
  }

  wake(): void {
    this.#keeper?.wake();
  }

  fence(key: string): Fence {
    let fence = this.#fences.get(key);
    if (fence === undefined) {
      const { settings, overwritten } = this.#options;
      fence = new Fence({
        confirmLease: async () => settings.lease === undefined || (await this.#keeper?.confirm()) === true,
        overwritten,
      });
      this.#fences.set(key, fence);
    }
    return fence;
  }

  /** Another node has written: what the fences know is out of date. */
  forget(): void {
    for (const fence of this.#fences.values()) fence.forget();
  }

  /** Gives up the lease: there is nothing to write. Default: a store that does not accept that is asked until it does. */
  release(patienceMs = Number.POSITIVE_INFINITY): void {
    const keeper = this.#keeper;
    this.#keeper = undefined;
    const released = Promise.all([this.#releasing, keeper?.close({ patienceMs })]);
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
