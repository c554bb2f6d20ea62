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
  /** What happens to the streams. Ended by whoever made it, or by leaving the loop over it. */
  readonly events: AsyncIterable<StreamChange>;
  readonly metrics: Pick<Metrics, 'alerts' | 'webhooks'>;
  readonly log: Logger;
  readonly userAgent: string;
  /** Steady time in milliseconds. Default: the system's clock. */
  readonly now?: () => number;
  /** The date of a moment of steady time, in milliseconds since the epoch. Default: it is one. */
  readonly dateOf?: (at: number) => number;
  readonly limits?: Partial<WebhookLimits>;
  /** Hears of every alert, too. */
  readonly onChange?: (change: AlertChange) => void;
}

/** Tells operators what is wrong with streams: the log, a counter, and every webhook. */
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
    for await (const event of this.#options.events) {
      const now = this.#now();
      // Events have dates; how long a condition lasts does not depend on the system's clock.
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
  unreadable: 'has objects on the store that cannot be read',
  refused: 'uploads objects that the store refuses',
  gaps: 'has lost segments on the store',
  unpublished: 'is live, but another node has its place on the store',
};
