import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config/schema.js';
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
  /** What happens to the streams. Ended by whoever made it, or by leaving the loop over it. */
  readonly events: AsyncIterable<StreamChange>;
  readonly metrics: Pick<Metrics, 'alerts' | 'webhooks'>;
  readonly log: Logger;
  readonly userAgent: string;
  /** Milliseconds since the epoch. Default: the clock. */
  readonly now?: () => number;
  readonly limits?: Partial<WebhookLimits>;
  /** Hears of every alert, too. */
  readonly onChange?: (change: AlertChange) => void;
}

/** Tells operators what is wrong with streams: the log, a counter, and every webhook. */
export class Alerts {
  readonly #options: AlertsOptions;
  readonly #now: () => number;
  readonly #policy: AlertPolicy;
  #streams: Config['streams'];
  #thresholdsOf: ReturnType<typeof thresholdsOf>;
  readonly #webhooks: readonly Webhook[];
  #reading: Promise<void> | undefined;
  #ticking: NodeJS.Timeout | undefined;

  constructor(options: AlertsOptions) {
    const { config, metrics, log, userAgent, now = Date.now, limits } = options;
    this.#options = options;
    this.#now = now;
    this.#streams = config.streams;
    this.#thresholdsOf = thresholdsOf(config);
    this.#policy = new AlertPolicy({ thresholdsOf: (stream) => this.#thresholdsOf(stream) });
    this.#webhooks = config.alerts.webhooks.map(
      ({ url, secret, events }) =>
        new Webhook({
          ...{ url, secret, events, log, now, userAgent },
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

  /** These are the streams from now on. */
  watch(streams: Config['streams']): void {
    this.#streams = streams;
    this.#thresholdsOf = thresholdsOf({ ...this.#options.config, streams });
  }

  /** A stream is gone for good: what was raised is over. */
  forget(stream: string): void {
    this.#tell(this.#policy.forget(stream, this.#now()));
  }

  /** Takes nothing more, and lets what waits be delivered within the deadline. The events must have ended. */
  async close(deadlineMs: number): Promise<void> {
    clearInterval(this.#ticking);
    await this.#reading;
    await Promise.all(this.#webhooks.map((webhook) => webhook.close(deadlineMs)));
  }

  async #read(): Promise<void> {
    for await (const event of this.#options.events) this.#tell(this.#policy.change(event, this.#now()));
  }

  #tell(changes: readonly AlertChange[]): void {
    const { metrics, log, onChange } = this.#options;
    for (const change of changes) {
      onChange?.(change);
      const { stream, alert, state, since } = change;
      metrics.alerts.inc({ stream, alert, state });
      const seconds = Math.round((change.at - since) / 100) / 10;
      const facts = { stream, alert, alertState: state, seconds };
      if (state === 'raised') log.warn(facts, `alert: the stream ${sentences[alert]}`);
      else log.info(facts, `alert over: ${alert}`);
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

const sentences: Readonly<Record<AlertChange['alert'], string>> = {
  stale: 'has an old picture',
  black: 'shows black',
  flat: 'shows one shade',
  frozen: 'shows a picture that stands still',
  offline: 'is offline',
  lagging: 'is far behind on the store',
  unreadable: 'has segments on the store that cannot be read',
};
