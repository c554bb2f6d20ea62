import { messageOf, SidepipeError } from '../../errors.js';
import type { ObjectStore } from '../../storage/store.js';
import type { LoadedState, SavedStream, StateStore } from '../saved-streams.js';
import { readState, writeState } from './document.js';
import { createSeal, type Seal } from './seal.js';

/** No stream can have this name, so nothing of a stream lies beside it and no clearing-up looks at it. */
const KEY = '_state/streams.sealed';
const CALL_MS = 15_000;

export interface StateObjectOptions {
  readonly store: ObjectStore;
  /** Buckets are often open to all: what is saved holds stream keys and passwords, so it is sealed. */
  readonly password: string;
  readonly now?: () => number;
}

/** Streams saved in one object of the store. A put is atomic: readers see the old object or the new one, whole. */
export function stateObject({ store, password, now = Date.now }: StateObjectOptions): StateStore {
  const seal = createSeal(password);
  const description = `${store.description} ${KEY}`;
  /** Of the object as this node knows it; undefined: there is none. */
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
      const { etag } = await put(streams).catch(fail('written'));
      known.etag = etag;
    },
  };

  /** Another node on the same store must not have written in between: what it saved would be lost. */
  async function put(streams: readonly SavedStream[]) {
    const signal = AbortSignal.timeout(CALL_MS);
    const { ifMatch, ifNoneMatch } = await store.capabilities({ signal });
    const condition =
      known.etag === undefined ? ifNoneMatch && { ifNoneMatch: '*' as const } : ifMatch && { ifMatch: known.etag };
    return store.put(objectOf(KEY, await seal.close(writeState(streams))), { signal, ...(condition || {}) });
  }

  async function openState(body: Uint8Array): Promise<LoadedState> {
    const { streams, problem } = await contentOf(body, seal);
    if (problem === undefined) return { streams };
    const aside = `${KEY}.unreadable-${new Date(now()).toISOString().replaceAll(/[:.]/g, '-')}`;
    const signal = AbortSignal.timeout(CALL_MS);
    // Where it cannot be put aside, nothing may be written over it.
    await store.put(objectOf(aside, body), { signal }).catch(fail('put aside'));
    return { streams, problem: `${description} cannot be used: ${problem}. A copy was put aside as ${aside}.` };
  }
}

async function contentOf(body: Uint8Array, seal: Seal): Promise<LoadedState> {
  const text = await seal.open(body);
  if (text !== undefined) return readState(text);
  return { streams: [], problem: 'it was sealed under another admin.token, or was damaged' };
}

function objectOf(key: string, body: Uint8Array) {
  return { key, body, contentType: 'application/octet-stream', cacheControl: 'private, no-store' };
}

function unavailable(where: string, what: string, cause: unknown): SidepipeError {
  const isConflict = cause instanceof SidepipeError && cause.code === 'storage-conflict';
  const why = isConflict ? 'another node has written them since; begin this one anew' : messageOf(cause);
  return new SidepipeError(`The saved streams on ${where} (state.store) cannot be ${what}: ${why}`, {
    code: 'state-unavailable',
    fault: 'storage',
    retryable: !isConflict,
    cause,
  });
}
