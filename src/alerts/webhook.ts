import { equalJitterMs } from '../backoff.js';
import type { Episodes } from '../telemetry/episodes.js';
import type { Logger } from '../telemetry/logger.js';
import type { AlertName } from '../terms.js';
import { attempt } from './attempt.js';

/** The result of a message or of one attempt: `rejected`, `given-up` and `dropped` are dead letters. */
export type WebhookResult = 'delivered' | 'retried' | 'rejected' | 'given-up' | 'dropped';

/** One alert for one receiver. */
export interface WebhookMessage {
  readonly id: string;
  readonly stream: string;
  readonly alert: AlertName;
  readonly body: string;
}

export interface WebhookOptions {
  readonly url: string;
  readonly secret: string;
  /** Undefined: all. */
  readonly events?: readonly AlertName[] | undefined;
  readonly log: Pick<Logger, 'warn'>;
  readonly episodes: Pick<Episodes, 'happened' | 'ended'>;
  readonly onResult: (result: WebhookResult) => void;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly delay: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly random: () => number;
  readonly userAgent: string;
  readonly limits?: Partial<WebhookLimits>;
}

export interface WebhookLimits {
  /** Maximum pending messages, including those being delivered. */
  readonly messages: number;
  readonly bytes: number;
  readonly attempts: number;
  readonly timeoutMs: number;
  /** Approximate first delay; each further one is twice as long, up to `maxDelayMs`. */
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  /** Maximum simultaneous requests. */
  readonly concurrency: number;
}

const defaults: WebhookLimits = {
  messages: 1000,
  bytes: 1024 ** 2,
  attempts: 8,
  timeoutMs: 10_000,
  minDelayMs: 1000,
  maxDelayMs: 60_000,
  concurrency: 4,
};

/** One receiver of alerts. Messages of one stream arrive in order; failures of one stream do not block others. */
export class Webhook {
  readonly #options: WebhookOptions;
  readonly #limits: WebhookLimits;
  /** By stream: the first message is being delivered if its stream is in `#running`. */
  readonly #lanes = new Map<string, WebhookMessage[]>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #closing = new AbortController();
  #waiting = 0;
  #bytes = 0;
  #closed = false;

  constructor(options: WebhookOptions) {
    this.#options = options;
    this.#limits = { ...defaults, ...options.limits };
  }

  /** Messages not delivered yet. */
  get waiting(): number {
    return this.#waiting;
  }

  get waitingBytes(): number {
    return this.#bytes;
  }

  /** Queues a message without waiting. If the queue is full, the oldest one that is not being delivered is dropped. */
  send(message: WebhookMessage): void {
    const { events } = this.#options;
    if (this.#closed || (events !== undefined && !events.includes(message.alert))) return;
    const bytes = Buffer.byteLength(message.body);
    while (this.#waiting >= this.#limits.messages || this.#bytes + bytes > this.#limits.bytes) {
      if (this.#dropOldest()) continue;
      this.#dead(message, 'dropped', 'queue is full');
      return;
    }
    const lane = this.#lanes.get(message.stream) ?? [];
    this.#lanes.set(message.stream, lane);
    lane.push(message);
    this.#waiting += 1;
    this.#bytes += bytes;
    this.#pump();
  }

  /** Delivers pending messages within the deadline, then gives up the rest. */
  async close(deadlineMs: number): Promise<void> {
    this.#closed = true;
    const done = new AbortController();
    const drained = this.#drained().then(() => done.abort());
    await Promise.race([drained, this.#options.delay(deadlineMs, done.signal).catch(() => {})]);
    this.#closing.abort();
    await drained;
  }

  async #drained(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  #pump(): void {
    for (const [stream, lane] of this.#lanes) {
      if (this.#running.size >= this.#limits.concurrency) return;
      const message = lane[0];
      if (message === undefined || this.#running.has(stream)) continue;
      const run = this.#deliver(message).finally(() => {
        this.#running.delete(stream);
        this.#take(message);
        this.#pump();
      });
      this.#running.set(stream, run);
    }
  }

  async #deliver(message: WebhookMessage): Promise<void> {
    const { url, secret, now, delay, userAgent, onResult, episodes } = this.#options;
    const { attempts, timeoutMs } = this.#limits;
    const { signal } = this.#closing;
    for (let made = 1; ; made += 1) {
      if (signal.aborted) return this.#dead(message, 'given-up', 'node shutting down');
      const result = await attempt({ url, secret, body: message.body, timeoutMs, signal, now: now(), userAgent });
      if (result.kind === 'delivered') {
        episodes.ended('webhook-failed', 'webhook deliveries recovered', { webhook: this.#name });
        episodes.ended('webhook-dropped', 'webhook queue has room again', { webhook: this.#name });
        return onResult('delivered');
      }
      if (signal.aborted) return this.#dead(message, 'given-up', 'node shutting down');
      if (result.kind === 'rejected') return this.#dead(message, 'rejected', result.reason);
      if (made >= attempts) return this.#dead(message, 'given-up', result.reason);
      onResult('retried');
      const facts = { webhook: this.#name, reason: result.reason };
      episodes.happened('webhook-failed', 'webhook delivery failed; retrying', facts);
      await delay(this.#waitMs(made, result.waitMs), signal).catch(() => {});
    }
  }

  /** Random delay in the upper half of an interval that doubles, so that a recovering receiver does not get all messages at once. */
  #waitMs(made: number, askedMs: number): number {
    const { minDelayMs, maxDelayMs } = this.#limits;
    const backoff = { failures: made, baseMs: minDelayMs, capMs: maxDelayMs, random: this.#options.random() };
    return Math.min(maxDelayMs, Math.max(askedMs, equalJitterMs(backoff)));
  }

  #dropOldest(): boolean {
    for (const [stream, lane] of this.#lanes) {
      const oldest = lane[this.#running.has(stream) ? 1 : 0];
      if (oldest === undefined) continue;
      this.#take(oldest);
      this.#dead(oldest, 'dropped', 'queue is full');
      return true;
    }
    return false;
  }

  #take(message: WebhookMessage): void {
    const lane = this.#lanes.get(message.stream);
    const index = lane?.indexOf(message) ?? -1;
    if (lane === undefined || index < 0) return;
    lane.splice(index, 1);
    this.#waiting -= 1;
    this.#bytes -= Buffer.byteLength(message.body);
    // Its next message queues behind those of other streams.
    this.#lanes.delete(message.stream);
    if (lane.length > 0) this.#lanes.set(message.stream, lane);
  }

  #dead({ id, stream, alert }: WebhookMessage, result: WebhookResult, reason: string): void {
    const { log, episodes, onResult } = this.#options;
    onResult(result);
    const facts = { webhook: this.#name, message: id, stream, alert, result, reason };
    // Other results are limited by the rate of attempts.
    if (result === 'dropped') episodes.happened('webhook-dropped', 'webhooks dropped', facts);
    else log.warn(facts, 'webhook not delivered');
  }

  /** The path and query can contain a token. */
  get #name(): string {
    return new URL(this.#options.url).origin;
  }
}
