import type { Evictable } from './publish/context.js';
import { FailoverPublisher } from './publish/failover.js';
import { Backlog } from './publish/queue/backlog.js';
import { settingsOf } from './publish/settings.js';
import { SingleStorePublisher } from './publish/single-store.js';
import type { StorePublisher, StorePublisherOptions } from './publish/types.js';

export type * from './publish/types.js';

/**
 * Makes an object store a faithful, always playable copy of live streams: segments go up in parallel, playlists follow in
 * order when all that they list can be read. Memory is bounded by `backlogBytes`; what does not fit is given up, oldest
 * first, and logged. Nothing here blocks or throws towards the streams.
 */
export function createPublisher(options: StorePublisherOptions): StorePublisher {
  const settings = settingsOf(options);
  const backlog = new Backlog<Evictable>(options.backlogBytes);
  const first = new SingleStorePublisher(options, settings, backlog);
  if (options.fallback === undefined) return first;
  const second = new SingleStorePublisher(options.fallback, settings, backlog);
  return new FailoverPublisher(first, second, settings);
}
