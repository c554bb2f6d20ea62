import type { ObjectStore } from '../../src/storage/store.js';

/**
 * One node's view of a shared store. After `cut` nothing of that node reaches the store and no call of it ever settles:
 * to the world it was killed. After `mend` new calls go through again: it was asleep, or its network was away.
 */
export function severable(store: ObjectStore): { store: ObjectStore; cut(): void; mend(): void } {
  let dead = false;
  const never = <R>(): Promise<R> => new Promise<R>(() => {});
  const guard = async <R>(call: () => Promise<R>): Promise<R> => {
    if (dead) return never();
    const result = await call();
    return dead ? never<R>() : result;
  };
  return {
    store: {
      description: store.description,
      put: (object, options) => guard(() => store.put(object, options)),
      get: (key, options) => guard(() => store.get(key, options)),
      head: (key, options) => guard(() => store.head(key, options)),
      list: (prefix, options) => store.list(prefix, options),
      delete: (keys, options) => guard(() => store.delete(keys, options)),
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
