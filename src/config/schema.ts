import { z } from 'zod';
import { admin, httpAccess, playback, playbackKeysOf, streamPlayback } from './schema-access.js';
import { alerts, streamAlerts } from './schema-alerts.js';
import { guard } from './schema-guard.js';
import { monitor } from './schema-monitor.js';
import { preview, storyboard, thumbnail } from './schema-pictures.js';
import { noDoubles, rendition } from './schema-renditions.js';
import { apiSources, device, input, rtsp, srt } from './schema-sources.js';
import { telemetry } from './schema-telemetry.js';
import { flag, numeric, port, seconds } from './schema-values.js';

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

const httpUrl = z
  .url({ protocol: /^https?$/, error: 'expected an http or https URL' })
  .transform((url) => url.replace(/\/+$/, ''));

const streamName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]{0,62}$/,
    'expected lower-case letters, digits and hyphens, at most 63, the first no hyphen',
  );

const http = z.strictObject({
  host: z.string().min(1).default('0.0.0.0'),
  port: port.default(8080),
  publicUrl: httpUrl.optional(),
  /** Whose pages may frame the player. */
  embedOrigins: z
    .array(
      z
        .string()
        .regex(
          /^(?:\*|https?:\/\/(?:\*\.)?[a-z0-9.-]+(?::\d{1,5})?)$/i,
          'expected an origin such as https://example.org, or *',
        ),
    )
    .default(['*']),
  ...httpAccess,
});

const rtmp = z.strictObject({ host: z.string().min(1).default('0.0.0.0'), port: port.default(1935) });
/** PEM files. */
const rtmps = z.strictObject({ port, cert: z.string().min(1), key: z.string().min(1) });

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
    if ((value.accessKeyId === undefined) !== (value.secretAccessKey === undefined)) {
      const missing = value.accessKeyId === undefined ? 'accessKeyId' : 'secretAccessKey';
      context.addIssue({ code: 'custom', path: [missing], message: 'needed beside the other half of the key pair' });
    }
    if (value.endpoint === undefined && ['r2', 'minio', 'ceph', 'spaces', 'other'].includes(value.vendor)) {
      context.addIssue({ code: 'custom', path: ['endpoint'], message: `needed for the vendor ${value.vendor}` });
    }
  });

const directory = z.strictObject({ path: z.string().min(1) });

/** A second store that takes over while the first takes nothing. */
const fallback = z
  .strictObject({
    type: z.enum(['s3', 'directory']),
    s3: s3.optional(),
    directory: directory.optional(),
    /** How long the first store may take nothing. */
    afterSeconds: seconds.default(30),
    /** How long the first store must answer again before it is handed back to. */
    handBackAfterSeconds: seconds.default(10),
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

const storage = z
  .strictObject({
    type: z.enum(['memory', 's3', 'directory']).default('memory'),
    s3: s3.optional(),
    directory: directory.optional(),
    cleanup: z.enum(['delete', 'keep']).default('delete'),
    backlogBytes: bytes.default(64 * 1024 ** 2),
    fallback: fallback.optional(),
    /** An object a stream that names the one node that may write it. */
    lease: z
      .strictObject({
        enabled: flag.default(true),
        /** How long a node that has died keeps others from taking over. */
        ttlSeconds: numeric(z.number().min(3).max(300)).default(12),
      })
      .prefault({}),
    /** Whether every listed segment can really be read. */
    audit: z.strictObject({ enabled: flag.default(true), intervalSeconds: seconds.default(60) }).prefault({}),
    /** How often segments of sessions that have died are looked for. */
    orphanIntervalSeconds: seconds.default(600),
    /** Whether a stream that is not on the store counts as not ready. */
    required: flag.default(false),
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

const hls = z.strictObject({
  segmentSeconds: numeric(z.number().min(0.5).max(30)).default(2),
  windowSegments: numeric(z.number().int().min(3).max(100)).default(6),
  container: z.enum(['mpegts', 'fmp4']).default('mpegts'),
});

/** Opens one push stream; a part of the publisher's URL. */
const streamKey = z
  .string()
  .regex(/^[A-Za-z0-9._~-]{8,128}$/, 'expected 8 to 128 letters, digits, dots, hyphens, underscores or tildes');

export const streamSchema = z.strictObject({
  name: streamName,
  source: z.string().min(1).max(4096),
  input: input.prefault({}),
  rtsp: rtsp.prefault({}),
  srt: srt.prefault({}),
  device: device.prefault({}),
  /** Push only: each opens this stream. */
  keys: z.array(streamKey).min(1).max(100).optional(),
  publish: z
    .strictObject({
      whenBusy: z.enum(['reject', 'takeover']).default('reject'),
      /** A publisher that is back within this time goes on with the same window. */
      graceSeconds: numeric(z.number().min(0).max(3600)).default(30),
    })
    .prefault({}),
  /** Beside `renditions`: the source's own video as well. */
  video: z.literal('copy').optional(),
  renditions: z.array(rendition).min(1).max(8).optional(),
  audio: z.enum(['copy', 'aac', 'none']).default('copy'),
  /** Files only: begin again at the end. */
  loop: flag.default(true),
  hls: hls.prefault({}),
  thumbnail: thumbnail.prefault({}),
  preview: preview.prefault({}),
  storyboard: storyboard.prefault({}),
  monitor: monitor.prefault(false),
  alerts: streamAlerts.prefault({}),
  playback: streamPlayback.prefault({}),
});

const limits = z.strictObject({
  /** With how many streams the API takes no further one. */
  streams: numeric(z.number().int().min(1).max(1000)).default(1000),
  /** Streams that may begin at one moment. */
  startsAtOnce: numeric(z.number().int().min(1).max(1000)).default(4),
});

/** Where streams of the API are saved; nowhere unless one is set. */
const state = z.strictObject({ file: z.string().min(1).optional(), store: flag.default(false) });

export const configSchema = z
  .strictObject({
    /** Other defaults, where nothing is told: `edge` is for boards and other small machines. */
    profile: z.enum(['standard', 'edge']).default('standard'),
    http: http.prefault({}),
    rtmp: rtmp.prefault({}),
    rtmps: rtmps.optional(),
    admin: admin.prefault({}),
    ffmpeg: ffmpeg.prefault({}),
    storage: storage.prefault({}),
    log: z
      .strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info') })
      .prefault({}),
    alerts: alerts.prefault({}),
    telemetry: telemetry.prefault({}),
    api: z.strictObject({ sources: apiSources.prefault({}) }).prefault({}),
    limits: limits.prefault({}),
    guard: guard.prefault({}),
    state: state.prefault({}),
    playback: playback.prefault({}),
    streams: z.array(streamSchema).max(1000).default([]),
  })
  .superRefine((value, context) => {
    const wrong = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
    if (value.state.store && value.state.file !== undefined)
      wrong(['state', 'store'], 'only where state.file is not set');
    if (value.state.store && value.storage.type === 'memory')
      wrong(['state', 'store'], 'only where storage.type is s3 or directory');
    if (value.state.store && value.admin.token === undefined)
      wrong(['admin', 'token'], 'needed where state.store is true: it seals what is saved');
    const seen = new Set<string>();
    value.streams.forEach((item, index) => {
      if (value.storage.type === 'memory' && item.thumbnail.sequence.mode !== 'latest') {
        const path = ['streams', index, 'thumbnail', 'sequence', 'mode'];
        context.addIssue({
          code: 'custom',
          path,
          message: 'stills are kept only where storage.type is s3 or directory',
        });
      }
      if ((item.source === 'push') !== (item.keys !== undefined)) {
        const message = item.source === 'push' ? 'needed where source is push' : 'only where source is push';
        context.addIssue({ code: 'custom', path: ['streams', index, 'keys'], message });
      }
      if (playbackKeysOf(value.playback, item.playback)?.length === 0) {
        const path = item.playback.access === 'signed' ? ['streams', index, 'playback', 'keys'] : ['playback', 'keys'];
        context.addIssue({ code: 'custom', path, message: 'needed where playback.access is signed' });
      }
      for (const problem of noDoubles(item)) {
        context.addIssue({ code: 'custom', path: ['streams', index, ...problem.path], message: problem.message });
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
export type MonitorConfig = StreamConfig['monitor'];
export type ThumbnailConfig = StreamConfig['thumbnail'];
export type StorageConfig = Config['storage'];
/** What names one store: `storage` itself, or `storage.fallback`. */
export type StoreConfig = Pick<StorageConfig, 'type' | 's3' | 'directory'>;
export type S3Config = NonNullable<StorageConfig['s3']>;
