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
import { webrtc } from './webrtc.js';

/** The schema of the configuration. All configuration types are derived from it. */

const ffmpeg = z.strictObject({
  path: z
    .string()
    .min(1)
    .optional()
    .describe('Path of the ffmpeg binary, version 4.0 or newer. Unset: the binary that comes with the package.'),
  environment: z
    .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'expected the name of an environment variable'))
    .default([])
    .describe(
      'Names of additional environment variables that are passed to ffmpeg. By default it gets those that loaders, locales and ' +
        'graphics drivers read, such as `PATH`, `TZ`, `LD_LIBRARY_PATH`, `LIBVA_*` and `CUDA_*`.',
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
      'Largest frame that is decoded, in pixels (width × height). A source with larger frames fails with an error. A publisher ' +
        'with larger frames is disconnected before ffmpeg starts. The default is the limit of H.264 and HEVC level 6.2, enough for 8K.',
    ),
  stallTimeoutSeconds: seconds
    .default(15)
    .describe('How long a stream may make no progress before its ffmpeg process is restarted.'),
  startTimeoutSeconds: seconds.default(30).describe('How long a source may take until its first segment or frame.'),
});

const limits = z.strictObject({
  streams: numeric(z.number().int().min(1).max(1000))
    .default(1000)
    .describe('Maximum number of streams. The API rejects more; configured streams count but are never rejected.'),
  startsAtOnce: numeric(z.number().int().min(1).max(1000))
    .default(4)
    .describe('Number of streams that may start at once; the others wait for up to 2 s each. Publishers never wait.'),
});

/** Where streams that were created through the API are saved. Unset: they are not saved. */
const state = z.strictObject({
  file: z
    .string()
    .min(1)
    .optional()
    .describe(
      'File for streams that were created through the API, readable by its owner only. Unset: they are lost when the ' +
        'node stops. See [API](api.md#streams-that-stay).',
    ),
  store: flag
    .default(false)
    .describe(
      '`true`: streams that were created through the API are saved on the store, encrypted with a key derived from ' +
        '`admin.token`, which must be set.',
    ),
});

export const configSchema = z
  .strictObject({
    profile: z
      .enum(['standard', 'edge'])
      .default('standard')
      .describe('Set of defaults. `edge` is for boards and other small machines.'),
    http: http.prefault({}),
    rtmp: rtmp.prefault({}),
    rtmps: rtmps.optional(),
    webrtc: webrtc.prefault({}),
    admin: admin.prefault({}),
    ffmpeg: ffmpeg.prefault({}),
    storage: storage.prefault({}),
    log: z
      .strictObject({
        level: z
          .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
          .default('info')
          .describe('Log level: messages of this level and above are logged.'),
        bufferBytes: numeric(
          z
            .number()
            .int()
            .min(64 * 1024)
            .max(1024 ** 3),
        )
          .default(1024 ** 2)
          .describe(
            'Size of the log buffer while the destination cannot be written to. When it is full, the newest lines are dropped, ' +
              'counted and [reported](monitoring.md#logs) later. A change requires a restart.',
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
      wrong(['state', 'store'], 'cannot be combined with state.file');
    if (value.state.store && value.storage.type === 'memory')
      wrong(['state', 'store'], 'requires storage.type s3 or directory');
    if (value.state.store && value.admin.token === undefined)
      wrong(['admin', 'token'], 'required when state.store is true: it encrypts the saved streams');
    const seen = new Set<string>();
    value.streams.forEach((item, index) => {
      if (value.storage.type === 'memory' && item.thumbnail.sequence.mode !== 'latest') {
        const path = ['streams', index, 'thumbnail', 'sequence', 'mode'];
        context.addIssue({
          code: 'custom',
          path,
          message: 'stills require storage.type s3 or directory',
        });
      }
      if ((item.source === 'push') !== (item.keys !== undefined)) {
        const message = item.source === 'push' ? 'required when source is push' : 'only allowed when source is push';
        context.addIssue({ code: 'custom', path: ['streams', index, 'keys'], message });
      }
      if (playbackKeysOf(value.playback, item.playback)?.length === 0) {
        const path = item.playback.access === 'signed' ? ['streams', index, 'playback', 'keys'] : ['playback', 'keys'];
        context.addIssue({ code: 'custom', path, message: 'required when playback.access is signed' });
      }
      for (const problem of noDoubles(item)) {
        context.addIssue({ code: 'custom', path: ['streams', index, ...problem.path], message: problem.message });
      }
      if (seen.has(item.name)) {
        context.addIssue({
          code: 'custom',
          path: ['streams', index, 'name'],
          message: `duplicate stream name "${item.name}"`,
        });
      }
      seen.add(item.name);
    });
  });

/** The configuration as written in YAML or passed to `createNode`. Everything is optional; docs/configuration.md describes it. */
export type ConfigInput = z.input<typeof configSchema>;
/** The configuration that the node runs with: validated, with all defaults. */
export type Config = z.output<typeof configSchema>;
/** A stream as written in the configuration. Only `name` and `source` are required. */
export type StreamInput = z.input<typeof streamSchema>;
/** The thumbnail settings of a stream as written in the configuration. */
export type ThumbnailInput = NonNullable<StreamInput['thumbnail']>;
/** Change of a stream as a JSON merge patch (RFC 7396): null resets a setting to its default, lists are replaced as a whole. */
export type StreamPatch = MergePatch<Omit<StreamInput, 'name'>>;
/** A JSON merge patch (RFC 7396) of a value. */
export type MergePatch<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [Name in keyof T]?: MergePatch<T[Name]> | null }
    : T;
export type StreamConfig = Config['streams'][number];
export type MonitorConfig = StreamConfig['monitor'];
export type ThumbnailConfig = StreamConfig['thumbnail'];
export type StorageConfig = Config['storage'];
export type WebRtcConfig = Config['webrtc'];
/** The settings of one store: those of `storage` itself or of `storage.fallback`. */
export type StoreConfig = Pick<StorageConfig, 'type' | 's3' | 'directory'>;
export type S3Config = NonNullable<StorageConfig['s3']>;
