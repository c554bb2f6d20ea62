import { afterEach, describe, expect, it } from 'vitest';
import { createS3Store, type S3StoreOptions } from '../../src/storage/s3.js';
import type { ObjectStore } from '../../src/storage/store.js';
import { s3ConfigFor } from '../support/s3/config.js';
import { type S3Server, startS3Server } from '../support/s3/server.js';
import type { ServerSettings } from '../support/s3/settings.js';
import { failureOf, objectOf } from './contract.js';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function open(
  settings: Partial<ServerSettings>,
  change: Record<string, unknown> = {},
  options: S3StoreOptions = {},
): Promise<{ server: S3Server; store: ObjectStore; operations: () => (string | undefined)[] }> {
  const server = await startS3Server({ settings });
  const store = await createS3Store(s3ConfigFor(server, change), options);
  closers.push(server.close, store.close);
  return { server, store, operations: () => server.log.map((entry) => entry.operation) };
}

const everything = {
  ifNoneMatch: true,
  ifMatch: true,
  checksum: true,
  acl: true,
  batchDelete: 'crc32',
  metadata: true,
};

describe('capabilities', () => {
  it.each([
    ['everything', {}, everything],
    ['no ACL (AWS)', { refuseAcl: 'aws' }, { ...everything, acl: false }],
    ['no ACL (R2)', { refuseAcl: 'r2' }, { ...everything, acl: false }],
    ['no ACL (B2)', { refuseAcl: 'b2' }, { ...everything, acl: false }],
    ['conditions refused', { conditionalPut: 'refuse' }, { ...everything, ifMatch: false, ifNoneMatch: false }],
    ['conditions ignored', { conditionalPut: 'ignore' }, { ...everything, ifMatch: false, ifNoneMatch: false }],
    ['If-Match always 412', { conditionalPut: 'if-match-broken' }, { ...everything, ifMatch: false }],
    ['If-Match without quotes', { conditionalPut: 'if-match-bare' }, everything],
    ['no checksums', { refuseChecksum: true }, { ...everything, checksum: false, batchDelete: 'md5' }],
    ['deletes by Content-MD5', { batchDelete: 'md5' }, { ...everything, batchDelete: 'md5' }],
    ['no batch delete', { batchDelete: 'refuse' }, { ...everything, batchDelete: 'none' }],
  ] as const)('are found: %s', async (_, settings, expected) => {
    const { store, server } = await open(settings);
    expect(await store.capabilities()).toEqual(expected);
    expect(server.objects().size).toBe(0);
  });

  it('are found where a key takes one write a second', async () => {
    const { store } = await open({ oneWriteASecond: true, conditionalPut: 'ignore' });
    expect(await store.capabilities()).toMatchObject({ ifNoneMatch: false, ifMatch: false });
  });

  it('are asked for once, even by many at a time', async () => {
    const { store, server } = await open({});
    await Promise.all([store.capabilities(), store.capabilities(), store.put(objectOf('a'), { ifNoneMatch: '*' })]);
    const asked = server.log.length;
    expect(asked).toBeLessThanOrEqual(9);
    await store.capabilities();
    expect(server.log).toHaveLength(asked);
  });

  it('are not guessed from a store that is down', async () => {
    const { store, server } = await open({});
    server.faults.add({ fault: { kind: 'error', status: 403, code: 'AccessDenied' } });
    expect((await failureOf(store.capabilities())).code).toBe('storage-denied');
    server.faults.clear();
    expect(await store.capabilities()).toEqual(everything);
  });

  it('are right although the store stumbles', async () => {
    const { store, server } = await open({});
    server.faults.add({ fault: { kind: 'error', status: 503, code: 'SlowDown' }, skip: 1, count: 2 });
    expect(await store.capabilities()).toEqual(everything);
    expect(server.objects().size).toBe(0);
  });

  it('let one caller go without the others', async () => {
    const { store, server } = await open({});
    server.faults.add({ fault: { kind: 'latency', ms: 50 } });
    const leaving = new AbortController();
    const left = failureOf(store.capabilities({ signal: leaving.signal }));
    const stays = store.capabilities();
    leaving.abort();
    expect((await left).code).toBe('aborted');
    expect(await stays).toEqual(everything);
  });
});

describe('what a store refuses', () => {
  it('ACL: written without, said once, remembered', async () => {
    const notices: string[] = [];
    const onNotice = (message: string): void => void notices.push(message);
    const { store, server } = await open({ refuseAcl: 'r2' }, { acl: 'public-read' }, { onNotice });
    for (const key of ['a', 'b', 'c']) await store.put(objectOf(key));
    expect(server.log.map((entry) => entry.status)).toEqual([501, 200, 200, 200]);
    expect(notices).toHaveLength(1);
    expect(notices[0]).toContain('storage.s3.acl');
  });

  it('an ACL that is merely forbidden is not dropped', async () => {
    const { store, server } = await open({}, { acl: 'public-read' });
    server.faults.add({ fault: { kind: 'error', status: 403, code: 'AccessDenied' } });
    expect((await failureOf(store.put(objectOf('a')))).code).toBe('storage-denied');
    expect(server.log).toHaveLength(1);
  });

  it('a bad request that has nothing to do with the ACL stays an error and teaches nothing', async () => {
    const { store, server } = await open({}, { acl: 'public-read' });
    server.faults.add({ fault: { kind: 'error', status: 400, code: 'EntityTooLarge' }, count: 2 });
    expect((await failureOf(store.put(objectOf('a')))).details['vendorCode']).toBe('EntityTooLarge');
    await store.put(objectOf('a'));
    expect(server.objects().get('a')?.publicRead).toBe(true);
  });

  it.each([
    ['md5', { batchDelete: 'md5' }, ['DeleteObjects', 'DeleteObjects']],
    ['md5 where the header of the SDK is unknown too', { refuseChecksum: true }, ['DeleteObjects', 'DeleteObjects']],
    ['one by one', { batchDelete: 'refuse' }, ['DeleteObject', 'DeleteObject', 'DeleteObject', 'DeleteObject']],
  ] as const)('CRC32 on deletes: %s, remembered', async (_, settings, after) => {
    const notices: string[] = [];
    const { store, server, operations } = await open(
      settings,
      {},
      { onNotice: (message) => void notices.push(message) },
    );
    const [first, second] = [
      ['a', 'b'],
      ['c', 'd'],
    ];
    for (const key of ['a', 'b', 'c', 'd']) await store.put(objectOf(key));
    await store.delete(first!);
    await store.delete(second!);
    expect(server.objects().size).toBe(0);
    const deletes = operations().filter((name) => name?.startsWith('Delete'));
    expect(deletes).toEqual(after);
    expect(notices).toHaveLength(1);
  });

  it('a passing failure of a delete teaches nothing', async () => {
    const { store, server } = await open({});
    server.faults.add({ method: 'POST', fault: { kind: 'error', status: 503, code: 'SlowDown' }, count: 1 });
    expect((await failureOf(store.delete(['a', 'b']))).code).toBe('storage-unavailable');
    server.clearLog();
    await store.delete(['a', 'b']);
    expect(server.log[0]!.headers['x-amz-checksum-crc32']).toBeDefined();
  });

  it('conditions: refused with a word, never written unconditionally', async () => {
    const { store, server } = await open({ conditionalPut: 'ignore' });
    await store.put(objectOf('lease', 'first'));
    const failure = await failureOf(store.put(objectOf('lease', 'second'), { ifNoneMatch: '*' }));
    expect(failure).toMatchObject({ code: 'storage-misconfigured', details: { unsupported: 'ifNoneMatch' } });
    expect(server.objects().get('lease')?.body.toString()).toBe('first');
  });

  it('quotes around the ETag of If-Match: written without', async () => {
    const { store } = await open({ conditionalPut: 'if-match-bare' });
    const { etag } = await store.put(objectOf('lease', 'one'));
    await store.put(objectOf('lease', 'two'), { ifMatch: etag });
    expect((await failureOf(store.put(objectOf('lease', 'three'), { ifMatch: etag }))).code).toBe('storage-conflict');
  });
});
