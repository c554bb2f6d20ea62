import { z } from 'zod';
import { flag, httpUrl, numeric, seconds } from './values.js';

/** Storage: where segments and thumbnails are published. */

const units: Readonly<Record<string, number>> = {
  '': 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
};

/** A number of bytes, or a string such as `64MiB` or `20MB`. */
const bytes = z
  .union([z.number(), z.string()], 'expected a number of bytes, such as 64MiB')
  .transform((value, context) => {
    const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*([KMG]iB|kB|MB|GB)?$/.exec(String(value)) ?? [];
    if (digits === undefined) {
      context.addIssue({ code: 'custom', message: 'expected a number of bytes, such as 64MiB' });
      return z.NEVER;
    }
    return Math.round(Number(digits) * (units[unit ?? ''] ?? 1));
  });

const s3 = z
  .strictObject({
    vendor: z
      .enum(['auto', 'aws', 'r2', 'minio', 'b2', 'gcs', 'ceph', 'wasabi', 'spaces', 'other'])
      .default('auto')
      .describe('Storage vendor. `auto`: detected from the endpoint; AWS if no endpoint is set.'),
    endpoint: httpUrl.optional().describe('URL of the store. Unset: AWS.'),
    region: z
      .string()
      .min(1)
      .default('auto')
      .describe("Region. `auto`: taken from the endpoint, the AWS environment or the vendor's default."),
    bucket: z.string().min(1).describe('Bucket. Required when `storage.type` is `s3`.'),
    prefix: z
      .string()
      .regex(
        /^(?!\/)(?!.*\/\/)[A-Za-z0-9!_.*'()/-]*$/,
        "expected letters, digits and !_.*'()-/ without a leading or double slash",
      )
      .default('')
      .transform((prefix) => (prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`))
      .describe('Prefix of every key, with or without a trailing slash.'),
    accessKeyId: z.string().min(1).optional().describe('Access key ID. Unset: the credential chain of the AWS SDK.'),
    secretAccessKey: z.string().min(1).optional().describe('Secret access key, set together with `accessKeyId`.'),
    sessionToken: z.string().min(1).optional().describe('Session token of temporary credentials. Requires a key pair.'),
    forcePathStyle: flag
      .optional()
      .meta({ description: '`true`: the bucket is in the path; `false`: in the host name.', unset: 'by vendor' }),
    publicUrl: httpUrl
      .optional()
      .describe(
        'Base URL that players use for the published objects: `{publicUrl}/{stream}/index.m3u8`. Include the prefix ' +
          'if it is part of that URL.',
      ),
    acl: z
      .enum(['private', 'public-read', 'authenticated-read', 'bucket-owner-full-control'])
      .optional()
      .describe('ACL of uploaded objects. Sent only when set, because many stores reject it.'),
    storageClass: z
      .string()
      .regex(/^[A-Z0-9_]{1,64}$/, 'expected a storage class such as STANDARD or STANDARD_IA')
      .optional()
      .describe("Storage class by the vendor's name, such as `STANDARD_IA`."),
    serverSideEncryption: z
      .enum(['AES256', 'aws:kms', 'aws:kms:dsse'])
      .optional()
      .describe('Server-side encryption of uploaded objects. Unset, if `kmsKeyId` is set: `aws:kms`.'),
    kmsKeyId: z.string().min(1).optional().describe('Key for `aws:kms` and `aws:kms:dsse`.'),
    caFile: z.string().min(1).optional().describe('PEM file with additional certificate authorities for the endpoint.'),
    concurrency: numeric(z.number().int().min(1).max(256))
      .default(16)
      .describe('Maximum number of concurrent requests, and of connections that are kept open.'),
  })
  .superRefine((value, context) => {
    if (value.kmsKeyId !== undefined && !value.serverSideEncryption?.startsWith('aws:kms')) {
      context.addIssue({ code: 'custom', path: ['kmsKeyId'], message: 'requires serverSideEncryption: aws:kms' });
    }
    if (value.sessionToken !== undefined && value.accessKeyId === undefined) {
      context.addIssue({
        code: 'custom',
        path: ['sessionToken'],
        message: 'requires accessKeyId and secretAccessKey',
      });
    }
    if ((value.accessKeyId === undefined) !== (value.secretAccessKey === undefined)) {
      const missing = value.accessKeyId === undefined ? 'accessKeyId' : 'secretAccessKey';
      context.addIssue({
        code: 'custom',
        path: [missing],
        message: 'accessKeyId and secretAccessKey must be set together',
      });
    }
    if (value.endpoint === undefined && ['r2', 'minio', 'ceph', 'spaces', 'other'].includes(value.vendor)) {
      context.addIssue({ code: 'custom', path: ['endpoint'], message: `required for vendor ${value.vendor}` });
    }
  });

const directory = z.strictObject({
  path: z.string().min(1).describe('Directory. Required when `storage.type` is `directory`.'),
});

/** A second store that takes over while the first accepts no uploads. */
const fallback = z
  .strictObject({
    type: z
      .enum(['s3', 'directory'])
      .describe('Second store, which takes over while the first accepts no uploads. Required with the settings below.'),
    s3: s3.optional(),
    directory: directory.optional(),
    afterSeconds: seconds.default(30).describe('How long the first store must accept no uploads before failover.'),
    handBackAfterSeconds: seconds
      .default(10)
      .describe('How long the first store must respond again before it takes over again.'),
  })
  .superRefine((value, context) => {
    if (value[value.type] === undefined) {
      context.addIssue({
        code: 'custom',
        path: [value.type],
        message: `required when storage.fallback.type is ${value.type}`,
      });
    }
  });

export const storage = z
  .strictObject({
    type: z
      .enum(['memory', 's3', 'directory'])
      .default('memory')
      .describe(
        '`memory`: nothing is published outside the node. `s3`: an object store. `directory`: files, for tests and ' +
          'for web servers.',
      ),
    s3: s3.optional(),
    directory: directory.optional(),
    cleanup: z
      .enum(['delete', 'keep'])
      .default('delete')
      .describe('What happens on the store to segments that have left the window: `delete` or `keep`.'),
    backlogBytes: bytes
      .default(64 * 1024 ** 2)
      .describe(
        'Maximum number of bytes that wait for upload. The excess is dropped and counted. Units: KiB, MiB, GiB, kB, MB ' +
          'or GB.',
      ),
    fallback: fallback.optional(),
    /** One lease object per stream. It names the one node that may write the stream. */
    lease: z
      .strictObject({
        enabled: flag
          .default(true)
          .describe(
            'Ensures that one node at a time writes a stream. `false`: the operator must ensure it. See [storage](storage.md).',
          ),
        ttlSeconds: numeric(z.number().min(3).max(300))
          .default(12)
          .describe(
            'Lease duration: how long a crashed node keeps others, or itself after a restart, from taking over.',
          ),
      })
      .prefault({}),
    /** Verifies that every listed segment can be read. */
    audit: z
      .strictObject({
        enabled: flag
          .default(true)
          .describe('Verifies that every listed segment is on the store, and at its public URL if there is one.'),
        intervalSeconds: seconds.default(60).describe('Time between two audits.'),
      })
      .prefault({}),
    orphanIntervalSeconds: seconds
      .default(600)
      .describe(
        'Time between two searches for segments of dead sessions. There is also one at start. Only with `cleanup: delete`.',
      ),
    required: flag
      .default(false)
      .describe(
        '`true`: `/readyz` responds with 503 if the playlist of a live stream is missing on the store, far behind, or ' +
          'written by another node.',
      ),
  })
  .superRefine((value, context) => {
    if (value.type !== 'memory' && value[value.type] === undefined) {
      context.addIssue({ code: 'custom', path: [value.type], message: `required when storage.type is ${value.type}` });
    }
    for (const name of ['fallback', 'required'] as const) {
      if (value.type === 'memory' && value[name])
        context.addIssue({ code: 'custom', path: [name], message: 'requires storage.type s3 or directory' });
    }
  });
