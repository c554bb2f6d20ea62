import type { StreamConfig } from '../../config/schema/schema.js';
import type { StreamEvents } from '../../events/stream-events.js';
import type { PublicationStatus } from '../../storage/publish/types.js';
import type { Logger } from '../../telemetry/logger.js';
import type { StreamState } from '../../terms.js';

export interface PublicationWatchOptions {
  readonly config: Pick<StreamConfig, 'name' | 'source'>;
  readonly events: Pick<StreamEvents, 'publish'>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Steady time. */
  readonly now: () => number;
  readonly dateOf: (at: number) => number;
}

/**
 * Notices a live stream that nobody sees on the store. A camera is pulled by every node that has it, so one that stands by is as it
 * should be. A publisher is on one node: where another has the stream's place on the store, nobody there sees this one.
 */
export class PublicationWatch {
  readonly #options: PublicationWatchOptions;
  #isUnpublished = false;

  constructor(options: PublicationWatchOptions) {
    this.#options = options;
  }

  /** Looks at the stream as it is now. `publication` is undefined without a store. */
  look(state: StreamState, publication: PublicationStatus['state'] | null | undefined): void {
    const { config, events, log, now, dateOf } = this.#options;
    const isUnpublished = config.source === 'push' && state === 'live' && publication === 'standby';
    if (isUnpublished === this.#isUnpublished) return;
    this.#isUnpublished = isUnpublished;
    const at = dateOf(now());
    events.publish({ stream: config.name, type: isUnpublished ? 'unpublished' : 'published', at, details: {} });
    if (isUnpublished) log.warn('the stream is live, but another node has its place on the store');
    else log.info('the stream is published to the store again, or has ended');
  }
}
