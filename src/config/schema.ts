import { z } from 'zod';

/** The one schema of the configuration. Every other place takes its types from here. */

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

/** Environment variables are text: digits there are a number. Nothing else is turned into one. */
const numeric = <Inner extends z.ZodType>(inner: Inner) =>
  z.preprocess(
    (value: number | string) => (typeof value === 'string' && /^[+-]?[\d.]+$/.test(value) ? Number(value) : value),
    inner,
  );
const port = numeric(z.number().int().min(0).max(65535));
const seconds = numeric(z.number().positive().max(86_400));
/** Environment variables are text: `true` and `false` there mean what they say. */
const flag = z.union(
  [z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')],
  'expected true or false',
);
const httpUrl = z
  .url({ protocol: /^https?$/, error: 'expected an http or https URL' })
  .transform((url) => url.replace(/\/+$/, ''));

export const streamName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]{0,62}$/,
    'expected lower-case letters, digits and hyphens, at most 63, the first no hyphen',
  );

const http = z.strictObject({
  host: z.string().min(1).default('0.0.0.0'),
  port: port.default(8080),
  publicUrl: httpUrl.optional(),
});

const rtmp = z.strictObject({ host: z.string().min(1).default('0.0.0.0'), port: port.default(1935) });
/** PEM files. */
const rtmps = z.strictObject({ port, cert: z.string().min(1), key: z.string().min(1) });

const admin = z.strictObject({ token: z.string().min(16, 'expected at least 16 characters').optional() });

const ffmpeg = z.strictObject({
  path: z.string().min(1).optional(),
  /** How long a stream may show no sign of progress before its ffmpeg is restarted. */
  stallTimeoutSeconds: seconds.default(15),
  /** How long a source may take from the start of ffmpeg to the first segment or frame. */
  startTimeoutSeconds: seconds.default(30),
});

const s3 = z
  .strictObject({
    /** `auto` recognises the vendor by the endpoint's host; without an endpoint it is AWS. */
    vendor: z.enum(['auto', 'aws', 'r2', 'minio', 'b2', 'gcs', 'ceph', 'wasabi', 'spaces', 'other']).default('auto'),
    endpoint: httpUrl.optional(),
    /** `auto`: from the endpoint's host where the vendor writes it there, else the AWS environment or the vendor's own. */
    region: z.string().min(1).default('auto'),
    bucket: z.string().min(1),
    prefix: z
      .string()
      .regex(
        /^(?!\/)(?!.*\/\/)[A-Za-z0-9!_.*'()/-]*$/,
        "expected letters, digits and !_.*'()-/ without a leading or double slash",
      )
      .default('')
      .transform((prefix) => (prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`)),
    accessKeyId: z.string().min(1).optional(),
    secretAccessKey: z.string().min(1).optional(),
    /** Temporary credentials only, beside the key pair. */
    sessionToken: z.string().min(1).optional(),
    forcePathStyle: flag.optional(),
    /** Where players find the tree: `{publicUrl}/{stream}/index.m3u8`. A prefix that is part of the URL is written here too. */
    publicUrl: httpUrl.optional(),
    acl: z.enum(['private', 'public-read', 'authenticated-read', 'bucket-owner-full-control']).optional(),
    /** The vendor's own name, such as STANDARD_IA. */
    storageClass: z
      .string()
      .regex(/^[A-Z0-9_]{1,64}$/, 'expected a storage class such as STANDARD or STANDARD_IA')
      .optional(),
    serverSideEncryption: z.enum(['AES256', 'aws:kms', 'aws:kms:dsse']).optional(),
    kmsKeyId: z.string().min(1).optional(),
    /** PEM file of further certificate authorities that the endpoint's certificate may be signed by. */
    caFile: z.string().min(1).optional(),
    /** Requests at a time, so also the connections that are kept open. */
    concurrency: numeric(z.number().int().min(1).max(256)).default(16),
  })
  .superRefine((value, context) => {
    if (value.kmsKeyId !== undefined && !value.serverSideEncryption?.startsWith('aws:kms')) {
      context.addIssue({ code: 'custom', path: ['kmsKeyId'], message: 'needs serverSideEncryption: aws:kms' });
    }
    if (value.sessionToken !== undefined && value.accessKeyId === undefined) {
      context.addIssue({ code: 'custom', path: ['sessionToken'], message: 'needs accessKeyId and secretAccessKey' });
    }
    if (value.endpoint === undefined && ['r2', 'minio', 'ceph', 'spaces', 'other'].includes(value.vendor)) {
      context.addIssue({ code: 'custom', path: ['endpoint'], message: `needed for the vendor ${value.vendor}` });
    }
  });

const storage = z
  .strictObject({
    type: z.enum(['memory', 's3', 'directory']).default('memory'),
    s3: s3.optional(),
    directory: z.strictObject({ path: z.string().min(1) }).optional(),
    cleanup: z.enum(['delete', 'keep']).default('delete'),
    backlogBytes: bytes.default(64 * 1024 ** 2),
  })
  .superRefine((value, context) => {
    if (value.type !== 'memory' && value[value.type] === undefined) {
      context.addIssue({ code: 'custom', path: [value.type], message: `needed when storage.type is ${value.type}` });
    }
    if ((value.s3?.accessKeyId === undefined) !== (value.s3?.secretAccessKey === undefined)) {
      const path = value.s3?.accessKeyId === undefined ? 'accessKeyId' : 'secretAccessKey';
      context.addIssue({ code: 'custom', path: ['s3', path], message: 'needed beside the other half of the key pair' });
    }
  });

const rendition = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'expected lower-case letters, digits and hyphens')
    .default('encoded'),
  height: numeric(z.number().int().min(64).max(4320)).default(720),
  /** Video bits a second. */
  bitrate: numeric(z.number().int().min(50_000).max(200_000_000)).default(2_500_000),
  fps: numeric(z.number().positive().max(240)).optional(),
  encoder: z.literal('libx264').default('libx264'),
  preset: z.enum(['ultrafast', 'superfast', 'veryfast', 'faster', 'fast', 'medium']).default('veryfast'),
});

const hls = z.strictObject({
  segmentSeconds: numeric(z.number().min(0.5).max(30)).default(2),
  windowSegments: numeric(z.number().int().min(3).max(100)).default(6),
  container: z.enum(['mpegts', 'fmp4']).default('mpegts'),
});

const pixels = numeric(z.number().int().min(16).max(7680));
const quality = numeric(z.number().int().min(1).max(100));

/** A further form of the thumbnail. One side alone keeps the proportions. */
const size = z.strictObject({
  /** Its part of the URL, `thumbnail-{name}.jpg`. Shorter than a content hash, so that the two never meet. */
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,15}$/, 'expected lower-case letters, digits and hyphens, at most 16')
    .optional(),
  width: pixels,
  height: pixels.optional(),
  /** `inside` keeps the whole picture, `cover` crops it to the box. */
  fit: z.enum(['inside', 'cover']).default('inside'),
});

const gate = z.strictObject({
  black: flag.default(true),
  flat: flag.default(true),
  frozen: flag.default(true),
  /** How long a black or flat frame does not replace a good one. */
  holdSeconds: numeric(z.number().min(0).max(3600)).optional(),
  frozenAfterSeconds: seconds.default(60),
  alarmAfterSeconds: numeric(z.number().min(0).max(86_400)).default(10),
});

const thumbnail = z
  .strictObject({
    intervalSeconds: numeric(z.number().min(0.1).max(3600)).default(5),
    /** The picture fits into width × height; it is never enlarged. Height defaults to 9/16 of the width. */
    width: pixels.default(1280),
    height: pixels.optional(),
    quality: quality.default(80),
    formats: z
      .array(z.enum(['jpg', 'webp', 'avif', 'png']))
      .nonempty()
      .default(['jpg']),
    /** Sizes by their width alone: `?width=` and `thumbnail-{width}.jpg`. */
    widths: z.array(pixels).max(16).optional(),
    sizes: z.array(size).max(16).optional(),
    staleAfterSeconds: seconds.default(20),
    /** How long the last good picture is served as stale before the offline picture takes its place. */
    offlineAfterSeconds: seconds.default(300),
    /** `image`: drawn by the node. Else the path of a picture file. */
    offline: z.string().min(1).default('image'),
    /** Of so many frames in an interval the sharpest becomes the picture. */
    bestOf: numeric(z.number().int().min(1).max(5)).default(1),
    gate: gate.prefault({}),
  })
  .superRefine((value, context) => {
    const wrong = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
    if (value.staleAfterSeconds <= value.intervalSeconds) {
      wrong(['staleAfterSeconds'], 'must be more than intervalSeconds');
    }
    if (value.offlineAfterSeconds < value.staleAfterSeconds) {
      wrong(['offlineAfterSeconds'], 'must not be less than staleAfterSeconds');
    }
    const { holdSeconds } = value.gate;
    const longestHold = Math.max(0, value.staleAfterSeconds - 2 * value.intervalSeconds);
    if (holdSeconds !== undefined && holdSeconds > longestHold) {
      wrong(
        ['gate', 'holdSeconds'],
        `must be at most staleAfterSeconds - 2 × intervalSeconds (${longestHold}): the picture held would go stale`,
      );
    }
    const names = new Set<string>();
    const named = (path: (string | number)[], name: string) => {
      if (names.has(name)) wrong(path, `a second size named ${name}`);
      names.add(name);
    };
    value.widths?.forEach((width, index) => named(['widths', index], String(width)));
    value.sizes?.forEach(({ name, width }, index) => named(['sizes', index], name ?? String(width)));
  });

/** The animated picture. */
const preview = z.strictObject({
  frames: numeric(z.number().int().min(1).max(30)).default(8),
  width: numeric(z.number().int().min(16).max(1280)).default(480),
  format: z.enum(['webp', 'gif']).default('webp'),
  quality: quality.default(60),
  /** How long each frame is shown. */
  frameSeconds: numeric(z.number().min(0.02).max(10)).default(0.5),
  /** Whether it is uploaded where pictures are. */
  upload: flag.default(true),
});

/** The small pictures that players show over their seek bars. */
const storyboard = z.strictObject({
  width: numeric(z.number().int().min(16).max(480)).default(160),
  columns: numeric(z.number().int().min(1).max(10)).default(5),
  rows: numeric(z.number().int().min(1).max(10)).default(5),
  quality: quality.default(60),
  /** The least time from one picture to the next. */
  intervalSeconds: seconds.default(5),
  upload: flag.default(true),
});

/** Opens one push stream; a part of the publisher's URL. */
const streamKey = z
  .string()
  .regex(/^[A-Za-z0-9._~-]{8,128}$/, 'expected 8 to 128 letters, digits, dots, hyphens, underscores or tildes');

const stream = z.strictObject({
  name: streamName,
  source: z.string().min(1).max(4096),
  /** Push only: each opens this stream. */
  keys: z.array(streamKey).min(1).max(100).optional(),
  publish: z
    .strictObject({
      whenBusy: z.enum(['reject', 'takeover']).default('reject'),
      /** A publisher that is back within this time goes on with the same window. */
      graceSeconds: numeric(z.number().min(0).max(3600)).default(30),
    })
    .prefault({}),
  video: z.literal('copy').default('copy'),
  renditions: z.array(rendition).length(1, 'one rendition for now').optional(),
  audio: z.enum(['copy', 'aac', 'none']).default('copy'),
  /** Files only: begin again at the end. */
  loop: flag.default(true),
  hls: hls.prefault({}),
  thumbnail: thumbnail.prefault({}),
  preview: preview.prefault({}),
  storyboard: storyboard.prefault({}),
});

export const configSchema = z
  .strictObject({
    http: http.prefault({}),
    rtmp: rtmp.prefault({}),
    rtmps: rtmps.optional(),
    admin: admin.prefault({}),
    ffmpeg: ffmpeg.prefault({}),
    storage: storage.prefault({}),
    log: z
      .strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info') })
      .prefault({}),
    streams: z.array(stream).max(1000).default([]),
  })
  .superRefine((value, context) => {
    const seen = new Set<string>();
    value.streams.forEach((item, index) => {
      if ((item.source === 'push') !== (item.keys !== undefined)) {
        const message = item.source === 'push' ? 'needed where source is push' : 'only where source is push';
        context.addIssue({ code: 'custom', path: ['streams', index, 'keys'], message });
      }
      if (seen.has(item.name)) {
        context.addIssue({
          code: 'custom',
          path: ['streams', index, 'name'],
          message: `a second stream named ${item.name}`,
        });
      }
      seen.add(item.name);
    });
  });

/** What a user may write. */
export type ConfigInput = z.input<typeof configSchema>;
/** What the node works with: everything defaulted and checked. */
export type Config = z.output<typeof configSchema>;
export type StreamConfig = Config['streams'][number];
export type RenditionConfig = NonNullable<StreamConfig['renditions']>[number];
export type ThumbnailConfig = StreamConfig['thumbnail'];
export type HlsConfig = StreamConfig['hls'];
export type StorageConfig = Config['storage'];
export type S3Config = NonNullable<StorageConfig['s3']>;
