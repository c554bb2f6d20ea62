import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { S3Config } from '../../src/config/schema/schema.js';
import { probeStore } from '../../src/storage/probe.js';
import { createS3Store } from '../../src/storage/s3.js';
import { describeStore, failureOf, keysOf, objectOf } from '../storage/contract.js';
import { type Ceph, startCeph } from '../support/ceph.js';
import { s3ConfigFor } from '../support/s3/config.js';

let ceph: Ceph;
let buckets = 0;

beforeAll(async () => {
  ceph = await startCeph();
}, 300_000);
afterAll(() => ceph?.close());

async function newBucket(): Promise<S3Config> {
  buckets += 1;
  const bucket = `bucket-${buckets}`;
  const { endpoint, credentials } = ceph;
  const client = new S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: bucket }), { abortSignal: AbortSignal.timeout(60_000) });
  client.destroy();
  return s3ConfigFor(ceph, { bucket, vendor: 'ceph' });
}

describeStore("Ceph's RADOS gateway", async () => {
  const store = await createS3Store({ ...(await newBucket()), prefix: 'live/here/' });
  return { store, close: () => store.close() };
});

describe("Ceph's RADOS gateway", () => {
  it('is found out, with the If-Match of version 16 that wants its ETag without quotes', async () => {
    const store = await createS3Store(await newBucket());
    const able = await store.capabilities();
    expect(able).toEqual({
      ifNoneMatch: true,
      ifMatch: true,
      checksum: true,
      acl: true,
      batchDelete: 'crc32',
      metadata: true,
    });
    await store.close();
  });

  it('passes the probe, which leaves nothing behind', async () => {
    const config = await newBucket();
    const store = await createS3Store({ ...config, acl: 'public-read', prefix: 'p/' });
    const results = await probeStore(store, { publicUrl: `${ceph.endpoint}/${config.bucket}/p`, acl: 'public-read' });
    expect(results.filter((item) => !item.ok)).toEqual([]);
    expect(results.find((item) => item.check === 'public URL')?.remedy).toContain('CORS');
    expect(await keysOf(store)).toEqual([]);
    await store.close();
  });

  it('refuses wrong keys in words that the project understands', async () => {
    const config = await newBucket();
    const cases = [
      [
        { secretAccessKey: 'wrong-secret' },
        { code: 'storage-denied', details: { vendorCode: 'SignatureDoesNotMatch', status: 403 } },
      ],
      [
        { accessKeyId: 'NOBODY' },
        { code: 'storage-denied', details: { vendorCode: 'InvalidAccessKeyId', status: 403 } },
      ],
      [
        { bucket: 'no-such-bucket' },
        { code: 'storage-misconfigured', details: { vendorCode: 'NoSuchBucket', status: 404 } },
      ],
    ] as const;
    for (const [change, expected] of cases) {
      const store = await createS3Store({ ...config, ...change });
      expect(await failureOf(store.put(objectOf('a')))).toMatchObject({ ...expected, retryable: false });
      await store.close();
    }
  });

  it('lists more than one page', async () => {
    const store = await createS3Store(await newBucket());
    const keys = Array.from({ length: 1100 }, (_, index) => `k/${String(index).padStart(4, '0')}`);
    for (let at = 0; at < keys.length; at += 100)
      await Promise.all(keys.slice(at, at + 100).map((key) => store.put(objectOf(key, 'x'))));
    expect(await keysOf(store, 'k/')).toEqual(keys);
    await store.delete(keys);
    expect(await keysOf(store)).toEqual([]);
    await store.close();
  });

  it('is unavailable, and no more than that, while it is overloaded, hangs or is down', async () => {
    const store = await createS3Store(await newBucket(), { requestTimeoutMs: 2000 });
    const unavailable = { code: 'storage-unavailable', retryable: true };
    await store.put(objectOf('before', 'x'));

    await ceph.limitRequests(1);
    const many = await Promise.allSettled(
      Array.from({ length: 40 }, (_, index) => store.put(objectOf(`many/${index}`))),
    );
    await ceph.limitRequests(1024);
    const refused = many.filter((result) => result.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const { reason } of refused)
      expect(reason).toMatchObject({ ...unavailable, details: { vendorCode: 'SlowDown', status: 503 } });

    ceph.stall(true);
    // What was under way when the disk was told to stop may still be stored.
    const puts = async () => {
      for (let time = 0; time < 5; time += 1) await store.put(objectOf(`stalled/${time}`));
    };
    const stalled = await failureOf(puts()).finally(() => ceph.stall(false));
    expect(stalled).toMatchObject({ ...unavailable, details: { vendorCode: 'Timeout' } });

    await ceph.outage();
    expect(await failureOf(store.put(objectOf('down')))).toMatchObject({
      ...unavailable,
      // A connection that was open is cut, a new one is refused.
      details: { vendorCode: expect.stringMatching(/^ECONN(?:REFUSED|RESET)$/) },
    });
    await ceph.resume();
    await store.put(objectOf('after', 'x'));
    expect(Buffer.from((await store.get('before'))!.body).toString()).toBe('x');
    await store.close();
  }, 120_000);
});
