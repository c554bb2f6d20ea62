import { SidepipeError } from '../../../errors.js';
import type { CallOptions, ObjectStore, StoredObject } from '../../store.js';
import type { Attempt } from '../queue/uploader.js';

export interface StoreSegmentOptions {
  readonly store: ObjectStore;
  readonly object: StoredObject;
  readonly attempt: Attempt;
  readonly verify: boolean;
  readonly freeSlot: () => void;
}

/** Puts an immutable object and checks that it is there, because an accepted put is not yet a readable object. */
export async function storeSegment({ store, object, attempt, verify, freeSlot }: StoreSegmentOptions): Promise<void> {
  await store.put(object, attempt);
  if (!verify || attempt.signal.aborted) return;
  freeSlot();
  const found = await store.head(object.key, attempt);
  if (found?.bytes === object.body.byteLength) return;
  throw new SidepipeError(
    `${object.key} was accepted, but ${found === undefined ? 'is missing' : `has ${found.bytes} bytes`}.`,
    { code: 'storage-failed', fault: 'storage', retryable: true, details: { key: object.key } },
  );
}

/** What an upload needs that copies a segment from another store. */
export async function fetchSegment(store: ObjectStore, key: string, call: CallOptions): Promise<StoredObject> {
  const found = await store.get(key, call);
  if (found === undefined) {
    throw new SidepipeError(`${key} is not on ${store.description}.`, {
      code: 'storage-failed',
      fault: 'storage',
      details: { key },
    });
  }
  const { body, contentType, cacheControl, metadata } = found;
  return {
    key,
    body,
    contentType,
    ...(cacheControl === undefined ? {} : { cacheControl }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}
