import type { CallOptions, ObjectStore } from '../../src/storage/store.js';
import { limited } from './faulty-store.js';
import type { VirtualClock } from './virtual-clock.js';

/**
 * One node's view of a shared store. After `cut` nothing of that node reaches the store and no call of it gets an answer, so
 * that each ends at its limits: to the world the node was killed. After `mend` new calls go through again: it was asleep, or
 * its network was away.
 */
export function severable(store: ObjectStore, clock: VirtualClock): { store: ObjectStore; cut(): void; mend(): void } {
  let dead = false;
  const guard = <R>(limits: CallOptions | undefined, call: () => Promise<R>): Promise<R> =>
    limited<R>(clock, limits ?? {}, (done, failed) => {
      if (dead) return;
      call().then(
        (result) => {
          if (!dead) done(result);
        },
        (error) => {
          if (!dead) failed(error);
        },
      );
    });
  return {
    store: {
      description: store.description,
      put: (object, options) => guard(options, () => store.put(object, options)),
      get: (key, options) => guard(options, () => store.get(key, options)),
      head: (key, options) => guard(options, () => store.head(key, options)),
      list: (prefix, options) => store.list(prefix, options),
      delete: (keys, options) => guard(options, () => store.delete(keys, options)),
      capabilities: (options) => store.capabilities(options),
      close: () => store.close(),
    },
    cut: () => {
      dead = true;
    },
    mend: () => {
      dead = false;
    },
  };
}
