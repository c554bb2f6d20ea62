import { messageOf, SidepipeError } from '../../errors.js';
import type { ObjectStore } from '../../storage/store.js';
import type { LoadedState, SavedStream, StateStore } from '../saved-streams.js';
import { readState, writeState } from './document.js';
import { createSeal, type Seal } from './seal.js';

/** No stream can have this name, so no object of a stream shares the prefix, and no cleanup touches it. */
const KEY = '_state/streams.sealed';
const CALL_MS = 15_000;

export interface StateObjectOptions {
  readonly store: ObjectStore;
  /** Encrypts the object: buckets are often public, and the streams contain keys and passwords. */
  readonly password: string;
  readonly now?: () => number;
}

/** Streams saved in one object of the store. A put is atomic: readers see either the complete old or the complete new object. */
export function stateObject({ store, password, now = Date.now }: StateObjectOptions): StateStore {
  const seal = createSeal(password);
  const description = `${store.description} ${KEY}`;
  /** ETag of the object as this node knows it; undefined: there is none. */
  const known: { etag?: string | undefined } = {};
  const fail = (what: string) => (cause: unknown) => {
    throw unavailable(description, what, cause);
  };
  return {
    description,
    async load() {
      const found = await store.get(KEY, { signal: AbortSignal.timeout(CALL_MS) }).catch(fail('read'));
      known.etag = found?.etag;
      return found === undefined ? { streams: [] } : openState(found.body);
    },
    async save(streams) {
      try {
        const { etag } = await put(streams);
        known.etag = etag;
        return 'saved';
      } catch (error) {
        if (isConflict(error)) return 'conflict';
        throw unavailable(description, 'write', error);
      }
    },
    async follow() {
      const signal = AbortSignal.timeout(CALL_MS);
      const etag = (await store.head(KEY, { signal }).catch(fail('read')))?.etag;
      // A deletion is probably a mistake: the streams continue, and the next change saves them all.
      if (etag === undefined) known.etag = undefined;
      if (etag === undefined || etag === known.etag) return undefined;
      const found = await store.get(KEY, { signal }).catch(fail('read'));
      if (found === undefined) return undefined;
      const { streams, problem } = await contentOf(found.body, seal);
      // An object that another node can read must not be put aside or overwritten by this one.
      if (problem !== undefined) throw unavailable(description, 'read', new Error(problem));
      known.etag = found.etag;
      return streams;
    },
  };

  /** Fails if another node has written in between: otherwise its streams would be lost. */
  async function put(streams: readonly SavedStream[]) {
    const object = objectOf(KEY, await seal.close(writeState(streams)));
    // The timeout starts here: encrypting takes long on a busy machine.
    const signal = AbortSignal.timeout(CALL_MS);
    const { ifMatch, ifNoneMatch } = await store.capabilities({ signal });
    const { etag } = known;
    // Without conditional writes, a check just before the write is the next best option.
    if (!ifMatch || !ifNoneMatch) {
      if ((await store.head(KEY, { signal }))?.etag !== etag) throw overtaken();
      return store.put(object, { signal });
    }
    const condition = etag === undefined ? { ifNoneMatch: '*' as const } : { ifMatch: etag };
    return store.put(object, { signal, ...condition });
  }

  async function openState(body: Uint8Array): Promise<LoadedState> {
    const { streams, problem } = await contentOf(body, seal);
    if (problem === undefined) return { streams };
    const aside = `${KEY}.unreadable-${new Date(now()).toISOString().replaceAll(/[:.]/g, '-')}`;
    const signal = AbortSignal.timeout(CALL_MS);
    // If it cannot be put aside, it must not be overwritten.
    await store.put(objectOf(aside, body), { signal }).catch(fail('copy'));
    return { streams, problem: `${description} is unreadable: ${problem}. It was copied to ${aside}.` };
  }
}

async function contentOf(body: Uint8Array, seal: Seal): Promise<LoadedState> {
  const text = await seal.open(body);
  if (text !== undefined) return readState(text);
  return { streams: [], problem: 'encrypted with another admin.token, or damaged' };
}

function objectOf(key: string, body: Uint8Array) {
  return { key, body, contentType: 'application/octet-stream', cacheControl: 'private, no-store' };
}

function isConflict(error: unknown): boolean {
  return error instanceof SidepipeError && error.code === 'storage-conflict';
}

function overtaken(): SidepipeError {
  return new SidepipeError('Another node has saved streams.', { code: 'storage-conflict', fault: 'storage' });
}

function unavailable(where: string, what: string, cause: unknown): SidepipeError {
  const message = `Cannot ${what} the saved streams on ${where} (state.store): ${messageOf(cause)}`;
  return new SidepipeError(message, { code: 'state-unavailable', fault: 'storage', retryable: true, cause });
}
