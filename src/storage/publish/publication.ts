import type { SidepipeError } from '../../errors.js';
import type { StoredObject } from '../store.js';
import type { AuditedObject } from './cleanup/audit.js';
import {
  type Evictable,
  type RenditionUploadContext,
  SegmentDurations,
  type StoreTarget,
  type WriteAccess,
} from './context.js';
import { Continuation } from './lease/continuation.js';
import type { ProcessIdentity } from './lease/lease.js';
import type { LeaseState } from './lease/lease-keeper.js';
import { Numbering } from './lease/takeover.js';
import { WriteLease } from './lease/write-lease.js';
import { PictureObjects, type UnsentPicture } from './objects/picture-objects.js';
import { Stills } from './objects/stills.js';
import type { UploadProgress } from './progress.js';
import type { Backlog } from './queue/backlog.js';
import type { RenditionHandover, RenditionUpload } from './segments/rendition-upload.js';
import { Renditions } from './segments/renditions.js';
import type { PublisherSettings } from './settings.js';
import type {
  Clock,
  CloseOptions,
  ImageOptions,
  PublicationStatus,
  RenditionLane,
  RenditionUploadOptions,
  Still,
  StillLane,
  StillsOptions,
  StreamOptions,
  StreamPublication,
} from './types.js';

/** The lease is released after this time without anything to publish. */
const shortestIdleMs = 30_000;
const idleTargetDurations = 10;

export interface PublicationOptions {
  readonly options: StreamOptions;
  readonly settings: PublisherSettings;
  readonly target: StoreTarget;
  readonly backlog: Backlog<Evictable>;
  readonly progress: UploadProgress;
  /** Whether the store is in use when the publisher starts or, if later, when the stream is added. */
  readonly isActive: () => boolean;
  readonly enforceBacklog: () => void;
  readonly leaseUnsupported: () => void;
  readonly closed: () => void;
}

/** What a publication passes to the same stream's publication on another store. */
export interface PublicationHandover {
  readonly isWanted: boolean;
  readonly targetDurationSeconds: number;
  readonly renditions: ReadonlyMap<string, RenditionHandover<unknown>>;
  readonly pictures: readonly UnsentPicture[];
  readonly stills: readonly Still[];
}

/** One stream on one store: its renditions, its images and its lease. */
export class Publication implements StreamPublication {
  readonly name: string;
  readonly #given: PublicationOptions;
  readonly #context: RenditionUploadContext;
  readonly #access: WriteAccess;
  readonly #durations: SegmentDurations;
  readonly #renditions: Renditions;
  readonly #pictures: PictureObjects;
  #stills: Stills | undefined;
  readonly #lease: WriteLease;
  readonly #drain: Drain;
  readonly #progress: UploadProgress;
  readonly #continuation: Continuation;
  /** When there was last something to publish. Undefined: no lease is needed. */
  #wantedAt: number | undefined;
  /** Objects on the store may belong to this node. */
  #wasWriter = false;
  /** `suspended`: another store is in use. */
  #state: 'new' | 'open' | 'suspended' | 'closed' = 'new';

  constructor(given: PublicationOptions) {
    const { options, settings, target, progress } = given;
    this.name = options.name;
    this.#given = given;
    this.#progress = progress;
    this.#lease = new WriteLease({
      stream: options.name,
      settings,
      target,
      changed: (state, error) => this.#leaseChanged(state, error),
      inherited: (from) => this.#inherited(from),
      overwritten: () => this.#overwritten(),
      failed: (error) => {
        if (this.#state !== 'suspended') this.#counts.note(error);
      },
      unsupported: given.leaseUnsupported,
    });
    this.#drain = new Drain(settings.clock, () => this.#done);
    this.#durations = new SegmentDurations(options, () => this.#continuation.targetSeconds);
    this.#access = {
      mayUpload: () => this.#state === 'open' && this.#wantedAt !== undefined && this.#lease.state === 'held',
      standsBy: () => this.#lease.state === 'standby',
      mayPublish: () => this.#state === 'open' && this.#wantedAt !== undefined && this.#lease.valid,
      mayList: () => this.#access.mayPublish() && this.#continuation.isKnown,
    };
    const numbering = new Numbering();
    this.#context = {
      settings,
      options,
      target,
      backlog: given.backlog,
      access: this.#access,
      durations: this.#durations,
      numbering,
      fence: (key) => this.#lease.fence(key),
      wanted: () => this.#want(),
      held: given.enforceBacklog,
      released: () => this.#drain.changed(),
      published: () => {
        this.#renditions.published();
        this.#drain.changed();
      },
      lost: (loss) => progress.losses.add(loss),
      counted: (error) => {
        this.#counts.count(error);
        this.#drain.changed();
      },
    };
    this.#continuation = new Continuation({
      context: this.#context,
      numbering,
      lanes: () => [...this.#renditions.lanes],
      known: () => this.#renditions.resume(),
      failed: (error) => this.#counts.note(error),
    });
    this.#renditions = new Renditions(this.#context);
    this.#pictures = new PictureObjects(this.#context);
  }

  get #counts(): UploadProgress['counts'] {
    return this.#progress.counts;
  }

  get lanes(): Iterable<RenditionUpload<unknown>> {
    return this.#renditions.lanes;
  }

  /** What players can expect on the store. */
  expected(): readonly AuditedObject[] {
    return [...this.#renditions.expected(), ...this.#pictures.expected()];
  }

  /** The store is in use and this node's lease on it is valid, so this node may act on what it finds there. */
  get writing(): boolean {
    return this.#access.mayPublish();
  }

  /** The store is in use. */
  get isActive(): boolean {
    return this.#state === 'open';
  }

  /** How often another writer's playlists were continued. */
  get takeovers(): number {
    return this.#continuation.takeovers;
  }

  get graceMs(): number {
    return this.#durations.graceMs;
  }

  get cleanup(): StreamOptions['cleanup'] {
    return this.#given.options.cleanup;
  }

  rendition<T>(options: RenditionUploadOptions<T>): RenditionLane<T> {
    return this.#renditions.add(options);
  }

  multivariant(render: () => StoredObject | undefined): void {
    this.#renditions.describe(render);
  }

  image(object: StoredObject, { immutable = false, series = 'image', standIn = false }: ImageOptions = {}): void {
    if (this.#state === 'closed') return;
    if (!standIn || this.#wasWriter) this.#want();
    if (immutable) this.#pictures.add(object, series);
    else this.#pictures.replace(object);
  }

  stills(options: StillsOptions): StillLane {
    this.#stills ??= new Stills(this.#context, options);
    return this.#stills;
  }

  status(): PublicationStatus {
    let backlogBytes = 0;
    for (const held of this.#given.backlog.items()) if (held.stream === this.name) backlogBytes += held.bytes;
    return {
      state: this.#statusState(),
      store: this.#given.target.store.description,
      backlogBytes,
      uploaded: this.#counts.uploaded,
      failed: this.#counts.failed,
      playlistLagSeconds: this.#renditions.lagSeconds ?? null,
      lastError: this.#refusal() ?? this.#counts.lastError ?? null,
    };
  }

  #statusState(): PublicationStatus['state'] {
    if (this.#state === 'closed') return 'ended';
    if (this.#wantedAt === undefined) return 'idle';
    if (this.#lease.state === 'standby') return 'standby';
    if (this.#isRefused) return 'refused';
    if (this.#lease.state === 'seeking') return 'waiting';
    return this.#progress.losses.isOpen ? 'losing' : 'publishing';
  }

  /** Why the store does not accept everything that this stream uploads. */
  #refusal(): SidepipeError | undefined {
    return this.#given.target.uploader.refusals.errorOf(this.name);
  }

  /** The store rejects objects of this stream, or everything. */
  get #isRefused(): boolean {
    return this.#refusal() !== undefined || this.#given.target.uploader.watch.health.state === 'refused';
  }

  start(): void {
    if (this.#state !== 'new') return;
    this.#state = this.#given.isActive() ? 'open' : 'suspended';
    if (this.#state === 'open' && this.#wantedAt !== undefined) this.#seek();
  }

  /** The store accepts uploads again after an outage. */
  storeBack(): void {
    this.#lease.wake();
  }

  /** Another store is in use from now on. `isReadable`: objects that only this store has can be read from it. */
  handOver(isReadable: boolean): PublicationHandover {
    this.#state = 'suspended';
    this.#continuation.forget();
    return {
      isWanted: this.#wantedAt !== undefined,
      targetDurationSeconds: this.#durations.longestSeconds,
      renditions: this.#renditions.handOver(isReadable),
      pictures: this.#pictures.suspend(),
      stills: this.#stills?.suspend() ?? [],
    };
  }

  /** This store is in use from now on. */
  takeOver({ isWanted, targetDurationSeconds, renditions, pictures, stills }: PublicationHandover): void {
    const { settings, target } = this.#given;
    this.#state = 'open';
    target.retention.spare(this.#documentKeys());
    this.#durations.saw(targetDurationSeconds);
    this.#continuation.forget();
    if (isWanted) {
      this.#wantedAt = settings.clock.now();
      this.#lease.seek();
    } else this.release();
    this.#renditions.takeOver(renditions);
    this.#pictures.restart();
    for (const { object, series } of pictures) {
      if (series === undefined) this.#pictures.replace(object);
      else this.#pictures.add(object, series);
    }
    for (const still of stills) this.#stills?.add(still);
    this.#stills?.pump();
    this.#continuation.ensure();
  }

  get isWanted(): boolean {
    return this.#wantedAt !== undefined;
  }

  /** There is nothing to publish on either store, so another node need not wait for this one. */
  release(): void {
    if (this.#wantedAt === undefined) return;
    this.#wantedAt = undefined;
    this.#lease.release();
    this.#lease.forget();
  }

  /** This store has everything that players found on the other one, which is no longer needed. */
  get isComplete(): boolean {
    return this.#renditions.areListed && !this.#renditions.areCopying;
  }

  /** No player uses this store any more: removes the stream's objects, unless they are kept, and the lease. */
  abandon(): void {
    const { settings, target } = this.#given;
    if (this.cleanup === 'delete') {
      // First the playlists, then the segments that they list.
      target.retention.retire(this.name, this.#documentKeys(), 0);
      target.retention.retire(this.name, this.#pictures.abandon(), this.graceMs);
      this.#renditions.abandon();
    }
    this.#wantedAt = undefined;
    this.#lease.release(settings.timing.probeTimeoutMs);
  }

  /** Called about once a second. */
  watch(): void {
    if (this.#state === 'suspended') return;
    if (this.#wantedAt === undefined && this.#wasWriter && this.#stills?.isDue) this.#want();
    this.#releaseIfIdle();
    this.#stills?.pump();
    this.#renditions.watch();
    this.#progress.losses.watch();
    const isRefused = this.#isRefused && this.#lease.state !== 'standby';
    this.#progress.refused(isRefused, this.#refusal() ?? this.#counts.lastError);
    const seconds = this.#renditions.lagSeconds;
    if (seconds !== undefined && this.#lease.state !== 'standby')
      this.#progress.lag.see(seconds, this.#durations.longestSeconds);
  }

  async close({ deadlineMs = 10_000, signal }: CloseOptions = {}): Promise<void> {
    if (this.#state === 'closed') return;
    if (this.#state === 'open') await this.#drain.reached(deadlineMs, signal);
    const unsent = this.#lease.state === 'standby' ? 0 : this.#renditions.waiting;
    if (unsent > 0)
      this.#progress.losses.add({
        reason: 'closed',
        segments: unsent,
        error: this.#refusal() ?? this.#counts.lastError,
      });
    this.#state = 'closed';
    this.#continuation.forget();
    this.#renditions.close();
    this.#pictures.close();
    this.#stills?.close();
    await this.#lease.close();
    this.#given.target.uploader.forget(this.name);
    this.#given.closed();
  }

  /** There is something to publish. */
  #want(): void {
    const isNew = this.#wantedAt === undefined;
    this.#wantedAt = this.#given.settings.clock.now();
    if (!isNew || this.#state !== 'open') return;
    if (this.#wasWriter) this.#stills?.refresh();
    this.#seek();
  }

  #seek(): void {
    this.#lease.seek();
    if (this.#given.settings.lease === undefined) this.#resume();
  }

  /** Another node may have something to publish, and must not wait for one without. */
  #releaseIfIdle(): void {
    const { settings } = this.#given;
    if (this.#wantedAt === undefined || settings.lease === undefined || this.#state !== 'open') return;
    const idleMs = Math.max(shortestIdleMs, idleTargetDurations * this.#durations.longestSeconds * 1000);
    if (settings.clock.now() - this.#wantedAt < idleMs || !this.#done) return;
    // An expired lease must not be deleted: it is released after a renewal.
    if (this.#lease.state === 'held' && !this.#lease.valid) return;
    this.#wantedAt = undefined;
    this.#lease.release();
    this.#counts.conflictOver();
    this.#forgetStore();
  }

  /** Another writer has changed a playlist although this node has the lease. */
  #overwritten(): void {
    this.#continuation.forget();
    this.#renditions.suspend();
    this.#continuation.ensure();
  }

  #leaseChanged(state: LeaseState, error: SidepipeError | undefined): void {
    if (this.#state === 'suspended') return;
    const { settings } = this.#given;
    if (state === 'held') {
      this.#resume();
      return;
    }
    if (state !== 'standby' || error === undefined) return;
    this.#counts.note(error);
    settings.log({ level: 'error', event: 'lease-conflict', stream: this.name, message: error.message, error });
    this.#beginAnew();
  }

  /** The objects on the store are from another process that was killed, most likely this node before its restart. */
  #inherited({ pid }: ProcessIdentity): void {
    if (this.#state === 'suspended') return;
    this.#counts.conflictOver();
    this.#given.settings.log({
      level: 'info',
      event: 'lease-taken',
      stream: this.name,
      message: `The lease was held by a dead process of this machine (pid ${pid}): this node publishes the stream from now on.`,
      details: { formerPid: pid },
    });
    this.#beginAnew();
  }

  /** Another process has written the stream in the meantime. */
  #beginAnew(): void {
    this.#wasWriter = false;
    this.#forgetStore();
    this.#stills?.yield();
  }

  /** When this node writes again, the objects on the store may be from another one. */
  #forgetStore(): void {
    this.#lease.forget();
    this.#continuation.forget();
    this.#progress.lag.standBy();
    this.#renditions.yield();
    this.#pictures.yield();
    this.#drain.changed();
  }

  #resume(): void {
    if (this.#counts.conflictOver()) {
      this.#given.settings.log({
        level: 'info',
        event: 'lease-taken',
        stream: this.name,
        message: 'This node publishes the stream from now on.',
      });
    }
    this.#wasWriter = true;
    this.#continuation.ensure();
    this.#renditions.resume();
    this.#pictures.resume();
    this.#stills?.pump();
  }

  #documentKeys(): readonly string[] {
    return [...this.#renditions.keys, ...this.#pictures.keys];
  }

  get #done(): boolean {
    if (this.#wantedAt === undefined || this.#lease.state === 'standby') return true;
    return this.#renditions.idle && this.#pictures.idle && (this.#stills?.idle ?? true);
  }
}

/** Waits until nothing is left to do. */
class Drain {
  readonly #clock: Clock;
  readonly #isIdle: () => boolean;
  #waiters: (() => void)[] = [];

  constructor(clock: Clock, isIdle: () => boolean) {
    this.#clock = clock;
    this.#isIdle = isIdle;
  }

  /** Some work is done. Checked after the caller's own work, which may not be complete yet. */
  changed(): void {
    if (this.#waiters.length === 0) return;
    queueMicrotask(() => {
      if (this.#isIdle()) for (const resolve of this.#waiters.splice(0)) resolve();
    });
  }

  /** Resolves when there is nothing to do, at the deadline, or when the signal is aborted. */
  async reached(deadlineMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#isIdle() || signal?.aborted) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        cancelTimer();
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const cancelTimer = this.#clock.after(deadlineMs, done);
      signal?.addEventListener('abort', done);
      this.#waiters.push(done);
    });
  }
}
