import { describe, expect, it } from 'vitest';
import { configSchema } from '../../src/config/schema.js';
import { resolveVendor } from '../../src/storage/s3/vendors.js';
import { createS3Store } from '../../src/storage/s3.js';
import { failureOf } from './contract.js';

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
    expect(resolveVendor({ vendor: 'auto', endpoint, region })).toMatchObject(expected);
  });

  it.each([
    ['b2', 'eu-central-003', 'https://s3.eu-central-003.backblazeb2.com'],
    ['wasabi', 'auto', 'https://s3.us-east-1.wasabisys.com'],
    ['gcs', 'auto', 'https://storage.googleapis.com'],
  ] as const)('%s by name brings its endpoint', (vendor, region, endpoint) => {
    expect(resolveVendor({ vendor, region })).toMatchObject({ vendor, endpoint });
  });

  it('by name wins over the host, and path style over both', () => {
    const input = { endpoint: 'https://files.example.org', region: 'auto' } as const;
    expect(resolveVendor({ ...input, vendor: 'minio' })).toMatchObject({ vendor: 'minio', forcePathStyle: true });
    expect(resolveVendor({ ...input, vendor: 'minio', forcePathStyle: false }).forcePathStyle).toBe(false);
  });

  it('that leaves its endpoint open is an error with the name of the setting', async () => {
    expect(() => resolveVendor({ vendor: 'b2', region: 'auto' })).toThrow('storage.s3.region');
    expect(() => resolveVendor({ vendor: 'minio', region: 'auto' })).toThrow('storage.s3.endpoint');
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
