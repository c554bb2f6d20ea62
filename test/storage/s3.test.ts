import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createS3Store } from '../../src/storage/s3.js';
import { s3ConfigFor } from '../support/s3/config.js';
import { type S3Server, startS3Server } from '../support/s3/server.js';
import { collect, describeStore, failureOf, keysOf, objectOf } from './contract.js';

function hangingKey({ faults }: S3Server): { key: string; release(): void } {
  faults.add({ key: /hangs$/, fault: { kind: 'stall' } });
  return { key: 'hangs', release: () => faults.clear() };
}

describeStore('S3 (test server)', async () => {
  const server = await startS3Server();
  const store = await createS3Store(s3ConfigFor(server));
  return {
    store,
    hang: () => hangingKey(server),
    async close() {
      await store.close();
      await server.close();
    },
  };
});

describeStore('S3 under a prefix, in small pages', async () => {
  const server = await startS3Server({ settings: { pageSize: 2 } });
  const store = await createS3Store(s3ConfigFor(server, { prefix: 'some/where' }));
  return {
    store,
    hang: () => hangingKey(server),
    async close() {
      const strays = [...server.objects().keys()].filter((key) => !key.startsWith('some/where/'));
      await store.close();
      await server.close();
      expect(strays).toEqual([]);
    },
  };
});

describeStore('S3 that refuses whatever can be refused', async () => {
  const server = await startS3Server({
    settings: { refuseAcl: 'r2', refuseChecksum: true, conditionalPut: 'refuse', batchDelete: 'refuse' },
  });
  const store = await createS3Store(s3ConfigFor(server, { acl: 'public-read' }));
  return {
    store,
    hang: () => hangingKey(server),
    async close() {
      await store.close();
      await server.close();
    },
  };
});

describe('the S3 store', () => {
  let server: Awaited<ReturnType<typeof startS3Server>>;
  beforeAll(async () => {
    server = await startS3Server();
  });
  afterAll(() => server.close());

  it('sends what the settings ask for and nothing that vendors stumble over', async () => {
    const more = {
      storageClass: 'STANDARD_IA',
      serverSideEncryption: 'aws:kms',
      kmsKeyId: 'key-1',
      acl: 'public-read',
    };
    const store = await createS3Store(s3ConfigFor(server, more));
    await store.put(objectOf('rich', 'x', { cacheControl: 'no-store', metadata: { a: 'b' } }));
    expect(server.objects().get('rich')).toMatchObject({
      publicRead: true,
      headers: {
        'content-type': 'text/plain',
        'cache-control': 'no-store',
        'x-amz-meta-a': 'b',
        'x-amz-storage-class': 'STANDARD_IA',
        'x-amz-server-side-encryption': 'aws:kms',
        'x-amz-server-side-encryption-aws-kms-key-id': 'key-1',
      },
    });
    await store.close();

    const plain = await createS3Store(s3ConfigFor(server));
    server.clearLog();
    await plain.put(objectOf('plain', Buffer.alloc(3_000_000)));
    const names = Object.keys(server.log[0]!.headers);
    expect(names.filter((name) => /checksum|acl|expect|trailer|encryption|storage-class/.test(name))).toEqual([]);
    expect(server.log[0]!.headers['x-amz-content-sha256']).toMatch(/^[0-9a-f]{64}$/);
    await plain.close();
  });

  it('signs with a session token', async () => {
    const credentials = {
      accessKeyId: 'TEMPORARYKEY',
      secretAccessKey: 'temporary-secret',
      sessionToken: 'session/token==',
    };
    const temporary = await startS3Server({ credentials: [credentials] });
    const store = await createS3Store(s3ConfigFor(temporary, { sessionToken: credentials.sessionToken }));
    await store.put(objectOf('a'));
    expect(await keysOf(store)).toEqual(['a']);
    await store.close();
    await temporary.close();
  });

  it('takes its credentials from the SDK’s chain where the settings have none', async () => {
    const keep = { ...process.env };
    const { accessKeyId: _, secretAccessKey: __, ...config } = s3ConfigFor(server);
    try {
      process.env['AWS_ACCESS_KEY_ID'] = server.credentials.accessKeyId;
      process.env['AWS_SECRET_ACCESS_KEY'] = server.credentials.secretAccessKey;
      const store = await createS3Store(config);
      await store.put(objectOf('chain'));
      await store.close();
      expect(server.objects().has('chain')).toBe(true);

      delete process.env['AWS_ACCESS_KEY_ID'];
      process.env['AWS_EC2_METADATA_DISABLED'] = 'true';
      for (const name of ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) process.env[name] = '/no/such/file';
      const none = await createS3Store(config);
      const failure = await failureOf(none.put(objectOf('chain')));
      expect(failure).toMatchObject({ code: 'storage-misconfigured', retryable: false });
      expect(failure.message).toContain('storage.s3.accessKeyId');
      await none.close();
    } finally {
      process.env = keep;
    }
  });

  it('keeps as many connections as it may have requests at a time, and uses them again', async () => {
    const counted = await startS3Server();
    const store = await createS3Store(s3ConfigFor(counted, { concurrency: 4 }));
    for (let round = 0; round < 3; round += 1) {
      await Promise.all(Array.from({ length: 40 }, (_, index) => store.put(objectOf(`many/${index}`))));
    }
    expect(counted.objects().size).toBe(40);
    expect(counted.connections.total).toBe(4);
    await store.close();
    await counted.close();
  });

  it('lists thousands page by page', async () => {
    const big = await startS3Server({ settings: { pageSize: 100 } });
    const store = await createS3Store(s3ConfigFor(big, { prefix: 'p' }));
    const keys = Array.from({ length: 450 }, (_, index) => `k/${String(index).padStart(4, '0')}`);
    // A few at a time, because each has a deadline of its own, in which it also waits for a connection.
    for (let at = 0; at < keys.length; at += 30) {
      await Promise.all(keys.slice(at, at + 30).map((key) => store.put(objectOf(key, 'x'))));
    }
    big.clearLog();
    expect(await keysOf(store, 'k/')).toEqual(keys);
    expect(big.log.filter((entry) => entry.operation === 'ListObjectsV2')).toHaveLength(5);
    await store.delete(keys);
    expect(big.objects().size).toBe(0);
    await store.close();
    await big.close();
  });

  it('keeps the limit of a call over all of its requests', async () => {
    const paged = await startS3Server({ settings: { pageSize: 1 } });
    const store = await createS3Store(s3ConfigFor(paged));
    await Promise.all(Array.from({ length: 20 }, (_, index) => store.put(objectOf(`k/${index}`))));
    paged.faults.add({ fault: { kind: 'latency', ms: 50 } });
    expect(await failureOf(collect(store.list('k/', { timeoutMs: 400 })))).toMatchObject({
      code: 'storage-unavailable',
      details: { vendorCode: 'Timeout' },
    });
    expect(await collect(store.list('k/', { timeoutMs: 60_000 }))).toHaveLength(20);
    await store.close();
    await paged.close();
  });

  it('deletes in batches of a thousand', async () => {
    const store = await createS3Store(s3ConfigFor(server));
    server.clearLog();
    await store.delete(Array.from({ length: 2001 }, (_, index) => `never/${index}`));
    expect(server.log.map((entry) => entry.operation)).toEqual(['DeleteObjects', 'DeleteObjects', 'DeleteObjects']);
    await store.close();
  });
});
