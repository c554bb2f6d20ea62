import type { StreamConfig } from '../../config/schema/schema.js';
import type { StreamEvents } from '../../events/stream-events.js';
import type { PublicationState, StreamState } from '../../terms.js';

export interface PublicationWatchOptions {
  readonly config: Pick<StreamConfig, 'source'>;
  readonly events: Pick<StreamEvents, 'emit'>;
}

/**
 * Notices a live stream that nobody sees on the store. Every node that has a camera pulls it, so a node on standby is normal. A
 * publisher is on one node only: if another node has the stream's place on the store, its viewers do not see this one.
 */
export class PublicationWatch {
  readonly #options: PublicationWatchOptions;
  #isUnpublished = false;

  constructor(options: PublicationWatchOptions) {
    this.#options = options;
  }

  /** Compares the stream as it is now with the last look. `publication` is undefined without a store. */
  look(state: StreamState, publication: PublicationState | null | undefined): void {
    const { config, events } = this.#options;
    const isUnpublished = config.source === 'push' && state === 'live' && publication === 'standby';
    if (isUnpublished === this.#isUnpublished) return;
    this.#isUnpublished = isUnpublished;
    events.emit({ type: 'publication', condition: isUnpublished ? 'unpublished' : 'published', details: {} });
  }
}
