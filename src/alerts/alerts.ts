import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config/schema/schema.js';
import { createEpisodes } from '../telemetry/episodes.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { AlertChange, StreamChange } from './alert.js';
import { AlertPolicy } from './policy.js';
import { thresholdsOf } from './settings.js';
import { Webhook, type WebhookLimits } from './webhook.js';

const TICK_MS = 1000;

export interface AlertsOptions {
  readonly config: Pick<Config, 'alerts' | 'streams' | 'http'>;
  /** Events of the streams. Ended by its creator, or by leaving the loop over it. */
  readonly events: AsyncIterable<StreamChange>;
  readonly metrics: Pick<Metrics, 'alerts' | 'webhooks'>;
  readonly log: Logger;
  readonly userAgent: string;
  /** Monotonic time in milliseconds. Default: the system's monotonic clock. */
  readonly now?: () => number;
  /** Converts monotonic time to a date, in milliseconds since the epoch. Default: identity. */
  readonly dateOf?: (at: number) => number;
  readonly limits?: Partial<WebhookLimits>;
  /** Also called with every alert. */
  readonly onChange?: (change: AlertChange) => void;
}

/** Reports problems of streams to operators: in the log, in a counter, and through every webhook. */
export class Alerts {
  readonly #options: AlertsOptions;
  readonly #now: () => number;
  readonly #dateOf: (at: number) => number;
  readonly #policy: AlertPolicy;
  #streams: Config['streams'];
  #thresholdsOf: ReturnType<typeof thresholdsOf>;
  readonly #webhooks: readonly Webhook[];
  #reading: Promise<void> | undefined;
  #ticking: NodeJS.Timeout | undefined;

  constructor(options: AlertsOptions) {
    const { config, metrics, log, userAgent, now = Date.now, dateOf = (at) => at, limits } = options;
    this.#options = options;
    this.#now = now;
    this.#dateOf = dateOf;
    this.#streams = config.streams;
    this.#thresholdsOf = thresholdsOf(config);
    this.#policy = new AlertPolicy({ thresholdsOf: (stream) => this.#thresholdsOf(stream) });
    this.#webhooks = config.alerts.webhooks.map(
      ({ url, secret, events }) =>
        new Webhook({
          ...{ url, secret, events, log, userAgent },
          now: () => dateOf(now()),
          episodes: createEpisodes({ log, now }),
          onResult: (result) => metrics.webhooks.inc({ result }),
          delay: (ms, signal) => delay(ms, undefined, { signal }),
          random: Math.random,
          ...(limits && { limits }),
        }),
    );
  }

  start(): void {
    this.#reading ??= this.#read();
    this.#ticking ??= setInterval(() => this.#tell(this.#policy.tick(this.#now())), TICK_MS).unref();
  }

  /** Replaces the list of streams. */
  watch(streams: Config['streams']): void {
    this.#streams = streams;
    this.#thresholdsOf = thresholdsOf({ ...this.#options.config, streams });
  }

  /** Clears the alerts of a removed stream. */
  forget(stream: string): void {
    this.#tell(this.#policy.forget(stream, this.#now()));
  }

  /** Accepts nothing more, and delivers pending messages within the deadline. The events must have ended. */
  async close(deadlineMs: number): Promise<void> {
    clearInterval(this.#ticking);
    await this.#reading;
    await Promise.all(this.#webhooks.map((webhook) => webhook.close(deadlineMs)));
  }

  async #read(): Promise<void> {
    for await (const event of this.#options.events) {
      const now = this.#now();
      // Events have dates, but the duration of a condition must not depend on the system clock.
      const at = event.at - (this.#dateOf(now) - now);
      this.#tell(this.#policy.change({ ...event, at }, now));
    }
  }

  #tell(changes: readonly AlertChange[]): void {
    const { metrics, log, onChange } = this.#options;
    for (const { at, since: began, ...told } of changes) {
      const change = { ...told, at: this.#dateOf(at), since: this.#dateOf(began) };
      onChange?.(change);
      const { stream, alert, state, since } = change;
      metrics.alerts.inc({ stream, alert, state });
      const seconds = Math.round((change.at - since) / 100) / 10;
      const facts = { stream, alert, alertState: state, seconds };
      if (state === 'raised') log.warn(facts, messages[alert]);
      else log.info(facts, 'alert cleared');
      const id = randomUUID();
      const body = JSON.stringify(this.#message(id, change));
      for (const webhook of this.#webhooks) webhook.send({ id, stream, alert, body });
    }
  }

  #message(id: string, { stream, alert, state, at, since, details }: AlertChange): Readonly<Record<string, unknown>> {
    const { http } = this.#options.config;
    const format = this.#streams.find(({ name }) => name === stream)?.thumbnail.formats[0] ?? 'jpg';
    return {
      ...{ id, stream, alert, state, at: new Date(at).toISOString(), since: new Date(since).toISOString(), details },
      picture: `${http.publicUrl ?? ''}/live/${stream}/thumbnail.${format}`,
    };
  }
}

const messages: Readonly<Record<AlertChange['alert'], string>> = {
  stale: 'alert: thumbnail is stale',
  black: 'alert: video is black',
  flat: 'alert: video has a single shade',
  frozen: 'alert: video is frozen',
  offline: 'alert: stream is offline',
  lagging: 'alert: playlist on the store is far behind',
  unreadable: 'alert: objects on the store cannot be read',
  refused: 'alert: store refuses objects of the stream',
  gaps: 'alert: segments were lost on the way to the store',
  unpublished: 'alert: stream is live, but another node writes it to the store',
};
