import type { SidepipeError } from '../../errors.js';
import type { ObjectStore } from '../store.js';
import { withDeadline } from './attempt.js';
import { FairQueue, type Queued, type UploadKind, uploadKinds } from './queue.js';
import { attemptTimeoutMs, errorClass, fullJitterMs, retryAfterMs, storageError } from './retry.js';
import type { Settings } from './settings.js';
import { StoreWatch, type StoreWatchOptions } from './store-watch.js';

/** Work for a store: tried until it succeeds, is given up or is cancelled. */
export interface Job extends Queued {
  /** For the deadline and the metrics. */
  readonly bytes: number;
  /** What it uploads, where one object is all: for the metrics. */
  readonly key?: string;
  /** One attempt. `freeSlot` lets the next upload begin while this one waits for something small. */
  run(store: ObjectStore, signal: AbortSignal, freeSlot: () => void): Promise<void>;
  /** Called once unless cancelled, never from within `submit`: with the reason when it was given up. Must not throw. */
  settled(error: SidepipeError | undefined): void;
  /** At least so long from the end of one attempt to the next. */
  readonly spacingMs?: number;
  /** Instead of the deadline by bytes. */
  readonly timeoutMs?: number;
}

export interface Ticket {
  readonly job: Job;
  /** An attempt is under way. */
  readonly running: boolean;
}

export interface UploaderOptions extends StoreWatchOptions {
  readonly store: ObjectStore;
}

/** Cleanup and checks say nothing of whether the store takes uploads, and are not tried for ever. */
const restAttempts = 6;
const urgent: readonly UploadKind[] = ['init', 'playlist'];

/** One store's uploads: slots, retries, deadlines. */
export class Uploader {
  readonly watch: StoreWatch;
  readonly #store: ObjectStore;
  readonly #settings: Settings;
  readonly #queue = new FairQueue<Work>();
  readonly #works = new Set<Work>();
  /** Uploads under way, by stream. */
  readonly #load = new Map<string, number>();
  #slots = 0;
  #pumping = false;
  #closed = false;

  constructor(options: UploaderOptions) {
    this.#store = options.store;
    this.#settings = options.settings;
    this.watch = new StoreWatch(options, { moved: () => this.#pump(), back: () => this.#restartHung() });
  }

  submit(job: Job): Ticket {
    const work = new Work(job);
    this.#works.add(work);
    this.#enqueue(work);
    return work;
  }

  /** The job is not wanted any more: an attempt under way is aborted, `settled` is not called. */
  cancel(ticket: Ticket): void {
    const work = ticket as Work;
    if (!this.#works.delete(work)) return;
    work.cancelTimer?.();
    this.#queue.remove(work);
    work.controller?.abort('cancelled');
  }

  /** A stream is gone for good. */
  forget(stream: string): void {
    this.#queue.forget(stream);
  }

  close(): void {
    this.#closed = true;
    this.watch.close();
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
    // Playlists are small and make everything else visible: they do not queue behind segments.
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
      await withDeadline(clock, timeoutMs, controller.signal, (signal) => job.run(this.#store, signal, freeSlot));
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
    if (job.kind !== 'rest') this.watch.heard(undefined);
    job.settled(undefined);
  }

  #failed(work: Work, error: SidepipeError, seconds: number): void {
    const { clock, timing, random } = this.#settings;
    const { job } = work;
    const verdict = errorClass(error);
    work.attempts += 1;
    const rest = job.kind === 'rest';
    const tiresome = rest && (verdict === 'reconfigure' || work.attempts >= restAttempts);
    if (verdict === 'give-up' || verdict === 'conflict' || tiresome) {
      this.#works.delete(work);
      this.#report(job, seconds, 'given-up');
      job.settled(error);
      return;
    }
    this.#report(job, seconds, 'failed');
    if (!rest) this.watch.heard(error);
    const { state } = this.watch.health;
    const backoff = { failures: work.attempts, baseMs: timing.retryBaseMs, capMs: timing.retryCapMs, random: random() };
    // While the store is down or refuses, the watch decides when; the job only has to be in the queue.
    const pauseMs = state === 'up' || state === 'ramping' ? fullJitterMs(backoff) : 0;
    const waitMs = Math.max(pauseMs, retryAfterMs(error), job.spacingMs ?? 0);
    if (waitMs <= 0) this.#enqueue(work);
    else work.cancelTimer = clock.after(waitMs, () => this.#enqueue(work));
  }

  /** What has hung since before the outage ended would wait for its deadline, on a connection that is long dead. */
  #restartHung(): void {
    for (const work of this.#works) {
      if (work.controller === undefined || work.kind === 'rest') continue;
      work.restarted = true;
      work.controller.abort('the store is back');
    }
  }

  #report({ kind, stream, bytes, key }: Job, seconds: number, result: 'stored' | 'failed' | 'given-up'): void {
    this.#settings.observe({ type: 'upload', kind, stream, result, seconds, bytes, ...(key !== undefined && { key }) });
  }
}

/** A job and how it is getting on. */
class Work implements Ticket, Queued {
  readonly job: Job;
  attempts = 0;
  /** Of the attempt under way. */
  controller: AbortController | undefined;
  /** The attempt under way was aborted to be begun again at once. */
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
}
