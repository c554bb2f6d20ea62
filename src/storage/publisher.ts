import type { Evictable } from './publish/context.js';
import { FailoverPublisher } from './publish/failover.js';
import { Backlog } from './publish/queue/backlog.js';
import { settingsOf } from './publish/settings.js';
import { SingleStorePublisher } from './publish/single-store.js';
import type { StorePublisher, StorePublisherOptions } from './publish/types.js';

export type * from './publish/types.js';

/**
 * Keeps a copy of live streams on an object store that is playable at any time: segments are uploaded in parallel, playlists in order, once
 * everything that they list is readable. Memory is bounded by `backlogBytes`; above it the oldest objects are given up, and logged. Nothing
 * here blocks the streams or throws to them.
 */
export function createPublisher(options: StorePublisherOptions): StorePublisher {
  const settings = settingsOf(options);
  const backlog = new Backlog<Evictable>(options.backlogBytes);
  const first = new SingleStorePublisher(options, settings, backlog);
  if (options.fallback === undefined) return first;
  const second = new SingleStorePublisher(options.fallback, settings, backlog);
  return new FailoverPublisher(first, second, settings);
}
