import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SidepipeError } from '../../src/errors.js';
import type { ObjectInfo, ObjectStore, StoreCapabilities, StoredObject } from '../../src/storage/store.js';

export interface OpenedStore {
  readonly store: ObjectStore;
  /** Lets whatever is behind the store leave every `get` of one key without an answer. Not for a store that cannot hang. */
  readonly hang?: () => { readonly key: string; release(): void };
  close(): Promise<void>;
}

export const objectOf = (
  key: string,
  body: string | Uint8Array = key,
  more: Partial<StoredObject> = {},
): StoredObject => ({
  key,
  body: typeof body === 'string' ? Buffer.from(body) : body,
  contentType: 'text/plain',
  ...more,
});

export async function collect(items: AsyncIterable<ObjectInfo>): Promise<ObjectInfo[]> {
  const result: ObjectInfo[] = [];
  for await (const item of items) result.push(item);
  return result;
}

export const keysOf = async (store: ObjectStore, prefix = ''): Promise<string[]> =>
  (await collect(store.list(prefix))).map((item) => item.key);

/** The error of a call that must fail. */
export async function failureOf(promise: Promise<unknown>): Promise<SidepipeError> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SidepipeError);
  return error as SidepipeError;
}

/** What every store does. `open` gives an empty store and takes away everything behind it on `close`. */
export function describeStore(name: string, open: () => Promise<OpenedStore>): void {
  describe(`the store contract: ${name}`, () => {
    let opened: OpenedStore;
    let store: ObjectStore;
    let able: StoreCapabilities;

    beforeAll(async () => {
      opened = await open();
      store = opened.store;
      able = await store.capabilities();
    });
    afterAll(() => opened?.close());

    it('describes itself', () => {
      expect(store.description).toMatch(/^(memory$|file:\/\/|s3:\/\/)/);
    });

    it('leaves nothing behind when it finds out its capabilities', async () => {
      expect(await keysOf(store)).toEqual([]);
      expect(await store.capabilities()).toEqual(able);
    });

    it('gives back what was put', async () => {
      const body = Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 31) & 255));
      const { etag } = await store.put(objectOf('cam/source/abc-1.ts', body));
      const got = await store.get('cam/source/abc-1.ts');
      expect(Buffer.from(got!.body).equals(body)).toBe(true);
      expect(got).toMatchObject({ key: 'cam/source/abc-1.ts', bytes: 5000, etag });
      expect(Math.abs(got!.modifiedAt - Date.now())).toBeLessThan(60_000);
      expect(await store.head('cam/source/abc-1.ts')).toEqual({
        key: 'cam/source/abc-1.ts',
        bytes: 5000,
        etag,
        modifiedAt: got!.modifiedAt,
      });
    });

    it('keeps content type, cache headers and metadata where it says so', async () => {
      const more = {
        contentType: 'application/vnd.apple.mpegurl',
        cacheControl: 'public, max-age=1',
        metadata: { 'captured-at': '2026-01-02T03:04:05.678Z', state: 'fresh' },
      };
      await store.put(objectOf('cam/index.m3u8', '#EXTM3U', more));
      const got = await store.get('cam/index.m3u8');
      expect(got).toMatchObject(able.metadata ? more : { contentType: more.contentType });
    });

    it('answers undefined for what is not there', async () => {
      expect(await store.get('cam/none.ts')).toBeUndefined();
      expect(await store.head('cam/none.ts')).toBeUndefined();
      expect(await store.head('cam/source')).toBeUndefined();
      expect(await store.head('cam/index.m3u8/below')).toBeUndefined();
    });

    it('stores empty objects, large ones, and views into larger buffers', async () => {
      const large = Buffer.alloc(3 * 1024 ** 2 + 7, 'sidepipe');
      const view = new Uint8Array(Buffer.from('..inside..').buffer.slice(0)).subarray(0, 0);
      const inside = Buffer.from('..inside..').subarray(2, 8);
      await store.put(objectOf('sizes/empty', view));
      await store.put(objectOf('sizes/large', large));
      await store.put(objectOf('sizes/view', new Uint8Array(inside.buffer, inside.byteOffset, inside.byteLength)));
      expect((await store.get('sizes/empty'))?.body.byteLength).toBe(0);
      expect(Buffer.from((await store.get('sizes/large'))!.body).equals(large)).toBe(true);
      expect(Buffer.from((await store.get('sizes/view'))!.body).toString()).toBe('inside');
    });

    it('replaces an object under a new ETag', async () => {
      const first = await store.put(objectOf('replace/me', 'one'));
      const second = await store.put(objectOf('replace/me', 'second'));
      expect(second.etag).not.toBe(first.etag);
      expect(await store.head('replace/me')).toMatchObject({ bytes: 6, etag: second.etag });
    });

    it('never shows half a write to concurrent readers', async () => {
      const bodies = ['a', 'b', 'c', 'd'].map((letter) => Buffer.alloc(200_000, letter));
      await store.put(objectOf('atomic/object', bodies[0]));
      const seen = new Set<string>();
      const writers = bodies.map(async (body) => {
        for (let round = 0; round < 3; round += 1) await store.put(objectOf('atomic/object', body));
      });
      const readers = Array.from({ length: 4 }, async () => {
        for (let round = 0; round < 6; round += 1) {
          const text = Buffer.from((await store.get('atomic/object'))!.body).toString('latin1');
          seen.add([...new Set(text)].join('') + text.length);
        }
      });
      await Promise.all([...writers, ...readers]);
      for (const state of seen) expect(['a200000', 'b200000', 'c200000', 'd200000']).toContain(state);
    });

    it('lists by prefix in the order of keys', async () => {
      // No key is another's folder: a directory cannot hold both.
      const keys = ['list/a-b/1', 'list/a.b', 'list/a/1', 'list/a/2', 'list/b/1/2', 'list/B', 'list2/x'];
      await Promise.all(keys.map((key) => store.put(objectOf(key))));
      const inside = keys.filter((key) => key.startsWith('list/'));
      const byBytes = [...inside].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(await keysOf(store, 'list/')).toEqual(byBytes);
      expect(await keysOf(store, 'list/a/')).toEqual(['list/a/1', 'list/a/2']);
      expect(await keysOf(store, 'list/b/1')).toEqual(['list/b/1/2']);
      expect(await keysOf(store, 'list')).toEqual([...byBytes, 'list2/x']);
      expect(await keysOf(store, 'nothing/')).toEqual([]);
      const [first] = await collect(store.list('list/B'));
      expect(first).toEqual(await store.head('list/B'));
    });

    it('deletes one, many and what is not there', async () => {
      const keys = Array.from({ length: 25 }, (_, index) => `delete/${String(index).padStart(2, '0')}`);
      await Promise.all(keys.map((key) => store.put(objectOf(key))));
      await store.delete([]);
      await store.delete(['delete/00']);
      await store.delete(['delete/00', 'delete/never-there', ...keys.slice(1, 24)]);
      expect(await keysOf(store, 'delete/')).toEqual(['delete/24']);
      await store.delete(['delete/not-there-either']);
      await store.delete(['delete/24']);
      await store.put(objectOf('delete/24', 'again'));
      expect(await keysOf(store, 'delete/')).toEqual(['delete/24']);
    });

    it('creates only where nothing is, for one of many writers', async () => {
      if (!able.ifNoneMatch) {
        const error = await failureOf(store.put(objectOf('lease/none'), { ifNoneMatch: '*' }));
        expect(error).toMatchObject({ code: 'storage-misconfigured', details: { unsupported: 'ifNoneMatch' } });
        return;
      }
      const tries = Array.from({ length: 8 }, (_, index) =>
        store.put(objectOf('lease/new', `writer ${index}`), { ifNoneMatch: '*' }).then(
          () => index,
          (error: SidepipeError) => error.code,
        ),
      );
      const outcomes = await Promise.all(tries);
      const winners = outcomes.filter((outcome) => typeof outcome === 'number');
      expect(winners).toHaveLength(1);
      expect(new Set(outcomes.filter((outcome) => typeof outcome === 'string'))).toEqual(new Set(['storage-conflict']));
      expect(Buffer.from((await store.get('lease/new'))!.body).toString()).toBe(`writer ${winners[0]}`);
      await store.delete(['lease/new']);
      await store.put(objectOf('lease/new', 'after'), { ifNoneMatch: '*' });
    });

    it('replaces only what has not changed', async () => {
      const { etag } = await store.put(objectOf('lease/held', 'one'));
      if (!able.ifMatch) {
        const error = await failureOf(store.put(objectOf('lease/held', 'two'), { ifMatch: etag }));
        expect(error).toMatchObject({ code: 'storage-misconfigured', details: { unsupported: 'ifMatch' } });
        return;
      }
      const next = await store.put(objectOf('lease/held', 'two'), { ifMatch: etag });
      const late = await failureOf(store.put(objectOf('lease/held', 'three'), { ifMatch: etag }));
      expect(late).toMatchObject({ code: 'storage-conflict', fault: 'storage' });
      expect(Buffer.from((await store.get('lease/held'))!.body).toString()).toBe('two');
      await store.delete(['lease/held']);
      const gone = await failureOf(store.put(objectOf('lease/held', 'four'), { ifMatch: next.etag }));
      expect(gone.code).toBe('storage-conflict');
      expect(await store.head('lease/held')).toBeUndefined();
    });

    it.each([
      '',
      '/abs',
      'a//b',
      'a/',
      '../x',
      'a/../../x',
      './a',
      'a/.',
      'a\\b',
      'a\0b',
      'ü',
      'a b',
      `${'x'.repeat(513)}`,
    ])('refuses the key %j everywhere', async (key) => {
      for (const call of [
        () => store.put(objectOf(key)),
        () => store.get(key),
        () => store.head(key),
        () => store.delete([key]),
      ]) {
        const error = await failureOf((async () => call())());
        expect(error).toMatchObject({ code: 'internal', fault: 'storage', retryable: false });
      }
    });

    it('does nothing once the caller has called it off', async () => {
      const signal = AbortSignal.abort();
      const calls = [
        store.put(objectOf('aborted/x'), { signal }),
        store.get('aborted/x', { signal }),
        store.head('aborted/x', { signal }),
        store.delete(['aborted/x'], { signal }),
        collect(store.list('aborted/', { signal })),
        store.capabilities({ signal }),
      ];
      for (const call of calls) expect((await failureOf(call)).code).toBe('aborted');
      expect(await store.head('aborted/x')).toBeUndefined();
    });

    it('starts nothing for a caller that has no time left', async () => {
      const timeoutMs = 0;
      const calls = [
        store.put(objectOf('late/x'), { timeoutMs }),
        store.get('late/x', { timeoutMs }),
        store.head('late/x', { timeoutMs }),
        store.delete(['late/x'], { timeoutMs }),
        collect(store.list('late/', { timeoutMs })),
        store.capabilities({ timeoutMs }),
      ];
      for (const call of calls) {
        expect(await failureOf(call)).toMatchObject({ code: 'storage-unavailable', fault: 'storage', retryable: true });
      }
      expect(await store.head('late/x')).toBeUndefined();
    });

    it('keeps the limits of a call that gets no answer', async () => {
      if (opened.hang === undefined) return;
      const { key, release } = opened.hang();
      try {
        const late = await failureOf(store.get(key, { timeoutMs: 50 }));
        expect(late).toMatchObject({
          code: 'storage-unavailable',
          retryable: true,
          details: { vendorCode: 'Timeout' },
        });
        const caller = new AbortController();
        const call = failureOf(store.get(key, { signal: caller.signal, timeoutMs: 600_000 }));
        caller.abort();
        expect((await call).code).toBe('aborted');
      } finally {
        release();
      }
      expect(await store.get(key, { timeoutMs: 60_000 })).toBeUndefined();
    });

    it('does what it is asked within generous limits', async () => {
      const limits = { signal: new AbortController().signal, timeoutMs: 60_000 };
      await store.put(objectOf('limits/x', 'here'), limits);
      expect((await store.get('limits/x', limits))?.bytes).toBe(4);
      expect((await store.head('limits/x', limits))?.bytes).toBe(4);
      expect(await collect(store.list('limits/', limits))).toHaveLength(1);
      await store.delete(['limits/x', 'limits/y'], limits);
      expect(await store.head('limits/x', limits)).toBeUndefined();
      expect(await store.capabilities(limits)).toEqual(able);
    });

    it('closes for good', async () => {
      const second = await open();
      await second.store.put(objectOf('x'));
      await second.store.close();
      await second.store.close();
      expect((await failureOf(second.store.put(objectOf('y')))).code).toBe('aborted');
      expect((await failureOf(second.store.head('x'))).code).toBe('aborted');
      await second.close();
    });
  });
}
