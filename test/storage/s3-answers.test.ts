import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { errorClass } from '../../src/storage/publish/queue/retry.js';
import { createS3Store } from '../../src/storage/s3.js';
import type { ObjectStore } from '../../src/storage/store.js';
import { pages } from '../support/pages.js';
import { s3ConfigFor } from '../support/s3/config.js';
import { type S3Server, startS3Server } from '../support/s3/server.js';
import { collect, failureOf, objectOf } from './contract.js';

/** The table of answers: what each status means for an object that is uploaded. `give-up` would cost it. */

let server: S3Server;
let store: ObjectStore;

beforeAll(async () => {
  server = await startS3Server();
  store = await createS3Store(s3ConfigFor(server));
});
afterEach(() => server.faults.clear());
afterAll(async () => {
  await store.close();
  await server.close();
});

const statuses = Array.from({ length: 200 }, (_, index) => 400 + index);
const body = Buffer.alloc(2000, 'x');
const put = (key = 'cam/source/s-1.ts'): Promise<unknown> => store.put(objectOf(key, body));

/** As docs/storage.md says: an outage passes; credentials and settings are somebody's move; the rest is refused for now. */
function expectedClass(status: number, isPage: boolean): string {
  if ([408, 425, 429].includes(status)) return 'retry';
  if (status >= 500 && status !== 501) return 'retry';
  if (!isPage && [401, 403, 405].includes(status)) return 'reconfigure';
  return 'refused';
}

it.each([
  ['a web page', true],
  ['an S3 error with a code that nobody knows', false],
] as const)(
  'no status from 400 to 599 in %s costs an object',
  async (_, isPage) => {
    const outcomes = new Map<number, string>();
    for (const status of statuses) {
      server.faults.clear();
      server.faults.add({
        fault: isPage
          ? { kind: 'page', status, body: `<html><head><title>${status} Odd</title></head><body><hr></body></html>` }
          : { kind: 'error', status, code: 'SomethingNew' },
      });
      const failure = await failureOf(put());
      outcomes.set(status, errorClass(failure));
      expect(failure.details).toMatchObject({
        operation: 'put',
        status,
        vendorCode: isPage ? `HTTP${status}` : 'SomethingNew',
      });
      if (errorClass(failure) !== 'retry') expect(failure.details['remedy'], `${status}`).toMatch(/\w/);
    }
    const expected = new Map(statuses.map((status) => [status, expectedClass(status, isPage)]));
    expect([...outcomes]).toEqual([...expected]);
  },
  60_000,
);

it('the answers that are final are three, and all of them about the object itself', async () => {
  for (const code of ['KeyTooLongError', 'MetadataTooLarge', 'InvalidURI']) {
    server.faults.add({ fault: { kind: 'error', status: 400, code } });
    expect(errorClass(await failureOf(put()))).toBe('give-up');
    server.faults.clear();
  }
});

describe.each(pages)('the page of $name', ({ name, status, headers, body: text }) => {
  const answer = (): void => server.faults.add({ fault: { kind: 'page', status, headers, body: text } });
  const expected = status === 520 ? 'retry' : status === 200 ? 'reconfigure' : 'refused';

  it.each([
    'cam/source/s-1.ts',
    'cam/source/s-init.mp4',
    'cam/source/index.m3u8',
    'cam/index.m3u8',
    'cam/thumbnail.jpg',
    'cam/stills/1.jpg',
    'cam/lease.json',
    '_state/streams.sealed',
  ])('does not cost %s', async (key) => {
    answer();
    const failure = await failureOf(put(key));
    expect(errorClass(failure)).toBe(expected);
    expect(failure.message).toContain('web page');
    if (status === 413) {
      expect(failure.details['remedy']).toContain('client_max_body_size');
      expect(failure.details['remedy']).toContain(`${body.byteLength} bytes`);
    }
  });

  it('is no object, no absence and no listing', async () => {
    answer();
    for (const call of [
      () => store.get('cam/lease.json'),
      () => store.head('cam/lease.json'),
      () => collect(store.list('cam/')),
      () => store.delete(['cam/a.ts']),
      () => store.delete(['cam/a.ts', 'cam/b.ts']),
    ]) {
      expect(errorClass(await failureOf(call())), name).toBe(expected);
    }
  });

  it('is quoted without control characters, and in one line', async () => {
    server.faults.add({
      fault: { kind: 'page', status, headers, body: '<title>\u001b[31mRed\r\nalert\u0007</title><script>x</script>' },
    });
    const { message } = await failureOf(put());
    expect(message).toContain('Red alert');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is the promise.
    expect(message).not.toMatch(/[\u0000-\u001f\u007f]/);
  });
});

it('a 404 of a web server is not the absence of an object, one of a store is', async () => {
  server.faults.add({ fault: { kind: 'page', status: 404, body: '<title>404 Not Found</title>' }, count: 2 });
  expect(errorClass(await failureOf(store.head('cam/source/s-1.ts')))).toBe('refused');
  expect(errorClass(await failureOf(store.get('cam/source/s-1.ts')))).toBe('refused');
  expect(await store.head('cam/source/none.ts')).toBeUndefined();
  expect(await store.get('cam/source/none.ts')).toBeUndefined();
});

it('412 is a conflict only for a write with a condition', async () => {
  await store.capabilities();
  server.faults.add({ fault: { kind: 'error', status: 412, code: 'PreconditionFailed' } });
  expect(errorClass(await failureOf(put()))).toBe('refused');
  expect(errorClass(await failureOf(store.put(objectOf('cam/x.ts'), { ifNoneMatch: '*' })))).toBe('conflict');
});

it('a refusal that passes teaches nothing about what the store can do', async () => {
  const fresh = await createS3Store(s3ConfigFor(server));
  server.faults.add({ fault: { kind: 'error', status: 400, code: 'InvalidRequest' }, skip: 1 });
  await failureOf(fresh.capabilities());
  server.faults.clear();
  expect(await fresh.capabilities()).toMatchObject({ ifNoneMatch: true, ifMatch: true, checksum: true, acl: true });
  await fresh.close();
});
