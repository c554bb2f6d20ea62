import type { Metrics } from '../telemetry/metrics.js';
import type { Audience, PlayerReport, ViewerId } from './live-stream.js';

export interface StreamAudienceOptions {
  readonly stream: string;
  readonly metrics: Pick<Metrics, 'playerReports' | 'playerThroughput' | 'playerBitrate'>;
  readonly now: () => number;
  /** Viewers that are told apart. Default 100,000: some 10 MB. Beyond it no new one is counted. */
  readonly most?: number;
}

/** Target durations without a request for the playlist until a viewer counts as gone. */
const MISSED_RELOADS = 3;
const LEAST_WINDOW_MS = 6000;

/** Who watches one stream now, by ids that stand for nobody. */
export class StreamAudience implements Audience {
  readonly #options: StreamAudienceOptions;
  /** When each was last seen, the longest ago first. */
  readonly #seen = new Map<number, number>();
  #windowMs = LEAST_WINDOW_MS;

  constructor(options: StreamAudienceOptions) {
    this.#options = options;
  }

  get viewers(): number {
    this.#forget(this.#options.now());
    return this.#seen.size;
  }

  seen({ id, former }: ViewerId, targetSeconds: number, now: number): void {
    this.#windowMs = Math.max(LEAST_WINDOW_MS, MISSED_RELOADS * targetSeconds * 1000);
    this.#forget(now);
    if (former !== undefined) this.#seen.delete(former);
    // Deleted and set: the map stays in the order of times.
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
