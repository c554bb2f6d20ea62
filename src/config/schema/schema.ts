import { z } from 'zod';
import { admin, playback, playbackKeysOf } from './access.js';
import { alerts } from './alerts.js';
import { guard } from './guard.js';
import { http, rtmp, rtmps } from './http.js';
import { noDoubles } from './renditions.js';
import { apiSources } from './sources.js';
import { storage } from './storage.js';
import { streamSchema } from './stream.js';
import { telemetry } from './telemetry.js';
import { flag, numeric, seconds } from './values.js';

/** The one schema of the configuration. Every other place takes its types from here. */

const ffmpeg = z.strictObject({
  path: z
    .string()
    .min(1)
    .optional()
    .describe('The ffmpeg binary, 4.0 or newer. Unset: the one that comes with the package.'),
  environment: z
    .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'expected the name of an environment variable'))
    .default([])
    .describe(
      'Names of further environment variables that ffmpeg gets. By default these are what loaders, locales and graphics ' +
        'drivers read, such as `PATH`, `TZ`, `LD_LIBRARY_PATH`, `LIBVA_*` and `CUDA_*`.',
    ),
  maxPixels: numeric(
    z
      .number()
      .int()
      .min(1920 * 1088)
      .max(2 ** 30),
  )
    .default(35_651_584)
    .describe(
      'The largest picture that is decoded, in pixels: width × height. A source with larger ones fails with a reason, a ' +
        'publisher of them is disconnected before ffmpeg starts. The default is that of level 6.2 of H.264 and HEVC, which 8K video fits.',
    ),
  stallTimeoutSeconds: seconds
    .default(15)
    .describe('A stream that shows no progress for so long gets a new ffmpeg process.'),
  startTimeoutSeconds: seconds.default(30).describe('How long a source may take until its first segment or frame.'),
});

const limits = z.strictObject({
  streams: numeric(z.number().int().min(1).max(1000))
    .default(1000)
    .describe('With how many streams the API takes no further one. Configured streams count, and are never refused.'),
  startsAtOnce: numeric(z.number().int().min(1).max(1000))
    .default(4)
    .describe('How many streams may begin at one moment; the others wait for up to 2 s each. Publishers never wait.'),
});

/** Where streams of the API are saved; nowhere unless one is set. */
const state = z.strictObject({
  file: z
    .string()
    .min(1)
    .optional()
    .describe(
      'File for the streams made through the API, readable for its owner only. Unset: they are gone with the ' +
        'node. See [API](api.md#streams-that-stay).',
    ),
  store: flag
    .default(false)
    .describe(
      '`true`: streams made through the API are saved on the store, sealed with `admin.token`, which must be set ' +
        'then.',
    ),
});

export const configSchema = z
  .strictObject({
    profile: z
      .enum(['standard', 'edge'])
      .default('standard')
      .describe('Other defaults: `edge` is for boards and other small machines.'),
    http: http.prefault({}),
    rtmp: rtmp.prefault({}),
    rtmps: rtmps.optional(),
    admin: admin.prefault({}),
    ffmpeg: ffmpeg.prefault({}),
    storage: storage.prefault({}),
    log: z
      .strictObject({
        level: z
          .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
          .default('info')
          .describe('What is logged: all that is at least as grave as this.'),
        bufferBytes: numeric(
          z
            .number()
            .int()
            .min(64 * 1024)
            .max(1024 ** 3),
        )
          .default(1024 ** 2)
          .describe(
            'How many bytes of log lines wait while their destination cannot be written to. When it is full the newest lines ' +
              'are dropped, counted and [reported](monitoring.md#logs) later. Changing it needs a restart.',
          ),
      })
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

/** What a user may write, and `createNode` takes: the YAML file's tree, all of it optional, as docs/configuration.md describes it. */
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
