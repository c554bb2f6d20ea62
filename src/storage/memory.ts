import { randomBytes } from 'node:crypto';
import { aborted, conflict, throwIfOver, tooLarge } from './failures.js';
import { checkKey, compareKeys, mostBytesOf } from './keys.js';
import type {
  CallOptions,
  GetOptions,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  StoreCapabilities,
  StoredObject,
} from './store.js';
import { startLimit } from './time-limit.js';

export interface MemoryStoreOptions {
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

type Entry = StoredObject & ObjectInfo;

const capabilities: StoreCapabilities = {
  ifNoneMatch: true,
  ifMatch: true,
  checksum: false,
  acl: false,
  batchDelete: 'none',
  metadata: true,
};

/** Objects in this process's memory. Bodies are kept by reference, so the caller must not change one after the put. */
export function createMemoryStore({ now = Date.now }: MemoryStoreOptions = {}): ObjectStore {
  const objects = new Map<string, Entry>();
  const era = randomBytes(4).toString('hex');
  let writes = 0;
  let closed = false;

  const enter = (what: string, call: CallOptions): void => {
    if (closed) throw aborted(what);
    throwIfOver(call, what);
  };

  return {
    description: 'memory',
    async put(object: StoredObject, { ifNoneMatch, ifMatch, ...call }: PutOptions = {}) {
      const key = checkKey(object.key);
      enter(`put ${key}`, call);
      const present = objects.get(key);
      if (ifNoneMatch !== undefined && present) throw conflict(key, 'the object already exists');
      if (ifMatch !== undefined && present?.etag !== ifMatch) throw conflict(key, 'it has changed');
      writes += 1;
      const etag = `"${era}-${writes.toString(16)}"`;
      objects.set(key, { ...object, bytes: object.body.byteLength, etag, modifiedAt: now() });
      return { etag };
    },
    async get(key: string, { mostBytes = mostBytesOf(key), ...call }: GetOptions = {}) {
      enter(`get ${key}`, call);
      const entry = objects.get(checkKey(key));
      if (entry && entry.bytes > mostBytes) throw tooLarge(key, entry.bytes, mostBytes);
      return entry;
    },
    async head(key: string, call: CallOptions = {}) {
      enter(`head ${key}`, call);
      const entry = objects.get(checkKey(key));
      return entry && infoOf(entry);
    },
    async *list(prefix: string, options: CallOptions = {}) {
      const call = startLimit(options);
      enter(`list ${prefix}`, call);
      const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort(compareKeys);
      for (const key of keys) {
        enter(`list ${prefix}`, call);
        const entry = objects.get(key);
        if (entry) yield infoOf(entry);
      }
    },
    async delete(keys: readonly string[], call: CallOptions = {}) {
      enter('delete', call);
      for (const key of keys.map(checkKey)) objects.delete(key);
    },
    async capabilities(call: CallOptions = {}) {
      enter('capabilities', call);
      return capabilities;
    },
    async close() {
      closed = true;
      objects.clear();
    },
  };
}

function infoOf({ key, bytes, etag, modifiedAt }: Entry): ObjectInfo {
  return { key, bytes, etag, modifiedAt };
}
