import type { Metrics } from '../telemetry/metrics.js';
import type { Audience, PlayerReport, ViewerId } from './live-stream.js';

export interface StreamAudienceOptions {
  readonly stream: string;
  readonly metrics: Pick<Metrics, 'playerReports' | 'playerThroughput' | 'playerBitrate'>;
  readonly now: () => number;
  /** Number of viewers with a connection that shows itself when they leave. Default: none. */
  readonly connected?: () => number;
  /** Maximum number of viewers counted individually. Default 100,000: about 10 MB. Beyond it no new ones are counted. */
  readonly most?: number;
}

/** A viewer counts as gone after this many target durations without a request for the playlist. */
const MISSED_RELOADS = 3;
const LEAST_WINDOW_MS = 6000;

/** The current viewers of one stream, by anonymous ids. */
export class StreamAudience implements Audience {
  readonly #options: StreamAudienceOptions;
  /** When each was last seen, least recent first. */
  readonly #seen = new Map<number, number>();
  #windowMs = LEAST_WINDOW_MS;

  constructor(options: StreamAudienceOptions) {
    this.#options = options;
  }

  get viewers(): number {
    const { now, connected } = this.#options;
    this.#forget(now());
    return this.#seen.size + (connected?.() ?? 0);
  }

  seen({ id, former }: ViewerId, targetSeconds: number, now: number): void {
    this.#windowMs = Math.max(LEAST_WINDOW_MS, MISSED_RELOADS * targetSeconds * 1000);
    this.#forget(now);
    if (former !== undefined) this.#seen.delete(former);
    // Deleted and set again, so that the map stays ordered by time.
    this.#seen.delete(id);
    if (this.#seen.size < (this.#options.most ?? 100_000)) this.#seen.set(id, now);
  }

  report({ starved, startup, throughput, bitrate }: PlayerReport): void {
    const { stream, metrics } = this.#options;
    metrics.playerReports.inc({ stream, event: 'request' });
    if (starved) metrics.playerReports.inc({ stream, event: 'rebuffer' });
    if (startup) metrics.playerReports.inc({ stream, event: 'startup' });
    if (throughput !== undefined) metrics.playerThroughput.observe({ stream }, throughput);
    if (bitrate !== undefined) metrics.playerBitrate.observe({ stream }, bitrate);
  }

  #forget(now: number): void {
    for (const [id, at] of this.#seen) {
      if (now >= at && now - at < this.#windowMs) return;
      this.#seen.delete(id);
    }
  }
}
