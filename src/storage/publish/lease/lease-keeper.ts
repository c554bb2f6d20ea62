import { equalJitterMs, fullJitterMs } from '../../../backoff.js';
import { SidepipeError } from '../../../errors.js';
import { cacheControlOf, contentTypeOf, leaseKey } from '../../keys.js';
import type { CallOptions, ObjectStore } from '../../store.js';
import { startLimit } from '../../time-limit.js';
import { errorClass, storageError } from '../queue/retry.js';
import type { Attempt } from '../queue/uploader.js';
import type { LeaseSettings, PublisherSettings } from '../settings.js';
import {
  decideLease,
  decodeLease,
  encodeLease,
  type LeaseSighting,
  leaseEndsAt,
  type ProcessIdentity,
  sight,
} from './lease.js';

/** `seeking`: not known yet. `held`: this node writes. `standby`: another does. */
export type LeaseState = 'seeking' | 'held' | 'standby';

export interface LeaseKeeperOptions {
  readonly stream: string;
  readonly store: ObjectStore;
  readonly settings: PublisherSettings;
  readonly lease: LeaseSettings;
  readonly changed: (state: LeaseState, error: SidepipeError | undefined) => void;
  /** The lease of a dead process was taken; `held` follows. */
  readonly inherited: (from: ProcessIdentity) => void;
  /** The store has no conditional writes: two nodes that start at the same time can both assume for a while that they are alone. */
  readonly unsupported: () => void;
  /** The store is known to be down: `kick` will be called when it is up again. */
  readonly asleep: () => boolean;
  /** Reports the result of each write, and failed reads; undefined: success. */
  readonly heard: (error: SidepipeError | undefined) => void;
}

/** Acquires, renews and releases the lease of one stream on one store. */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #key: string;
  readonly #closing = new AbortController();
  #state: LeaseState = 'seeking';
  #sighting: LeaseSighting | undefined;
  #etag: string | undefined;
  #endsAt = Number.NEGATIVE_INFINITY;
  #count = 0;
  #writtenAt = Number.NEGATIVE_INFINITY;
  #renewals = 0;
  #failures = 0;
  #sleeping = false;
  #cancelTimer: (() => void) | undefined;
  #stepping: Promise<void> | undefined;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#key = leaseKey(options.stream);
  }

  get state(): LeaseState {
    return this.#state;
  }

  /** Whether this node may write playlists now. Held leases expire while the store is unreachable. */
  get valid(): boolean {
    return this.#state === 'held' && this.#options.settings.clock.now() < this.#endsAt;
  }

  /** Asks the store now instead of at the next interval. */
  kick(): Promise<void> {
    if (this.#closing.signal.aborted) return Promise.resolve();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#sleeping = false;
    this.#stepping ??= this.#step().finally(() => {
      this.#stepping = undefined;
    });
    return this.#stepping;
  }

  /** The store is up again. */
  wake(): void {
    if (this.#sleeping || !this.valid) void this.kick();
  }

  /** Whether this node has the lease according to the store. */
  async confirm(): Promise<boolean> {
    if (this.#stepping) await this.#stepping;
    const before = this.#renewals;
    await this.kick();
    return this.valid && this.#renewals > before;
  }

  /**
   * Releases the lease, so that another node need not wait until it expires. `patienceMs`: how long the deletion is retried; at most until the
   * lease expires.
   */
  async close({ patienceMs }: { readonly patienceMs: number }): Promise<void> {
    this.#cancelTimer?.();
    const safe = this.valid;
    this.#closing.abort('closed');
    await this.#stepping;
    if (!safe) return;
    const { settings, store } = this.#options;
    const { clock, timing } = settings;
    await this.#pauseBetweenWrites();
    const until = Math.min(clock.now() + patienceMs, this.#endsAt);
    for (let now = clock.now(); now < until; now = clock.now()) {
      const timeoutMs = Math.min(timing.probeTimeoutMs, until - now);
      const isDeleted = await store.delete([this.#key], { timeoutMs }).then(
        () => true,
        () => false,
      );
      if (isDeleted) return;
      await new Promise<void>((resolve) => clock.after(timing.retryBaseMs, resolve));
    }
  }

  async #step(): Promise<void> {
    const { settings, lease, heard } = this.#options;
    const { ttlMs } = lease;
    let waitMs = Math.max(settings.timing.coalesceMs, ttlMs / 3);
    let failure: SidepipeError | undefined;
    const renewals = this.#renewals;
    try {
      const limits = { signal: this.#closing.signal, timeoutMs: Math.min(5000, ttlMs / 2) };
      const attempt = startLimit(limits, () => settings.clock.now());
      await (this.#state === 'held' ? this.#renew(attempt) : this.#seek(attempt));
      this.#failures = 0;
      if (this.#state !== 'held') waitMs = ttlMs / 6;
    } catch (thrown) {
      if (this.#closing.signal.aborted) return;
      const error = storageError(thrown);
      failure = error;
      this.#failures += 1;
      const backoff = { failures: this.#failures, random: settings.random() };
      const verdict = errorClass(error);
      // Not before the store accepts a second write of one key.
      waitMs =
        verdict === 'retry' || verdict === 'conflict'
          ? settings.timing.coalesceMs + fullJitterMs({ ...backoff, baseMs: 200, capMs: 1000 })
          : equalJitterMs({ ...backoff, baseMs: 1000, capMs: settings.timing.refusedCapMs });
    }
    if (this.#closing.signal.aborted) return;
    this.#turnIn(waitMs);
    if (failure !== undefined || this.#renewals > renewals) heard(failure);
  }

  /** While the store is down, waits for `wake`; the timer covers a missed one. */
  #turnIn(waitMs: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#options.settings.clock.after(waitMs, () => {
      this.#sleeping = this.#options.asleep();
      if (this.#sleeping) this.#turnIn(waitMs);
      else void this.kick();
    });
  }

  async #seek(attempt: Attempt): Promise<void> {
    const { store, settings, lease, stream } = this.#options;
    const { ttlMs } = lease;
    const found = await store.get(this.#key, attempt);
    const now = settings.clock.now();
    const seen = found && { etag: found.etag, record: decodeLease(found.body) };
    this.#sighting = sight(this.#sighting, seen, now);
    const dead = await this.#deadOwner(attempt);
    const decision = decideLease(this.#sighting, {
      owner: lease.owner,
      ttlMs,
      now,
      ownerIsDead: dead !== undefined,
    });
    if (decision === 'wait') {
      if (this.#state !== 'standby') {
        const owner = this.#sighting?.record?.owner;
        this.#enter('standby', conflictError(stream, owner));
      }
      return;
    }
    this.#etag = found?.etag;
    await this.#write(attempt, dead);
  }

  /** The last known owner of the lease, if it is proven dead and its last writes cannot arrive after this node's. */
  async #deadOwner(call: CallOptions): Promise<ProcessIdentity | undefined> {
    const { lease, store } = this.#options;
    const owner = this.#sighting?.record?.process;
    if (owner === undefined || (await lease.witness?.isDead(owner)) !== true) return undefined;
    const { ifNoneMatch, ifMatch } = await store.capabilities(call);
    return ifNoneMatch && ifMatch ? owner : undefined;
  }

  async #renew(attempt: Attempt): Promise<void> {
    const { store, settings, lease, stream } = this.#options;
    const { ifMatch } = await store.capabilities(attempt);
    try {
      if (!ifMatch) await this.#look(attempt);
      await this.#write(attempt);
    } catch (error) {
      if (errorClass(error) !== 'conflict') throw error;
      const found = await store.get(this.#key, attempt);
      const record = found && decodeLease(found.body);
      if (found !== undefined && record?.owner !== lease.owner) {
        this.#sighting = { etag: found.etag, record, sinceMs: settings.clock.now() };
        this.#enter('standby', conflictError(stream, record?.owner));
        return;
      }
      // A renewal that was considered lost, or a deleted object: the next interval writes with this ETag.
      this.#etag = found?.etag;
      throw new SidepipeError('The lease was not the one that this node had written; it is renewed again.', {
        code: 'storage-conflict',
        fault: 'storage',
        retryable: true,
        cause: error,
      });
    }
  }

  /** Without conditional writes, the next best thing is a read before each write. */
  async #look(call: CallOptions): Promise<void> {
    const { store, lease, stream } = this.#options;
    const found = await store.get(this.#key, call);
    const owner = found && decodeLease(found.body)?.owner;
    if (found !== undefined && owner !== lease.owner) throw conflictError(stream, owner);
  }

  async #write(attempt: Attempt, inheritedFrom?: ProcessIdentity): Promise<void> {
    const { store, settings, lease, unsupported } = this.#options;
    const { ttlMs, owner, witness } = lease;
    const { ifNoneMatch, ifMatch } = await store.capabilities(attempt);
    const condition = this.#etag === undefined ? { ifNoneMatch: '*' as const } : { ifMatch: this.#etag };
    const conditional = ifNoneMatch && ifMatch;
    if (!conditional) unsupported();
    await this.#pauseBetweenWrites();
    if (attempt.signal.aborted) return;
    const sentAt = settings.clock.now();
    this.#count += 1;
    const object = {
      key: this.#key,
      body: encodeLease({
        owner,
        ttlMs,
        count: this.#count,
        ...(witness && { process: witness.self }),
      }),
      contentType: contentTypeOf(this.#key),
      cacheControl: cacheControlOf('lease', 0),
    };
    const { etag } = await store.put(object, { ...attempt, ...(conditional && condition) }).finally(() => {
      this.#writtenAt = settings.clock.now();
    });
    if (attempt.signal.aborted) return;
    this.#etag = etag;
    this.#renewals += 1;
    this.#endsAt = leaseEndsAt(sentAt, ttlMs);
    if (inheritedFrom) this.#options.inherited(inheritedFrom);
    this.#enter('held', undefined);
  }

  /**
   * A check may be requested right after a write, even one with an unknown result. The minimum interval counts from the end of the write,
   * because the store may have processed it late.
   */
  async #pauseBetweenWrites(): Promise<void> {
    const { clock, timing } = this.#options.settings;
    const tooSoonMs = this.#writtenAt + timing.coalesceMs - clock.now();
    if (tooSoonMs > 0) await new Promise<void>((resolve) => clock.after(tooSoonMs, resolve));
  }

  #enter(state: LeaseState, error: SidepipeError | undefined): void {
    const before = this.#state;
    this.#state = state;
    // Also when an expired lease is renewed, because others wait for a valid one.
    if (state === 'held' || before !== state) this.#options.changed(state, error);
  }
}

function conflictError(stream: string, owner: string | undefined): SidepipeError {
  return new SidepipeError(
    `The stream ${stream} is published by another node, or its last node did not shut down gracefully; this node takes over when that lease is released or expires.`,
    { code: 'storage-conflict', fault: 'storage', details: { stream, owner: owner ?? null } },
  );
}
