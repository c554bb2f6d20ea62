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
  /** The lease belonged to a dead process. */
  readonly inherited: (from: ProcessIdentity) => void;
  /** This node has the lease, but a playlist is not the one that it has written. */
  readonly overwritten: () => void;
  readonly failed: (error: SidepipeError) => void;
  readonly unsupported: () => void;
}

/** The right to write one stream on a store: the lease, and a fence for each playlist. */
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

  /** Whether playlists may be written now. */
  get valid(): boolean {
    return this.#options.settings.lease === undefined || this.#keeper?.valid === true;
  }

  /** Acquires the lease, and renews it. */
  seek(): void {
    const { stream, settings, target, changed, inherited, failed, unsupported } = this.#options;
    if (settings.lease === undefined) return;
    this.#keeper ??= new LeaseKeeper({
      stream,
      store: target.store,
      settings,
      lease: settings.lease,
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
    // A release in progress must be complete first, because its deletion would remove the new lease.
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

  /** Another node has written, so the state of the fences is outdated. */
  forget(): void {
    for (const fence of this.#fences.values()) fence.forget();
  }

  /** Releases the lease: there is nothing to write. Default: retries until the store accepts that. */
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
