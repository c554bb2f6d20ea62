import { describe, expect, it } from 'vitest';
import { configSchema } from '../../src/config/schema/schema.js';
import { resolveVendor } from '../../src/storage/s3/vendors.js';
import { createS3Store } from '../../src/storage/s3.js';
import { s3ConfigFor } from '../support/s3/config.js';
import { startS3Server } from '../support/s3/server.js';
import { failureOf, objectOf } from './contract.js';

describe('the vendor', () => {
  it.each([
    [undefined, 'auto', { vendor: 'aws', region: undefined, forcePathStyle: false, endpoint: undefined }],
    [undefined, 'eu-west-1', { vendor: 'aws', region: 'eu-west-1', endpoint: undefined }],
    ['https://s3.eu-central-1.amazonaws.com', 'auto', { vendor: 'aws', region: 'eu-central-1' }],
    ['https://0123abc.r2.cloudflarestorage.com', 'auto', { vendor: 'r2', region: 'auto', forcePathStyle: false }],
    ['https://s3.us-west-004.backblazeb2.com', 'auto', { vendor: 'b2', region: 'us-west-004', batchDelete: 'md5' }],
    ['https://storage.googleapis.com', 'auto', { vendor: 'gcs', region: 'auto', batchDelete: 'md5' }],
    ['https://s3.eu-central-2.wasabisys.com', 'auto', { vendor: 'wasabi', region: 'eu-central-2' }],
    ['https://s3.wasabisys.com', 'auto', { vendor: 'wasabi', region: 'us-east-1' }],
    ['https://fra1.digitaloceanspaces.com', 'auto', { vendor: 'spaces', region: 'fra1' }],
    [
      'http://127.0.0.1:9000',
      'auto',
      { vendor: 'other', region: 'us-east-1', forcePathStyle: true, batchDelete: 'crc32' },
    ],
    ['https://minio.example.org', 'my-region', { vendor: 'other', region: 'my-region', forcePathStyle: true }],
    ['https://r2.cloudflarestorage.com.evil.example', 'auto', { vendor: 'other' }],
  ] as const)('of %s (%s)', (endpoint, region, expected) => {
    expect(resolveVendor({ bucket: 'live', vendor: 'auto', endpoint, region })).toMatchObject(expected);
  });

  it.each([
    ['b2', 'eu-central-003', 'https://s3.eu-central-003.backblazeb2.com'],
    ['wasabi', 'auto', 'https://s3.us-east-1.wasabisys.com'],
    ['gcs', 'auto', 'https://storage.googleapis.com'],
  ] as const)('%s by name brings its endpoint', (vendor, region, endpoint) => {
    expect(resolveVendor({ bucket: 'live', vendor, region })).toMatchObject({ vendor, endpoint });
  });

  it('by name wins over the host, and path style over both', () => {
    const input = { bucket: 'live', endpoint: 'https://files.example.org', region: 'auto' } as const;
    expect(resolveVendor({ ...input, vendor: 'minio' })).toMatchObject({ vendor: 'minio', forcePathStyle: true });
    expect(resolveVendor({ ...input, vendor: 'minio', forcePathStyle: false }).forcePathStyle).toBe(false);
  });

  it('that leaves its endpoint open is an error with the name of the setting', async () => {
    expect(() => resolveVendor({ bucket: 'live', vendor: 'b2', region: 'auto' })).toThrow('storage.s3.region');
    expect(() => resolveVendor({ bucket: 'live', vendor: 'minio', region: 'auto' })).toThrow('storage.s3.endpoint');
    const config = configSchema.parse({ storage: { type: 's3', s3: { bucket: 'b', vendor: 'b2' } } }).storage.s3!;
    expect((await failureOf(createS3Store(config))).code).toBe('storage-misconfigured');
  });
});

describe('the S3 settings', () => {
  const problems = (s3: Record<string, unknown>): string[] => {
    const result = configSchema.safeParse({ storage: { type: 's3', s3: { bucket: 'b', ...s3 } } });
    return result.success ? [] : result.error.issues.map((issue) => issue.path.join('.'));
  };

  it.each([
    [{ storageClass: 'standard' }, ['storage.s3.storageClass']],
    [{ serverSideEncryption: 'rot13' }, ['storage.s3.serverSideEncryption']],
    [{ kmsKeyId: 'k' }, ['storage.s3.kmsKeyId']],
    [{ kmsKeyId: 'k', serverSideEncryption: 'AES256' }, ['storage.s3.kmsKeyId']],
    [{ sessionToken: 't' }, ['storage.s3.sessionToken']],
    [{ vendor: 'r2' }, ['storage.s3.endpoint']],
    [{ vendor: 'nobody' }, ['storage.s3.vendor']],
    [{ concurrency: 0 }, ['storage.s3.concurrency']],
    [{ accessKeyId: 'a' }, ['storage.s3.secretAccessKey']],
    [{ kmsKeyId: 'k', serverSideEncryption: 'aws:kms', storageClass: 'STANDARD_IA', concurrency: '32' }, []],
    [{ accessKeyId: 'a', secretAccessKey: 'b', sessionToken: 'c', caFile: 'ca.pem', vendor: 'aws' }, []],
  ])('%j has problems at %j', (settings, expected) => {
    expect(problems(settings)).toEqual(expected);
  });
});

describe('a bucket that is part of the endpoint', () => {
  const of = (endpoint: string, bucket = 'live') => resolveVendor({ bucket, vendor: 'auto', endpoint, region: 'auto' });

  it.each([
    ['https://0123abc.r2.cloudflarestorage.com/live', 'https://0123abc.r2.cloudflarestorage.com', 'r2'],
    ['https://0123abc.eu.r2.cloudflarestorage.com/live/', 'https://0123abc.eu.r2.cloudflarestorage.com', 'r2'],
    ['https://live.0123abc.r2.cloudflarestorage.com', 'https://0123abc.r2.cloudflarestorage.com', 'r2'],
    ['https://live.s3.eu-central-1.amazonaws.com', 'https://s3.eu-central-1.amazonaws.com', 'aws'],
    ['https://s3.eu-central-1.amazonaws.com/live', 'https://s3.eu-central-1.amazonaws.com', 'aws'],
    ['https://live.s3.us-west-004.backblazeb2.com', 'https://s3.us-west-004.backblazeb2.com', 'b2'],
    ['https://live.storage.googleapis.com', 'https://storage.googleapis.com', 'gcs'],
    ['https://storage.googleapis.com/live', 'https://storage.googleapis.com', 'gcs'],
    ['https://live.fra1.digitaloceanspaces.com', 'https://fra1.digitaloceanspaces.com', 'spaces'],
    ['https://minio.example.org:9000/live', 'https://minio.example.org:9000', 'other'],
  ])('%s is used without it, and said so', (endpoint, expected, vendor) => {
    const settings = of(endpoint);
    expect(settings).toMatchObject({ endpoint: expected, vendor });
    expect(settings.notice).toContain('storage.s3.endpoint');
    expect(settings.notice).toContain(expected);
  });

  it('the region is still read from what is left', () => {
    expect(of('https://live.s3.eu-central-1.amazonaws.com').region).toBe('eu-central-1');
    expect(of('https://live.fra1.digitaloceanspaces.com').region).toBe('fra1');
  });

  it.each([
    ['https://s3.eu-central-1.amazonaws.com', 's3'],
    ['https://live.example.org', 'live'],
    ['https://storage.example.org/storage/v1/s3', 'live'],
    ['https://storage.googleapis.com', 'storage'],
    ['http://127.0.0.1:9000/', 'live'],
  ])('%s with the bucket %s has none', (endpoint, bucket) => {
    expect(of(endpoint, bucket)).toMatchObject({ endpoint, notice: undefined });
  });

  it('that is another one is an error that names both settings', () => {
    for (const endpoint of [
      'https://0123abc.r2.cloudflarestorage.com/other',
      'https://other.s3.eu-west-1.amazonaws.com',
    ]) {
      expect(() => of(endpoint)).toThrow(/storage\.s3\.endpoint.*other/);
      expect(() => of(endpoint)).toThrow(/live/);
    }
  });

  it('reaches the bucket itself, not a folder of its name', async () => {
    const server = await startS3Server();
    const notices: string[] = [];
    const config = s3ConfigFor({ ...server, endpoint: `${server.endpoint}/live` });
    const store = await createS3Store(config, { onNotice: (message) => notices.push(message) });
    await store.put(objectOf('cam/a.ts'));
    expect([...server.objects().keys()]).toEqual(['cam/a.ts']);
    expect(notices).toHaveLength(1);
    await store.close();
    await server.close();
  });
});
