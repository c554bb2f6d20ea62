import type { StreamConfig } from '../../config/schema/schema.js';
import type { StreamEvents } from '../../events/stream-events.js';
import type { PublicationState, StreamState } from '../../terms.js';

export interface PublicationWatchOptions {
  readonly config: Pick<StreamConfig, 'source'>;
  readonly events: Pick<StreamEvents, 'emit'>;
}

/**
 * Detects a live stream that is not visible on the store. Every node with a camera pulls it, so a node on standby is normal. A publisher is
 * connected to only one node: if another node has the stream's lease on the store, viewers there do not see this one.
 */
export class PublicationWatch {
  readonly #options: PublicationWatchOptions;
  #isUnpublished = false;

  constructor(options: PublicationWatchOptions) {
    this.#options = options;
  }

  /** Compares the current state with the previous one. `publication` is undefined without a store. */
  look(state: StreamState, publication: PublicationState | null | undefined): void {
    const { config, events } = this.#options;
    const isUnpublished = config.source === 'push' && state === 'live' && publication === 'standby';
    if (isUnpublished === this.#isUnpublished) return;
    this.#isUnpublished = isUnpublished;
    events.emit({ type: 'publication', condition: isUnpublished ? 'unpublished' : 'published', details: {} });
  }
}
