import type { SidepipeError } from '../../errors.js';
import type { ObjectStore } from '../store.js';
import { withDeadline } from './attempt.js';
import { type Health, healthy, stepHealth } from './health.js';
import { FairQueue, type Queued, type UploadKind, uploadKinds } from './queue.js';
import {
  attemptTimeoutMs,
  errorClass,
  fullJitterMs,
  isThrottle,
  retryAfterMs,
  slowJitterMs,
  storageError,
} from './retry.js';
import type { Settings } from './settings.js';

/** Work for a store: tried until it succeeds, is given up or is cancelled. */
export interface Job extends Queued {
  /** For the deadline and the metrics. */
  readonly bytes: number;
  /** One attempt. `freeSlot` lets the next upload begin while this one waits for something small. */
  run(store: ObjectStore, signal: AbortSignal, freeSlot: () => void): Promise<void>;
  /** Called once unless cancelled: with the reason when it was given up. Must not throw. */
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

interface Work extends Ticket, Queued {
  running: boolean;
  attempts: number;
  cancelled: boolean;
  controller: AbortController | undefined;
  cancelTimer: (() => void) | undefined;
}

export interface UploaderOptions {
  readonly store: ObjectStore;
  readonly settings: Settings;
  /** A small read that tells whether the store is there. */
  readonly probe: (signal: AbortSignal) => Promise<unknown>;
  readonly changed: (health: Health, error: SidepipeError | undefined) => void;
}

/** Cleanup and checks say nothing of whether the store takes uploads, and are not tried for ever. */
const restAttempts = 6;
const urgent: readonly UploadKind[] = ['init', 'playlist'];

/** One store's uploads: slots, retries, deadlines, and what becomes of them when the store is down. */
export class Uploader {
  readonly #options: UploaderOptions;
  readonly #queue = new FairQueue<Work>();
  readonly #works = new Set<Work>();
  readonly #load = new Map<string, number>();
  readonly #closing = new AbortController();
  #slots = 0;
  #health: Health;
  #cancelProbe: (() => void) | undefined;
  /** A store that refuses is tried by one upload from this time on. */
  #tryAt = 0;
  #pumping = false;

  constructor(options: UploaderOptions) {
    this.#options = options;
    this.#health = healthy(options.settings.concurrency);
  }

  get health(): Health {
    return this.#health;
  }

  submit(job: Job): Ticket {
    const work = new QueuedWork(job);
    this.#works.add(work);
    this.#enqueue(work);
    return work;
  }

  /** The job is not wanted any more: an attempt under way is aborted, `settled` is not called. */
  cancel(ticket: Ticket): void {
    const work = ticket as Work;
    if (!this.#works.delete(work)) return;
    work.cancelled = true;
    work.cancelTimer?.();
    this.#queue.remove(work);
    work.controller?.abort('cancelled');
  }

  /** Asks whether the store is still there: for one that has nothing to do, so that nobody else would notice. */
  async check(): Promise<void> {
    const { settings, probe } = this.#options;
    try {
      await withDeadline(settings.clock, settings.timing.probeTimeoutMs, this.#closing.signal, probe);
    } catch (error) {
      if (!this.#closing.signal.aborted && errorClass(error) === 'retry') this.#note('failure', storageError(error));
    }
  }

  /** What became of a write that does not go through the queue: a lease's. */
  heard(error: SidepipeError | undefined): void {
    const verdict = error && errorClass(error);
    if (verdict === undefined) this.#note('success', undefined);
    else if (verdict === 'reconfigure') this.#note('refusal', error);
    else if (verdict === 'retry' && error?.code !== 'storage-conflict') this.#note('failure', error);
  }

  forget(stream: string): void {
    this.#queue.forget(stream);
  }

  close(): void {
    this.#closing.abort('closed');
    this.#cancelProbe?.();
    for (const work of [...this.#works]) this.cancel(work);
  }

  #enqueue(work: Work): void {
    if (work.cancelled || this.#closing.signal.aborted) return;
    this.#queue.push(work);
    this.#pump();
  }

  #pump(): void {
    if (this.#pumping || this.#closing.signal.aborted) return;
    this.#pumping = true;
    for (let work = this.#take(); work !== undefined; work = this.#take()) void this.#attempt(work);
    this.#pumping = false;
  }

  #take(): Work | undefined {
    const { state, limit } = this.#health;
    if (state === 'down') return undefined;
    if (state === 'refused' && (this.#slots > 0 || this.#options.settings.clock.now() < this.#tryAt)) return undefined;
    const load = (stream: string): number => this.#load.get(stream) ?? 0;
    if (this.#slots < limit) return this.#queue.take(uploadKinds, load);
    // Playlists are small and make everything else visible: they do not queue behind segments.
    return state === 'up' && this.#slots < limit * 1.5 ? this.#queue.take(urgent, load) : undefined;
  }

  async #attempt(work: Work): Promise<void> {
    const { store, settings } = this.#options;
    const { clock, timing } = settings;
    const { job } = work;
    const startedAt = clock.now();
    const controller = new AbortController();
    work.controller = controller;
    work.running = true;
    this.#slots += 1;
    this.#load.set(job.stream, (this.#load.get(job.stream) ?? 0) + 1);
    let held = true;
    const freeSlot = (): void => {
      if (!held) return;
      held = false;
      this.#slots -= 1;
      const load = (this.#load.get(job.stream) ?? 1) - 1;
      if (load === 0) this.#load.delete(job.stream);
      else this.#load.set(job.stream, load);
      this.#pump();
    };
    let failure: { error: unknown } | undefined;
    try {
      const timeoutMs = job.timeoutMs ?? attemptTimeoutMs(job.bytes, timing.attemptMs, timing.minimumBytesPerSecond);
      await withDeadline(clock, timeoutMs, controller.signal, (signal) => job.run(store, signal, freeSlot));
    } catch (error) {
      failure = { error };
    }
    work.running = false;
    work.controller = undefined;
    if (!work.cancelled && !this.#closing.signal.aborted) {
      if (failure === undefined) this.#succeeded(work, startedAt);
      else this.#failed(work, failure.error, startedAt);
    }
    freeSlot();
    this.#pump();
  }

  #succeeded(work: Work, startedAt: number): void {
    this.#report(work, startedAt, 'stored');
    this.#works.delete(work);
    this.#restarted.delete(work);
    if (work.job.kind !== 'rest') this.#note('success', undefined);
    work.job.settled(undefined);
  }

  #failed(work: Work, thrown: unknown, startedAt: number): void {
    const { clock, timing, random } = this.#options.settings;
    const { job } = work;
    if (this.#restarted.delete(work)) {
      this.#enqueue(work);
      return;
    }
    const error = storageError(thrown);
    const verdict = errorClass(error);
    work.attempts += 1;
    const upload = job.kind !== 'rest';
    const hopeless =
      verdict === 'give-up' ||
      verdict === 'conflict' ||
      (!upload && (verdict === 'reconfigure' || work.attempts >= restAttempts));
    this.#report(work, startedAt, hopeless ? 'given-up' : 'failed');
    if (hopeless) {
      this.#works.delete(work);
      job.settled(error);
      return;
    }
    if (upload) this.#note(verdict === 'reconfigure' ? 'refusal' : isThrottle(error) ? 'throttle' : 'failure', error);
    const jitter = fullJitterMs({
      failures: work.attempts,
      baseMs: timing.retryBaseMs,
      capMs: timing.retryCapMs,
      random: random(),
    });
    // While the store is down or refuses, the health decides when; the job only has to be in the queue.
    const pause = this.#health.state === 'up' || this.#health.state === 'ramping' ? jitter : 0;
    const waitMs = Math.max(pause, retryAfterMs(error), job.spacingMs ?? 0);
    if (waitMs <= 0) this.#enqueue(work);
    else work.cancelTimer = clock.after(waitMs, () => this.#enqueue(work));
  }

  /** Attempts that were aborted because they hung since before the store came back. */
  readonly #restarted = new Set<Work>();

  #note(event: Parameters<typeof stepHealth>[1], error: SidepipeError | undefined): void {
    const { clock, timing, random, concurrency } = this.#options.settings;
    const before = this.#health;
    const health = stepHealth(before, event, { now: clock.now(), maximum: concurrency });
    this.#health = health;
    if (health.state === 'down' && before.state !== 'down') this.#scheduleProbe(1);
    if (health.state === 'refused' && event === 'refusal') {
      const waitMs = slowJitterMs({
        failures: health.failures,
        baseMs: 1000,
        capMs: timing.refusedCapMs,
        random: random(),
      });
      this.#tryAt = clock.now() + waitMs;
      this.#cancelProbe?.();
      this.#cancelProbe = clock.after(waitMs, () => this.#pump());
    }
    if (before.state === 'down' && health.state === 'ramping') this.#restartHung();
    if (before.state !== health.state) this.#options.changed(health, error);
    this.#pump();
  }

  #scheduleProbe(failures: number): void {
    const { clock, timing, random } = this.#options.settings;
    this.#cancelProbe?.();
    const waitMs = fullJitterMs({ failures, baseMs: timing.retryBaseMs, capMs: timing.probeCapMs, random: random() });
    this.#cancelProbe = clock.after(waitMs, () => void this.#probe(failures));
  }

  async #probe(failures: number): Promise<void> {
    const { settings, probe } = this.#options;
    try {
      await withDeadline(settings.clock, settings.timing.probeTimeoutMs, this.#closing.signal, probe);
    } catch (error) {
      if (this.#closing.signal.aborted || this.#health.state !== 'down') return;
      if (errorClass(error) === 'retry') {
        this.#scheduleProbe(failures + 1);
        return;
      }
    }
    // An answer, even a refusal: an upload will tell the rest.
    if (!this.#closing.signal.aborted && this.#health.state === 'down') this.#note('answered', undefined);
  }

  /** What has hung since before the outage ended would wait for its deadline, on a connection that is long dead. */
  #restartHung(): void {
    for (const work of this.#works) {
      if (work.controller === undefined || work.job.kind === 'rest') continue;
      this.#restarted.add(work);
      work.controller.abort('the store is back');
    }
  }

  #report({ job }: Work, startedAt: number, result: 'stored' | 'failed' | 'given-up'): void {
    const seconds = (this.#options.settings.clock.now() - startedAt) / 1000;
    const { kind, stream, bytes } = job;
    this.#options.settings.observe({ type: 'upload', kind, stream, result, seconds, bytes });
  }
}

class QueuedWork implements Work {
  readonly job: Job;
  running = false;
  attempts = 0;
  cancelled = false;
  controller: AbortController | undefined;
  cancelTimer: (() => void) | undefined;

  constructor(job: Job) {
    this.job = job;
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
