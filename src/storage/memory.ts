import { randomBytes } from 'node:crypto';
import { aborted, conflict, throwIfAborted, tooLarge } from './failures.js';
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

/** Objects in this process's memory. Bodies are kept by reference: a caller must not change one after the put. */
export function createMemoryStore({ now = Date.now }: MemoryStoreOptions = {}): ObjectStore {
  const objects = new Map<string, Entry>();
  const era = randomBytes(4).toString('hex');
  let writes = 0;
  let closed = false;

  const enter = (what: string, signal: AbortSignal | undefined): void => {
    if (closed) throw aborted(what);
    throwIfAborted(signal, what);
  };

  return {
    description: 'memory',
    async put(object: StoredObject, { signal, ifNoneMatch, ifMatch }: PutOptions = {}) {
      const key = checkKey(object.key);
      enter(`put ${key}`, signal);
      const present = objects.get(key);
      if (ifNoneMatch !== undefined && present) throw conflict(key, 'there is one already');
      if (ifMatch !== undefined && present?.etag !== ifMatch) throw conflict(key, 'it has changed');
      writes += 1;
      const etag = `"${era}-${writes.toString(16)}"`;
      objects.set(key, { ...object, bytes: object.body.byteLength, etag, modifiedAt: now() });
      return { etag };
    },
    async get(key: string, { signal, mostBytes = mostBytesOf(key) }: GetOptions = {}) {
      enter(`get ${key}`, signal);
      const entry = objects.get(checkKey(key));
      if (entry && entry.bytes > mostBytes) throw tooLarge(key, entry.bytes, mostBytes);
      return entry;
    },
    async head(key: string, { signal }: CallOptions = {}) {
      enter(`head ${key}`, signal);
      const entry = objects.get(checkKey(key));
      return entry && infoOf(entry);
    },
    async *list(prefix: string, { signal }: CallOptions = {}) {
      enter(`list ${prefix}`, signal);
      const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort(compareKeys);
      for (const key of keys) {
        enter(`list ${prefix}`, signal);
        const entry = objects.get(key);
        if (entry) yield infoOf(entry);
      }
    },
    async delete(keys: readonly string[], { signal }: CallOptions = {}) {
      enter('delete', signal);
      for (const key of keys.map(checkKey)) objects.delete(key);
    },
    async capabilities({ signal }: CallOptions = {}) {
      enter('capabilities', signal);
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
