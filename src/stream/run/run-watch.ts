import type { StreamConfig } from '../../config/schema/schema.js';
import type { Progress } from '../../ffmpeg/log/progress.js';
import type { Source, UnknownSource } from '../../ingest/source.js';
import { waitFor } from '../outputs/plan.js';
import type { StreamSystem } from '../system.js';
import type { RunLimits } from './run-options.js';
import { afterProgress, findStall, type Vitals, type WatchdogLimits } from './watchdog.js';

/** How often a run is checked. */
const INTERVAL_MS = 500;

export interface RunWatchOptions {
  readonly config: StreamConfig;
  readonly source: Source | UnknownSource;
  /** Whether media for players is made. */
  readonly makesMedia: boolean;
  readonly limits: Pick<RunLimits, 'startTimeoutMs' | 'stallTimeoutMs'>;
  readonly system: Pick<StreamSystem, 'now' | 'delay'>;
}

/** Observes the signs of life of one run, and checks periodically what has stalled. */
export class RunWatch {
  readonly #options: RunWatchOptions;
  readonly #limits: WatchdogLimits;
  #vitals: Omit<Vitals, 'segmentAt'>;

  constructor(options: RunWatchOptions) {
    this.#options = options;
    this.#limits = limitsOf(options);
    this.#vitals = {
      startedAt: options.system.now(),
      progressAt: undefined,
      frameAt: undefined,
      openedAt: undefined,
      segmentsSinceFrame: 0,
    };
  }

  /** When the source was last seen to advance: steady time in milliseconds. */
  get progressAt(): number | undefined {
    return this.#vitals.progressAt;
  }

  /** The source has been opened. */
  opened(): void {
    this.#vitals = { ...this.#vitals, openedAt: this.#options.system.now() };
  }

  progress(report: Progress): void {
    this.#vitals = afterProgress(this.#vitals, report, this.#options.system.now());
  }

  picture(): void {
    this.#vitals = { ...this.#vitals, frameAt: this.#options.system.now(), segmentsSinceFrame: 0 };
  }

  /** A segment of the first rendition started. */
  segment(): void {
    this.#vitals = { ...this.#vitals, segmentsSinceFrame: this.#vitals.segmentsSinceFrame + 1 };
  }

  /** Settles with a message about what has stalled; with undefined if the signal aborts first. `segmentAt`: see `Vitals`. */
  async stall(segmentAt: () => number | undefined, signal: AbortSignal): Promise<string | undefined> {
    const { now, delay } = this.#options.system;
    while (!signal.aborted) {
      await delay(INTERVAL_MS, signal).catch(() => {});
      if (signal.aborted) return undefined;
      const stall = findStall({ ...this.#vitals, segmentAt: segmentAt() }, this.#limits, now());
      if (stall !== undefined) return stall;
    }
    return undefined;
  }
}

function limitsOf({ config, source, makesMedia, limits }: RunWatchOptions): WatchdogLimits {
  const { connectSeconds } = waitFor(config, source);
  const { readTimeoutSeconds } = config.input;
  return {
    connectTimeoutMs: connectSeconds === undefined ? undefined : connectSeconds * 1000,
    startTimeoutMs: limits.startTimeoutMs,
    stallTimeoutMs: readTimeoutSeconds === undefined ? limits.stallTimeoutMs : readTimeoutSeconds * 1000,
    frameIntervalMs: config.thumbnail.intervalSeconds * 1000,
    expectsSegments: makesMedia,
  };
}
