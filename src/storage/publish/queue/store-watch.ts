import { equalJitterMs } from '../../../backoff.js';
import type { SidepipeError } from '../../../errors.js';
import type { CallOptions } from '../../store.js';
import type { PublisherSettings } from '../settings.js';
import { type Health, type HealthEvent, healthy, stepHealth } from './health.js';
import { errorClass, isThrottle, storageError } from './retry.js';

export interface StoreWatchOptions {
  readonly settings: PublisherSettings;
  /** A small read that tests whether the store is reachable. */
  readonly probe: (call: CallOptions) => Promise<unknown>;
  /** The state has changed from `before`. */
  readonly changed: (health: Health, before: Health) => void;
}

const refusalsOfAll = 5;
const refusedForMs = 15_000;
const takesOthersMs = 10_000;

export interface StoreWatchListener {
  /** There may be more slots now. */
  readonly moved: () => void;
  /** The store was down and responds again. */
  readonly back: () => void;
}

/** Tracks one store's health: from uploads while there are any, from probes while it is down. */
export class StoreWatch {
  readonly #options: StoreWatchOptions;
  readonly #listener: StoreWatchListener;
  readonly #closing = new AbortController();
  #health: Health;
  #error: SidepipeError | undefined;
  #cancelProbe: (() => void) | undefined;
  /** From this time on, one upload tests a store that refuses. */
  #tryAt = 0;
  /** Number of successful writes of any kind. */
  #successes = 0;
  #succeededAt: number;
  /** Objects refused since the last success. */
  #refusals = 0;

  constructor(options: StoreWatchOptions, listener: StoreWatchListener) {
    this.#options = options;
    this.#listener = listener;
    this.#health = healthy(options.settings.concurrency);
    this.#succeededAt = options.settings.clock.now();
  }

  get health(): Health {
    return this.#health;
  }

  /** Why the store is not `up`: the error that ended that state. */
  get error(): SidepipeError | undefined {
    return this.#error;
  }

  get successes(): number {
    return this.#successes;
  }

  /** A write has just succeeded, so the store as a whole works. */
  get takesOthers(): boolean {
    return this.#successes > 0 && this.#options.settings.clock.now() - this.#succeededAt < takesOthersMs;
  }

  /** The current maximum number of uploads, while `underWay` are running. */
  limit(underWay: number): number {
    const { state, limit } = this.#health;
    if (state === 'down') return 0;
    if (state === 'refused') return underWay === 0 && this.#options.settings.clock.now() >= this.#tryAt ? 1 : 0;
    return limit;
  }

  /** Reports the result of a write; undefined: success. */
  heard(error: SidepipeError | undefined): void {
    const now = this.#options.settings.clock.now();
    if (error === undefined) {
      this.#successes += 1;
      this.#succeededAt = now;
      this.#refusals = 0;
      this.#note('success', undefined);
      return;
    }
    const verdict = errorClass(error);
    if (verdict === 'refused') {
      this.#refusals += 1;
      // Refusals of one object do not mean that the store refuses; refusals of everything for a while do.
      if (this.#refusals >= refusalsOfAll && now - this.#succeededAt >= refusedForMs) this.#note('refusal', error);
      return;
    }
    if (verdict === 'reconfigure') this.#note('refusal', error);
    else if (isThrottle(error)) this.#note('throttle', error);
    else if (verdict === 'retry' && error.code !== 'storage-conflict') this.#note('failure', error);
  }

  /** An operator may have fixed something: the next test is due now. */
  tryNow(): void {
    this.#tryAt = 0;
    this.#listener.moved();
  }

  /** Checks that an idle store still responds, because no upload would show it. */
  async check(): Promise<void> {
    const error = await this.#ask();
    if (error) this.#note('failure', error);
  }

  close(): void {
    this.#closing.abort('closed');
    this.#cancelProbe?.();
  }

  #note(event: HealthEvent, error: SidepipeError | undefined): void {
    const { settings, changed } = this.#options;
    if (this.#closing.signal.aborted) return;
    const before = this.#health;
    const health = stepHealth(before, event, { now: settings.clock.now(), maximum: settings.concurrency });
    this.#health = health;
    this.#error = health.state === 'up' ? undefined : (this.#error ?? error);
    if (health.state === 'down' && before.state !== 'down') this.#scheduleProbe(1);
    if (health.state === 'refused' && event === 'refusal') this.#scheduleTrial(health.failures);
    if (before.state === 'down' && health.state !== 'down' && health.state !== 'refused') this.#cancelProbe?.();
    if (before.state === 'down' && health.state === 'ramping') this.#listener.back();
    if (before.state !== health.state) changed(health, before);
    this.#listener.moved();
  }

  #scheduleTrial(failures: number): void {
    const { clock, timing, random } = this.#options.settings;
    const waitMs = equalJitterMs({ failures, baseMs: 1000, capMs: timing.refusedCapMs, random: random() });
    this.#tryAt = clock.now() + waitMs;
    this.#cancelProbe?.();
    this.#cancelProbe = clock.after(waitMs, this.#listener.moved);
  }

  /** The next probe does not wait for the end of the last one, which may hang while the store is up again. */
  #scheduleProbe(failures: number): void {
    const { clock, timing, random } = this.#options.settings;
    this.#cancelProbe?.();
    const waitMs = equalJitterMs({ failures, baseMs: timing.retryBaseMs, capMs: timing.probeCapMs, random: random() });
    this.#cancelProbe = clock.after(waitMs, () => {
      this.#scheduleProbe(failures + 1);
      void this.#probe();
    });
  }

  async #probe(): Promise<void> {
    const error = await this.#ask();
    if (error || this.#health.state !== 'down') return;
    this.#note('answered', undefined);
  }

  /** Undefined if there is a response, even a refusal: an upload will show the rest. */
  async #ask(): Promise<SidepipeError | undefined> {
    const { settings, probe } = this.#options;
    try {
      await probe({ signal: this.#closing.signal, timeoutMs: settings.timing.probeTimeoutMs });
      return undefined;
    } catch (error) {
      return errorClass(error) === 'retry' ? storageError(error) : undefined;
    }
  }
}
