import { randomBytes, randomUUID } from 'node:crypto';
import { fullJitterMs } from '../../../backoff.js';
import type { SidepipeError } from '../../../errors.js';
import type { CallOptions, ObjectStore } from '../../store.js';
import { startLimit } from '../../time-limit.js';
import { type Refusable, Refusals } from '../refusals.js';
import type { PublisherSettings } from '../settings.js';
import { FairQueue, type Queued, type UploadKind, uploadKinds } from './queue.js';
import { attemptTimeoutMs, type ErrorClass, errorClass, isThrottle, retryAfterMs, storageError } from './retry.js';
import { StoreWatch, type StoreWatchOptions } from './store-watch.js';

/** The limits of one attempt, for all of its calls: `timeoutMs` is the remaining time. */
export interface Attempt extends CallOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

type UploadResult = 'stored' | 'failed' | 'refused' | 'given-up';

/** Work for a store: retried until it succeeds, is given up or is cancelled. */
export interface Job extends Queued {
  /** For the deadline and the metrics. */
  readonly bytes: number;
  /** The object that it uploads, if there is only one: for the metrics. */
  readonly key?: string;
  /**
   * One attempt. Every call to a store is passed `attempt`, and so has its limits. `freeSlot` lets the next upload start while this one waits
   * for something small.
   */
  run(store: ObjectStore, attempt: Attempt, freeSlot: () => void): Promise<void>;
  /** Called once unless cancelled, never within `submit`; with the reason if it was given up. Must not throw. */
  settled(error: SidepipeError | undefined): void;
  /** This attempt was refused; the object waits for another one. */
  refused?(error: SidepipeError): void;
  /** It only reads, so its success does not show that the store accepts uploads. */
  readonly isRead?: boolean;
  /** Minimum time from the end of one attempt to the next. */
  readonly spacingMs?: number;
  /** Instead of the deadline by bytes. */
  readonly timeoutMs?: number;
}

export interface Ticket {
  readonly job: Job;
  /** An attempt is running. */
  readonly running: boolean;
}

export interface UploaderOptions extends StoreWatchOptions {
  readonly store: ObjectStore;
}

/** Cleanup and checks do not show whether the store accepts uploads, and are not retried indefinitely. */
const restAttempts = 6;
const giveUpQuietMs = 60_000;
const urgent: readonly UploadKind[] = ['init', 'playlist'];
/** An object that fails this often, while the store accepts this many others, fails for its own reason. */
const stubbornAttempts = 4;
const othersTaken = 3;
/** Never written with a condition, so a conflict is not a valid response. */
const unconditional: readonly UploadKind[] = ['init', 'segment', 'image'];

/** One store's uploads: slots, retries, deadlines. */
export class Uploader {
  readonly watch: StoreWatch;
  readonly refusals: Refusals<Work>;
  readonly #store: ObjectStore;
  readonly #settings: PublisherSettings;
  readonly #queue = new FairQueue<Work>();
  readonly #works = new Set<Work>();
  /** When an object was last given up, by its kind, stream and error. */
  readonly #givenUpAt = new Map<string, number>();
  /** Consecutive failures to write a lease, by stream. */
  readonly #leaseFailures = new Map<string, number>();
  /** Running uploads, by stream. */
  readonly #load = new Map<string, number>();
  readonly #closing = new AbortController();
  #slots = 0;
  #proving = false;
  #proveAt = 0;
  #pumping = false;
  #closed = false;

  constructor(options: UploaderOptions) {
    this.#store = options.store;
    this.#settings = options.settings;
    this.refusals = new Refusals({
      store: options.store.description,
      settings: options.settings,
      retry: (work) => this.#enqueue(work),
    });
    this.watch = new StoreWatch(options, { moved: () => this.#pump(), back: () => this.#restartHung() });
  }

  submit(job: Job): Ticket {
    const work = new Work(job);
    this.#works.add(work);
    this.#enqueue(work);
    return work;
  }

  /** The job is no longer needed: a running attempt is aborted, and `settled` is not called. */
  cancel(ticket: Ticket): void {
    this.refusals.remove(ticket as Work);
    this.#cancel(ticket as Work);
  }

  /** Like `cancel`, because another store is in use now. */
  abandon(ticket: Ticket): void {
    this.refusals.abandon(ticket as Work);
    this.#cancel(ticket as Work);
  }

  /** Writes an object of the refused size under its own key, because a small one would prove nothing. */
  async proveSize(): Promise<void> {
    const { clock, timing } = this.#settings;
    const bytes = this.refusals.unprovenBytes;
    if (bytes === 0 || this.#proving || clock.now() < this.#proveAt) return;
    this.#proving = true;
    const object = {
      key: `sidepipe-probe-${randomUUID()}`,
      body: randomBytes(bytes),
      contentType: 'application/octet-stream',
    };
    const timeoutMs = attemptTimeoutMs(bytes, timing.attemptMs, timing.minimumBytesPerSecond);
    try {
      const attempt = startLimit({ signal: this.#closing.signal, timeoutMs }, () => clock.now());
      await this.#store.put(object, attempt);
      await this.#store.delete([object.key], attempt);
      this.refusals.proven();
    } catch {
      // Refused again, or unreachable: the next one will show.
    }
    this.#proving = false;
    this.#proveAt = clock.now() + timing.trialCapMs;
  }

  /** Reports the result of each write of a stream's lease, and failed reads; undefined: success. */
  heardLease(stream: string, error: SidepipeError | undefined): void {
    const verdict = error && errorClass(error);
    const failures = error === undefined ? 0 : (this.#leaseFailures.get(stream) ?? 0) + 1;
    if (failures === 0) this.#leaseFailures.delete(stream);
    else this.#leaseFailures.set(stream, failures);
    const isAlone = verdict === 'reconfigure' || (verdict === 'retry' && failures >= stubbornAttempts);
    const isOfLease = verdict === 'refused' || (isAlone && this.watch.takesOthers);
    this.refusals.lease(stream, isOfLease ? error : undefined);
    if (verdict === 'refused' || !isOfLease) this.watch.heard(error);
  }

  /** An operator may have fixed something. */
  tryNow(): void {
    this.watch.tryNow();
    this.refusals.tryNow();
  }

  #cancel(work: Work): void {
    if (!this.#works.delete(work)) return;
    work.cancelTimer?.();
    this.#queue.remove(work);
    work.controller?.abort('cancelled');
  }

  /** A stream was removed. */
  forget(stream: string): void {
    this.refusals.lease(stream, undefined);
    this.#leaseFailures.delete(stream);
    this.#queue.forget(stream);
  }

  close(): void {
    this.#closed = true;
    this.#closing.abort('closed');
    this.watch.close();
    this.refusals.close();
    for (const work of [...this.#works]) this.cancel(work);
  }

  #enqueue(work: Work): void {
    if (!this.#works.has(work) || this.#closed) return;
    this.#queue.push(work);
    this.#pump();
  }

  #pump(): void {
    if (this.#pumping || this.#closed) return;
    this.#pumping = true;
    for (let work = this.#take(); work !== undefined; work = this.#take()) void this.#attempt(work);
    this.#pumping = false;
  }

  #take(): Work | undefined {
    const limit = this.watch.limit(this.#slots);
    const load = (stream: string): number => this.#load.get(stream) ?? 0;
    if (this.#slots < limit) return this.#queue.take(uploadKinds, load);
    // Playlists are small and make everything else visible, so they do not queue behind segments.
    const { state } = this.watch.health;
    return state === 'up' && this.#slots < limit * 1.5 ? this.#queue.take(urgent, load) : undefined;
  }

  async #attempt(work: Work): Promise<void> {
    const { clock, timing } = this.#settings;
    const { job } = work;
    const startedAt = clock.now();
    const controller = new AbortController();
    const freeSlot = this.#takeSlot(job.stream);
    work.controller = controller;
    let failure: { readonly thrown: unknown } | undefined;
    try {
      const timeoutMs = job.timeoutMs ?? attemptTimeoutMs(job.bytes, timing.attemptMs, timing.minimumBytesPerSecond);
      const attempt = startLimit({ signal: controller.signal, timeoutMs }, () => clock.now());
      await job.run(this.#store, attempt, freeSlot);
    } catch (thrown) {
      failure = { thrown };
    }
    work.controller = undefined;
    if (this.#works.has(work)) {
      const seconds = (clock.now() - startedAt) / 1000;
      if (failure === undefined) this.#succeeded(work, seconds);
      else if (work.restarted) this.#enqueue(work);
      else this.#failed(work, storageError(failure.thrown), seconds);
      work.restarted = false;
    }
    freeSlot();
    this.#pump();
  }

  #takeSlot(stream: string): () => void {
    this.#slots += 1;
    this.#load.set(stream, (this.#load.get(stream) ?? 0) + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#slots -= 1;
      const load = (this.#load.get(stream) ?? 1) - 1;
      if (load === 0) this.#load.delete(stream);
      else this.#load.set(stream, load);
      this.#pump();
    };
  }

  #succeeded(work: Work, seconds: number): void {
    const { job } = work;
    this.#works.delete(work);
    this.#report(job, seconds, 'stored');
    this.refusals.remove(work);
    if (job.kind !== 'rest') {
      if (!job.isRead) this.watch.heard(undefined);
      this.refusals.accepted(job);
    }
    job.settled(undefined);
  }

  #failed(work: Work, error: SidepipeError, seconds: number): void {
    const { clock, timing, random } = this.#settings;
    const { job } = work;
    work.attempts += 1;
    work.othersBefore ??= this.watch.successes;
    const verdict = this.#verdict(work, error);
    const rest = job.kind === 'rest';
    const tiresome = rest && (verdict === 'reconfigure' || verdict === 'refused' || work.attempts >= restAttempts);
    if (verdict === 'give-up' || verdict === 'conflict' || tiresome) {
      this.#works.delete(work);
      this.refusals.remove(work);
      this.#report(job, seconds, 'given-up');
      if (verdict === 'give-up' && !rest) this.#logGivenUp(job, error);
      job.settled(error);
      return;
    }
    this.#report(job, seconds, verdict === 'refused' ? 'refused' : 'failed');
    if (verdict === 'refused') {
      this.refusals.add(work, error);
      if (errorClass(error) === 'refused') this.watch.heard(error);
      job.refused?.(error);
      return;
    }
    if (!rest) this.watch.heard(error);
    const { state } = this.watch.health;
    const backoff = { failures: work.attempts, baseMs: timing.retryBaseMs, capMs: timing.retryCapMs, random: random() };
    // While the store is down or refuses, the watch decides when to retry; the job only has to be in the queue.
    const pauseMs = state === 'up' || state === 'ramping' ? fullJitterMs(backoff) : 0;
    const waitMs = Math.max(pauseMs, retryAfterMs(error), job.spacingMs ?? 0);
    if (waitMs <= 0) this.#enqueue(work);
    else work.cancelTimer = clock.after(waitMs, () => this.#enqueue(work));
  }

  /** Handles a failure: decides whether it is due to this object or to the store. */
  #verdict(work: Work, error: SidepipeError): ErrorClass {
    const verdict = errorClass(error);
    const { kind } = work;
    if (verdict === 'conflict') return unconditional.includes(kind) ? 'refused' : verdict;
    if (verdict !== 'retry' && verdict !== 'reconfigure') return verdict;
    if (error.code === 'storage-conflict' || isThrottle(error)) return verdict;
    const others = this.watch.successes - (work.othersBefore ?? 0);
    const isStubborn = work.attempts >= stubbornAttempts && others >= othersTaken;
    // A bucket policy that forbids only images does not mean that the credentials are wrong.
    const isForbidden = verdict === 'reconfigure' && work.attempts >= 2 && others >= 1;
    const isKnown = this.watch.takesOthers && this.refusals.knows(kind, error);
    return isStubborn || isForbidden || isKnown ? 'refused' : verdict;
  }

  #logGivenUp({ kind, stream, key, bytes }: Job, error: SidepipeError): void {
    const cause = `${kind} ${stream} ${error.details['vendorCode'] ?? error.code}`;
    const now = this.#settings.clock.now();
    const last = this.#givenUpAt.get(cause);
    if (this.#givenUpAt.size > 1000) this.#givenUpAt.clear();
    this.#givenUpAt.set(cause, now);
    // Once per episode, not per object.
    if (last !== undefined && now - last < giveUpQuietMs) return;
    this.#settings.log({
      level: 'error',
      event: 'upload-given-up',
      ...(stream !== '' && { stream }),
      message: 'An object was given up: the store will never accept it.',
      details: {
        store: this.#store.description,
        kind,
        key: key ?? error.details['key'],
        bytes,
        remedy: error.details['remedy'],
      },
      error,
    });
  }

  /** Attempts that hang since before the end of the outage would wait for their deadline on a dead connection. */
  #restartHung(): void {
    for (const work of this.#works) {
      if (work.controller === undefined || work.kind === 'rest') continue;
      work.restarted = true;
      work.controller.abort('the store is up again');
    }
  }

  #report({ kind, stream, bytes, key }: Job, seconds: number, result: UploadResult): void {
    this.#settings.observe({ type: 'upload', kind, stream, result, seconds, bytes, ...(key !== undefined && { key }) });
  }
}

/** A job and its progress. */
class Work implements Ticket, Queued, Refusable {
  readonly job: Job;
  attempts = 0;
  /** How many other writes had succeeded when the first attempt failed. */
  othersBefore: number | undefined;
  /** Of the running attempt. */
  controller: AbortController | undefined;
  /** The current attempt was aborted to restart at once. */
  restarted = false;
  cancelTimer: (() => void) | undefined;

  constructor(job: Job) {
    this.job = job;
  }

  get running(): boolean {
    return this.controller !== undefined;
  }
  get kind(): UploadKind {
    return this.job.kind;
  }
  get stream(): string {
    return this.job.stream;
  }
  get order(): number {
    return this.job.order;
  }
  get bytes(): number {
    return this.job.bytes;
  }
  get key(): string | undefined {
    return this.job.key;
  }
}
