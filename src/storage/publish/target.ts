import type { ObjectStore } from '../store.js';
import type { Retention } from './cleanup/retention.js';
import type { Uploader } from './queue/uploader.js';

/** One store with all that belongs to it. `place` is its number: 0 the first, 1 the fallback. */
export interface StoreTarget {
  readonly place: number;
  readonly store: ObjectStore;
  readonly publicUrl: string | undefined;
  readonly fetch: typeof fetch;
  readonly uploader: Uploader;
  readonly retention: Retention;
}
