import type { SidepipeError } from '../../errors.js';
import type { PublisherSettings } from './settings.js';
import type { LossReason } from './types.js';

export interface Loss {
  readonly reason: LossReason;
  readonly segments: number;
  readonly key?: string;
  readonly error?: SidepipeError | undefined;
}

/** Counts the lost segments of one stream; logs when losses start and when they are over. */
class Losses {
  readonly #stream: string;
  readonly #settings: PublisherSettings;
  #lastAt: number | undefined;
  #segments = 0;
  #error: SidepipeError | undefined;

  constructor(stream: string, settings: PublisherSettings) {
    this.#stream = stream;
    this.#settings = settings;
  }

  /** Segments were lost recently. */
  get isOpen(): boolean {
    return this.#lastAt !== undefined;
  }

  add({ reason, segments, key, error }: Loss): void {
    const { clock, log, observe } = this.#settings;
    const isFirst = this.#lastAt === undefined;
    this.#lastAt = clock.now();
    this.#segments = (isFirst ? 0 : this.#segments) + segments;
    this.#error = error;
    observe({ type: 'lost', stream: this.#stream, reason, segments });
    if (!isFirst) return;
    log({
      level: 'error',
      event: 'segments-given-up',
      stream: this.#stream,
      message: 'Segments are missing on the store: the playlist there has gaps.',
      details: {
        reason,
        segments,
        ...(key !== undefined && { key }),
        remedy: error?.details['remedy'] ?? remedies[reason],
      },
      ...(error && { error }),
    });
    this.#tell(true);
  }

  /** Called about once a second. */
  watch(): void {
    const { clock, log, timing } = this.#settings;
    if (this.#lastAt === undefined || clock.now() - this.#lastAt < timing.quietMs) return;
    this.#lastAt = undefined;
    log({
      level: 'info',
      event: 'segments-complete',
      stream: this.#stream,
      message: 'No further segments of the stream were lost.',
      details: { segments: this.#segments },
    });
    this.#tell(false);
  }

  #tell(holds: boolean): void {
    this.#settings.observe({ type: 'trouble', stream: this.#stream, trouble: 'losing', holds, error: this.#error });
  }
}

const remedies: Readonly<Record<LossReason, string>> = {
  'backlog-full': 'check why the store accepts nothing, or raise storage.backlogBytes to survive longer outages',
  refused: 'see the log for why the store refuses this segment',
  rejected: 'see the log for the response of the store',
  'init-lost': 'see the log for why the initialization segment was not stored',
  missing: 'check what else deletes objects of the bucket: lifecycle rules, scripts, another node',
  closed: 'give the node more time to shut down, or check why the store is slow',
};

/** Measures the lag of a stream's remote playlist, and reports once when it is too long and once when it is over. */
class LagWatch {
  readonly #stream: string;
  readonly #settings: PublisherSettings;
  #lagging = false;

  constructor(stream: string, settings: PublisherSettings) {
    this.#stream = stream;
    this.#settings = settings;
  }

  /** Another node writes the playlist, so this node cannot know its lag. */
  standBy(): void {
    this.#lagging = false;
  }

  see(seconds: number, targetDurationSeconds: number): void {
    this.#settings.observe({ type: 'lag', stream: this.#stream, seconds });
    const lagging = seconds > (this.#lagging ? 2 : 4) * targetDurationSeconds;
    if (lagging === this.#lagging) return;
    this.#lagging = lagging;
    this.#settings.log({
      level: lagging ? 'warn' : 'info',
      event: lagging ? 'playlist-lagging' : 'playlist-caught-up',
      stream: this.#stream,
      message: lagging
        ? `The playlist on the store is ${seconds.toFixed(1)} s behind.`
        : 'The playlist on the store has caught up.',
      details: { seconds },
    });
  }
}

/** The results of one stream's uploads. */
export class UploadCounts {
  #uploaded = 0;
  #failed = 0;
  #lastError: SidepipeError | undefined;

  get uploaded(): number {
    return this.#uploaded;
  }

  get failed(): number {
    return this.#failed;
  }

  /** The current problem. While another node writes the stream, successful uploads do not clear it. */
  get lastError(): SidepipeError | undefined {
    return this.#lastError;
  }

  /** An upload has succeeded or was given up. */
  count(error: SidepipeError | undefined): void {
    if (error === undefined) {
      this.#uploaded += 1;
      if (!this.#isConflict) this.#lastError = undefined;
    } else {
      this.#failed += 1;
      this.#lastError = error;
    }
  }

  /** Something other than an upload went wrong. */
  note(error: SidepipeError): void {
    this.#lastError = error;
  }

  /** No other node writes the stream any more. Returns whether one did. */
  conflictOver(): boolean {
    if (!this.#isConflict) return false;
    this.#lastError = undefined;
    return true;
  }

  get #isConflict(): boolean {
    return this.#lastError?.code === 'storage-conflict';
  }
}

/** What operators learn about one stream's uploads, regardless of the store in use. */
export class UploadProgress {
  readonly counts = new UploadCounts();
  readonly losses: Losses;
  readonly lag: LagWatch;
  readonly #stream: string;
  readonly #settings: PublisherSettings;
  #wasRefused = false;

  constructor(stream: string, settings: PublisherSettings) {
    this.#stream = stream;
    this.#settings = settings;
    this.losses = new Losses(stream, settings);
    this.lag = new LagWatch(stream, settings);
  }

  /** Whether the store in use refuses objects of the stream. Reported when it starts and when it is over. */
  refused(holds: boolean, error: SidepipeError | undefined): void {
    if (holds === this.#wasRefused) return;
    this.#wasRefused = holds;
    this.#settings.observe({ type: 'trouble', stream: this.#stream, trouble: 'refused', holds, error });
  }
}
