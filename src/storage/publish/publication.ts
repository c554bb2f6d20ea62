import type { SidepipeError } from '../../errors.js';
import type { StoredObject } from '../store.js';
import type { AuditedObject } from './cleanup/audit.js';
import type { Evictable, RenditionUploadContext, StoreTarget } from './context.js';
import { Continuation } from './lease/continuation.js';
import type { ProcessIdentity } from './lease/lease.js';
import type { LeaseState } from './lease/lease-keeper.js';
import { Numbering } from './lease/takeover.js';
import { WriteLease } from './lease/write-lease.js';
import { PictureObjects } from './objects/picture-objects.js';
import { Stills } from './objects/stills.js';
import { LagWatch, Losses, UploadCounts } from './progress.js';
import type { Backlog } from './queue/backlog.js';
import type { RenditionUpload } from './segments/rendition-upload.js';
import { Renditions } from './segments/renditions.js';
import type { PublisherSettings } from './settings.js';
import type {
  Clock,
  CloseOptions,
  ImageOptions,
  PublicationStatus,
  RenditionLane,
  RenditionUploadOptions,
  StillLane,
  StillsOptions,
  StreamOptions,
  StreamPublication,
} from './types.js';
import { UploadCounts } from './upload-counts.js';

/** The lease is given back when nothing has come for so long. */
const shortestIdleMs = 30_000;
const idleTargetDurations = 10;

export interface PublicationOptions {
  readonly options: StreamOptions;
  readonly settings: PublisherSettings;
  readonly targets: readonly StoreTarget[];
  readonly backlog: Backlog<Evictable>;
  readonly target: () => StoreTarget;
  readonly enforceBacklog: () => void;
  readonly leaseUnsupported: (target: StoreTarget) => void;
  readonly closed: () => void;
}

/** One stream on the stores: its renditions, its pictures and its lease. */
export class Publication implements StreamPublication {
  readonly name: string;
  readonly #given: PublicationOptions;
  readonly #context: RenditionUploadContext;
  readonly #renditions: Renditions;
  readonly #pictures: PictureObjects;
  #stills: Stills | undefined;
  readonly #lease: WriteLease;
  readonly #lag: LagWatch;
  readonly #drain: Drain;
  readonly #counts = new UploadCounts();
  readonly #losses: Losses;
  /** What was told of last. */
  #wasRefused = false;
  /** Copied streams have segments as long as the camera likes. */
  #targetDurationSeconds: number;
  /** The store whose playlists are to be removed, as another is in use again. */
  #abandoned: StoreTarget | undefined;
  readonly #numbering = new Numbering();
  readonly #continuation: Continuation;
  /** When there was last something to publish. Undefined: no lease is asked for. */
  #wantedAt: number | undefined;
  /** What is on the store may be of this node. */
  #wasWriter = false;
  #state: 'new' | 'open' | 'closed' = 'new';

  constructor(given: PublicationOptions) {
    const { options, settings } = given;
    this.name = options.name;
    this.#given = given;
    this.#lease = new WriteLease({
      stream: options.name,
      settings,
      target: given.target,
      changed: (state, error) => this.#leaseChanged(state, error),
      inherited: (from) => this.#inherited(from),
      overwritten: () => this.#overwritten(),
      failed: (error) => this.#counts.note(error),
      unsupported: given.leaseUnsupported,
    });
    this.#lag = new LagWatch(options.name, settings);
    this.#losses = new Losses(options.name, settings);
    this.#drain = new Drain(settings.clock, () => this.#done);
    this.#targetDurationSeconds = options.targetDurationSeconds;
    this.#context = {
      settings,
      options,
      graceMs: () => this.graceMs,
      targetSeconds: () => Math.max(Math.round(this.#targetDurationSeconds), this.#continuation.targetSeconds),
      sawDuration: (seconds) => {
        this.#targetDurationSeconds = Math.max(this.#targetDurationSeconds, seconds);
      },
      backlog: given.backlog,
      targets: given.targets,
      target: given.target,
      mayUpload: () => this.#state === 'open' && this.#wantedAt !== undefined && this.#lease.state === 'held',
      standsBy: () => this.#lease.state === 'standby',
      mayPublish: () => this.#state === 'open' && this.#wantedAt !== undefined && this.#lease.valid,
      mayList: () => this.#context.mayPublish() && this.#continuation.isKnown,
      numbersOf: (position) => this.#numbering.of(position),
      revision: () => this.#numbering.revision,
      wanted: () => this.#want(),
      fence: (target, key) => this.#lease.fence(target, key),
      held: given.enforceBacklog,
      released: () => this.#drain.changed(),
      published: (target) => this.#published(target),
      lost: (loss) => this.#losses.add(loss),
      counted: (error) => {
        this.#counts.count(error);
        this.#drain.changed();
      },
    };
    this.#continuation = new Continuation({
      context: this.#context,
      numbering: this.#numbering,
      lanes: () => [...this.#renditions.lanes],
      known: () => this.#renditions.resume(),
      failed: (error) => this.#counts.note(error),
    });
    this.#renditions = new Renditions(this.#context);
    this.#pictures = new PictureObjects(this.#context);
  }

  get lanes(): Iterable<RenditionUpload<unknown>> {
    return this.#renditions.lanes;
  }

  /** What players can expect on the store in use. */
  expected(): readonly AuditedObject[] {
    return [...this.#renditions.expected(), ...this.#pictures.expected()];
  }

  /** This node's lease on the store in use is valid, so that what it finds there is its own to judge. */
  get writing(): boolean {
    return this.#context.mayPublish();
  }

  /** How often another writer's playlists were continued. */
  get takeovers(): number {
    return this.#continuation.takeovers;
  }

  get graceMs(): number {
    const { graceSeconds, windowSegments } = this.#given.options;
    // A playlist of more segments than that lasts three target durations and one segment at most.
    return 1000 * (graceSeconds ?? (Math.max(windowSegments, 4) + 1) * this.#targetDurationSeconds);
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
      store: this.#given.target().store.description,
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
    return this.#losses.isOpen ? 'losing' : 'publishing';
  }

  /** Why the store in use takes not all that this stream uploads. */
  #refusal(): SidepipeError | undefined {
    return this.#given.target().uploader.refusals.errorOf(this.name);
  }

  /** The store in use refuses objects of this stream, or everything. */
  get #isRefused(): boolean {
    return this.#refusal() !== undefined || this.#given.target().uploader.watch.health.state === 'refused';
  }

  start(): void {
    if (this.#state !== 'new') return;
    this.#state = 'open';
    if (this.#wantedAt !== undefined) this.#seek();
  }

  /** The store in use takes uploads again after an outage. */
  storeBack(target: StoreTarget): void {
    this.#lease.wake(target);
  }

  /** Another store is in use. */
  switched(from: StoreTarget): void {
    const target = this.#given.target();
    this.#abandoned = target.place === 0 ? from : undefined;
    target.retention.spare(this.#documentKeys());
    this.#continuation.forget();
    if (this.#wantedAt !== undefined) this.#lease.seek(target);
    this.#renditions.moved(from);
    this.#pictures.moved();
    this.#stills?.moved();
    this.#continuation.ensure();
  }

  /** Called about once a second. */
  watch(): void {
    if (this.#wantedAt === undefined && this.#wasWriter && this.#stills?.isDue) this.#want();
    this.#releaseIfIdle();
    this.#stills?.pump();
    this.#renditions.watch();
    this.#losses.watch();
    this.#watchRefusal();
    const seconds = this.#renditions.lagSeconds;
    if (seconds !== undefined && this.#lease.state !== 'standby') this.#lag.see(seconds, this.#targetDurationSeconds);
  }

  #watchRefusal(): void {
    const holds = this.#isRefused && this.#lease.state !== 'standby';
    if (holds === this.#wasRefused) return;
    this.#wasRefused = holds;
    const error = this.#refusal() ?? this.#counts.lastError;
    this.#given.settings.observe({ type: 'trouble', stream: this.name, trouble: 'refused', holds, error });
  }

  async close({ deadlineMs = 10_000, signal }: CloseOptions = {}): Promise<void> {
    if (this.#state === 'closed') return;
    if (this.#state === 'open') await this.#drain.reached(deadlineMs, signal);
    const unsent = this.#lease.state === 'standby' ? 0 : this.#renditions.waiting;
    if (unsent > 0)
      this.#losses.add({ reason: 'closed', segments: unsent, error: this.#refusal() ?? this.#counts.lastError });
    this.#state = 'closed';
    this.#continuation.forget();
    this.#renditions.close();
    this.#pictures.close();
    this.#stills?.close();
    await this.#lease.close();
    for (const target of this.#given.targets) target.uploader.forget(this.name);
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
    this.#lease.seek(this.#given.target());
    if (this.#given.settings.lease === undefined) this.#resume();
  }

  /** Another node may have something to publish, and must not wait for one that has nothing. */
  #releaseIfIdle(): void {
    const { settings } = this.#given;
    if (this.#wantedAt === undefined || settings.lease === undefined || this.#state !== 'open') return;
    const idleMs = Math.max(shortestIdleMs, idleTargetDurations * this.#targetDurationSeconds * 1000);
    if (settings.clock.now() - this.#wantedAt < idleMs || !this.#done) return;
    // One that has lapsed must not be deleted: it is given back when it was renewed.
    if (this.#lease.state === 'held' && !this.#lease.valid) return;
    this.#wantedAt = undefined;
    this.#lease.release();
    this.#counts.conflictOver();
    this.#forgetStore();
  }

  /** Somebody else has written a playlist although the lease is this node's. */
  #overwritten(): void {
    this.#continuation.forget();
    this.#renditions.suspend();
    this.#continuation.ensure();
  }

  #leaseChanged(state: LeaseState, error: SidepipeError | undefined): void {
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

  /** What is on the store is another's work: a process that was killed here, most likely this node before its restart. */
  #inherited({ pid }: ProcessIdentity): void {
    this.#counts.conflictOver();
    this.#given.settings.log({
      level: 'info',
      event: 'lease-taken',
      stream: this.name,
      message: `The lease was held by a process of this machine that is dead (pid ${pid}): this node publishes the stream from now on.`,
      details: { formerPid: pid },
    });
    this.#beginAnew();
  }

  /** Another process has written the stream meanwhile. */
  #beginAnew(): void {
    this.#wasWriter = false;
    this.#forgetStore();
    this.#stills?.yield();
  }

  /** What is on the store may be another's when this node writes again. */
  #forgetStore(): void {
    this.#lease.forget();
    this.#continuation.forget();
    this.#lag.standBy();
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

  #published(target: StoreTarget): void {
    const abandoned = this.#abandoned;
    if (abandoned && target.place === 0 && this.#renditions.areListed) {
      this.#abandoned = undefined;
      if (this.cleanup === 'delete') {
        // First what lists the segments, then the segments.
        abandoned.retention.retire(this.name, this.#documentKeys(), 0);
        this.#renditions.abandon(abandoned);
      }
      void this.#lease.leave(abandoned);
    }
    this.#renditions.published();
    this.#drain.changed();
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

  /** Something is done. Looked at after the work that called this, which may not be quite done itself. */
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
