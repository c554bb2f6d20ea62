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
      try {
        const { etag } = await put(streams);
        known.etag = etag;
        return 'saved';
      } catch (error) {
        if (isConflict(error)) return 'conflict';
        throw unavailable(description, 'written', error);
      }
    },
    async follow() {
      const signal = AbortSignal.timeout(CALL_MS);
      const etag = (await store.head(KEY, { signal }).catch(fail('read')))?.etag;
      // Nobody deletes it but by mistake: the streams run on, and the next change saves them all.
      if (etag === undefined) known.etag = undefined;
      if (etag === undefined || etag === known.etag) return undefined;
      const found = await store.get(KEY, { signal }).catch(fail('read'));
      if (found === undefined) return undefined;
      const { streams, problem } = await contentOf(found.body, seal);
      // What another node could read is not put aside by this one, and not overwritten.
      if (problem !== undefined) throw unavailable(description, 'read', new Error(problem));
      known.etag = found.etag;
      return streams;
    },
  };

  /** Another node on the same store must not have written in between: what it saved would be lost. */
  async function put(streams: readonly SavedStream[]) {
    const object = objectOf(KEY, await seal.close(writeState(streams)));
    // From here on: sealing takes its time on a busy machine.
    const signal = AbortSignal.timeout(CALL_MS);
    const { ifMatch, ifNoneMatch } = await store.capabilities({ signal });
    const { etag } = known;
    // The next best thing: to look just before.
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

function isConflict(error: unknown): boolean {
  return error instanceof SidepipeError && error.code === 'storage-conflict';
}

function overtaken(): SidepipeError {
  return new SidepipeError('Another node has saved streams.', { code: 'storage-conflict', fault: 'storage' });
}

function unavailable(where: string, what: string, cause: unknown): SidepipeError {
  const message = `The saved streams on ${where} (state.store) cannot be ${what}: ${messageOf(cause)}`;
  return new SidepipeError(message, { code: 'state-unavailable', fault: 'storage', retryable: true, cause });
}
