import type { SidepipeError } from '../../errors.js';
import type { PublisherSettings } from './settings.js';
import type { LossReason } from './types.js';

export interface Loss {
  readonly reason: LossReason;
  readonly segments: number;
  readonly key?: string;
  readonly error?: SidepipeError | undefined;
}

/** Counts the segments of one stream that are not on the store and never will be; logs when that begins and when it is over. */
export class Losses {
  readonly #stream: string;
  readonly #settings: PublisherSettings;
  #lastAt: number | undefined;
  #segments = 0;
  #error: SidepipeError | undefined;

  constructor(stream: string, settings: PublisherSettings) {
    this.#stream = stream;
    this.#settings = settings;
  }

  /** Segments were lost a moment ago. */
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
  'backlog-full': 'see why the store takes nothing, or raise storage.backlogBytes to survive longer outages',
  refused: 'see the log for why the store refuses this segment',
  rejected: 'see the log for the answer of the store',
  'init-lost': 'see the log for why the initialization segment was not stored',
  missing: 'see what else deletes objects of the bucket: lifecycle rules, scripts, another node',
  closed: 'let the node end with more time, or see why the store is slow',
};
