import { z } from 'zod';
import { flag, httpUrl, numeric, seconds } from './values.js';

/** Where segments and pictures are kept for others. */

const units: Readonly<Record<string, number>> = {
  '': 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
};

/** A number of bytes, or a text such as `64MiB` or `20MB`. */
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
      .describe('Whose store it is. `auto` goes by the endpoint; without one it is AWS.'),
    endpoint: httpUrl.optional().describe('URL of the store. Unset: AWS.'),
    region: z
      .string()
      .min(1)
      .default('auto')
      .describe("Region. `auto`: from the endpoint, the AWS environment or the vendor's habit."),
    bucket: z.string().min(1).describe('Bucket, needed when `storage.type` is `s3`.'),
    prefix: z
      .string()
      .regex(
        /^(?!\/)(?!.*\/\/)[A-Za-z0-9!_.*'()/-]*$/,
        "expected letters, digits and !_.*'()-/ without a leading or double slash",
      )
      .default('')
      .transform((prefix) => (prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`))
      .describe('Goes before every key, with or without a slash at its end.'),
    accessKeyId: z.string().min(1).optional().describe("Key pair. Unset: the AWS SDK's own chain."),
    secretAccessKey: z.string().min(1).optional().describe('The other half of the key pair.'),
    sessionToken: z.string().min(1).optional().describe('For temporary credentials only, beside the key pair.'),
    forcePathStyle: flag
      .optional()
      .meta({ description: '`true`: the bucket in the path; `false`: in the host name.', unset: 'by vendor' }),
    publicUrl: httpUrl
      .optional()
      .describe(
        'Where players find the tree: `{publicUrl}/{stream}/index.m3u8`. A prefix that is part of the URL is ' +
          'written here too.',
      ),
    acl: z
      .enum(['private', 'public-read', 'authenticated-read', 'bucket-owner-full-control'])
      .optional()
      .describe('The ACL of what is uploaded; sent only when set, as many stores refuse it.'),
    storageClass: z
      .string()
      .regex(/^[A-Z0-9_]{1,64}$/, 'expected a storage class such as STANDARD or STANDARD_IA')
      .optional()
      .describe("The vendor's name, such as `STANDARD_IA`."),
    serverSideEncryption: z
      .enum(['AES256', 'aws:kms', 'aws:kms:dsse'])
      .optional()
      .describe('How the store encrypts what is uploaded. Unset with `kmsKeyId`: `aws:kms`.'),
    kmsKeyId: z.string().min(1).optional().describe('The key for `aws:kms` and `aws:kms:dsse`.'),
    caFile: z.string().min(1).optional().describe('PEM file of further certificate authorities for the endpoint.'),
    concurrency: numeric(z.number().int().min(1).max(256))
      .default(16)
      .describe('Requests at a time, so also the connections that are kept open.'),
  })
  .superRefine((value, context) => {
    if (value.kmsKeyId !== undefined && !value.serverSideEncryption?.startsWith('aws:kms')) {
      context.addIssue({ code: 'custom', path: ['kmsKeyId'], message: 'needs serverSideEncryption: aws:kms' });
    }
    if (value.sessionToken !== undefined && value.accessKeyId === undefined) {
      context.addIssue({ code: 'custom', path: ['sessionToken'], message: 'needs accessKeyId and secretAccessKey' });
    }
    if ((value.accessKeyId === undefined) !== (value.secretAccessKey === undefined)) {
      const missing = value.accessKeyId === undefined ? 'accessKeyId' : 'secretAccessKey';
      context.addIssue({ code: 'custom', path: [missing], message: 'needed beside the other half of the key pair' });
    }
    if (value.endpoint === undefined && ['r2', 'minio', 'ceph', 'spaces', 'other'].includes(value.vendor)) {
      context.addIssue({ code: 'custom', path: ['endpoint'], message: `needed for the vendor ${value.vendor}` });
    }
  });

const directory = z.strictObject({
  path: z.string().min(1).describe('The directory, needed when `storage.type` is `directory`.'),
});

/** A second store that takes over while the first takes nothing. */
const fallback = z
  .strictObject({
    type: z
      .enum(['s3', 'directory'])
      .describe('A second store that takes over while the first takes nothing. Needed with the others.'),
    s3: s3.optional(),
    directory: directory.optional(),
    afterSeconds: seconds.default(30).describe('How long the first store may take nothing before the second is used.'),
    handBackAfterSeconds: seconds
      .default(10)
      .describe('How long the first store must answer again before it is handed back to.'),
  })
  .superRefine((value, context) => {
    if (value[value.type] === undefined) {
      context.addIssue({
        code: 'custom',
        path: [value.type],
        message: `needed when storage.fallback.type is ${value.type}`,
      });
    }
  });

export const storage = z
  .strictObject({
    type: z
      .enum(['memory', 's3', 'directory'])
      .default('memory')
      .describe(
        '`memory`: nothing leaves the node. `s3`: an object store. `directory`: files, for tests and for web ' +
          'servers.',
      ),
    s3: s3.optional(),
    directory: directory.optional(),
    cleanup: z
      .enum(['delete', 'keep'])
      .default('delete')
      .describe('Whether segments behind the window are deleted from the store.'),
    backlogBytes: bytes
      .default(64 * 1024 ** 2)
      .describe(
        'Most bytes that wait for upload; what is beyond is dropped and counted. Texts end with KiB, MiB, GiB, kB, ' +
          'MB or GB.',
      ),
    fallback: fallback.optional(),
    /** An object a stream that names the one node that may write it. */
    lease: z
      .strictObject({
        enabled: flag
          .default(true)
          .describe(
            'Whether one node at a time writes a stream. `false`: the operator sees to that. See [storage](storage.md).',
          ),
        ttlSeconds: numeric(z.number().min(3).max(300))
          .default(12)
          .describe('How long a node that has died keeps another, or itself after a restart, from taking over.'),
      })
      .prefault({}),
    /** Whether every listed segment can really be read. */
    audit: z
      .strictObject({
        enabled: flag
          .default(true)
          .describe('Whether every listed segment is looked up on the store, and at its public URL if there is one.'),
        intervalSeconds: seconds.default(60).describe('Time from audit to audit.'),
      })
      .prefault({}),
    orphanIntervalSeconds: seconds
      .default(600)
      .describe(
        'How often segments of sessions that have died are looked for; also on start. Only with `cleanup: delete`.',
      ),
    required: flag
      .default(false)
      .describe(
        "Whether a live stream whose playlist on the store is missing, far behind or another node's makes `/readyz` " +
          'answer 503.',
      ),
  })
  .superRefine((value, context) => {
    if (value.type !== 'memory' && value[value.type] === undefined) {
      context.addIssue({ code: 'custom', path: [value.type], message: `needed when storage.type is ${value.type}` });
    }
    for (const name of ['fallback', 'required'] as const) {
      if (value.type === 'memory' && value[name])
        context.addIssue({ code: 'custom', path: [name], message: 'only where storage.type is s3 or directory' });
    }
  });
