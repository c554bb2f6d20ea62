import { z } from 'zod';
import { type HistorySeries, historySeries } from '../../events/history.js';
import type { StreamDescription } from '../../stream/description.js';
import { gateStates, imageStates, publicationStates, streamStates } from '../../terms.js';

/** Schemas of API responses. */

const time = z.iso.datetime().describe('RFC 3339, with milliseconds.');
const count = z.number().int();

export const problemSchema = z
  .object({
    type: z.string().describe('`urn:sidepipe:problem:` and the code.'),
    title: z.string(),
    status: count,
    detail: z.string().describe('Message for people.'),
    instance: z.string().describe('The requested path.'),
    code: z.string().describe('Stable code for programs.'),
    field: z.string().optional().describe('The invalid field, if there is exactly one.'),
    errors: z
      .array(
        z.object({
          in: z.enum(['body', 'query', 'header']),
          path: z.string().meta({ example: 'thumbnail.intervalSeconds' }),
          pointer: z.string().describe('RFC 6901.').meta({ example: '#/thumbnail/intervalSeconds' }),
          message: z.string(),
        }),
      )
      .optional()
      .describe('All errors in the request.'),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem document. It may have further members.' });

const playback = z.object({ hls: z.string(), thumbnail: z.string(), preview: z.string(), storyboard: z.string() });

const thumbnail = z.object({
  capturedAt: time.nullable(),
  ageSeconds: z.number().nullable(),
  state: z.enum(imageStates),
  width: count.nullable(),
  height: count.nullable(),
  bytes: count.nullable(),
  captured: count,
  dropped: count.describe('Frames dropped because a newer one had arrived, or because they were incomplete.'),
  rejected: count.describe('Frames that the gate rejected.'),
  failed: count.describe('Failed encodes, including retries.'),
  decoderErrors: count,
  decode: z.object({
    mode: z.enum(['keyframes', 'references', 'all']),
    reason: z.string(),
    keyframeIntervalSeconds: z.number().nullable(),
  }),
  gate: z
    .object({ state: z.enum(gateStates), since: time })
    .nullable()
    .describe('What the gate detects in the video.'),
  placeholder: z.string().nullable().describe('The newest thumbnail, blurred: a ThumbHash in base64.'),
  dominantColour: z.string().nullable(),
});

const tracks = {
  bandwidth: z.number().nullable().describe('Peak bitrate in bits per second.'),
  codecs: z.string().nullable(),
  resolution: z.string().nullable(),
  frameRate: z.number().nullable(),
};

const rendition = z.object({
  name: z.string(),
  video: z.enum(['copy', 'encode']),
  encoder: z.string().nullable().describe("ffmpeg's name of the encoder; null for a copy, and before the first run."),
  encoderReason: z.string().nullable().describe('Why this encoder was selected.'),
  segments: count,
  mediaSequence: count,
  ...tracks,
});

const hls = z.object({
  segments: count,
  windowBytes: count,
  windowSeconds: z.number(),
  mediaSequence: count,
  discontinuitySequence: count,
  ...tracks,
  aligned: z.boolean().describe('Whether segments with the same number cover the same time in all renditions.'),
  audio: z
    .object({
      mode: z
        .enum(['copy', 'encode', 'silence', 'none'])
        .describe('`none`: the source has no audio or sends none, or audio is disabled.'),
      sourceCodec: z.string().nullable().describe("ffmpeg's name of the source's audio codec."),
      isSilent: z.boolean().describe('The source announces audio but sends none. It is added when it arrives.'),
    })
    .nullable()
    .describe('Null until the source has been opened.'),
  renditions: z.array(rendition).describe('In the order of the multivariant playlist.'),
});

const storage = z.object({
  type: z.string(),
  state: z.enum(publicationStates).nullable(),
  store: z.string().nullable(),
  playback: playback.nullable(),
  backlogBytes: count,
  uploaded: count,
  failed: count,
  playlistLagSeconds: z.number().nullable(),
  lastError: z.string().nullable(),
});

/** The compiler compares it with `StreamDescription`: a missing member is a compile error. */
export const streamSchema = z
  .object({
    name: z.string(),
    origin: z
      .enum(['config', 'api'])
      .describe('Where the stream was defined: in the configuration file or through the API.'),
    source: z.object({
      kind: z.string(),
      url: z.string().nullable().describe('Without secrets. Null without the admin token.'),
      warnings: z
        .array(
          z.object({
            code: z.enum(['codec', 'chroma', 'bit-depth', 'size-unknown', 'interlaced', 'rotated']),
            message: z.string(),
            remedy: z.string(),
          }),
        )
        .describe(
          'Why players may display the copied video incorrectly. Empty until the source has been opened, and without the admin token.',
        ),
    }),
    state: z.enum(streamStates),
    reason: z
      .object({ code: z.string(), message: z.string() })
      .nullable()
      .describe('Why the stream is not live. Null without the admin token.'),
    nextAttemptAt: time
      .nullable()
      .describe('When ffmpeg is restarted after a failure. Null while it runs, and without the admin token.'),
    since: time,
    viewers: count.describe('Players that requested a media playlist recently.'),
    playback: playback.extend({
      access: z
        .enum(['open', 'signed'])
        .describe(
          '`signed`: playback URLs need a token signed with one of the stream’s keys; the URLs here have none.',
        ),
      thumbnailImmutable: z.string().nullable(),
    }),
    thumbnail,
    hls,
    storage,
    monitor: z
      .object({
        url: z.string().describe('A WebSocket for JSMpeg players.'),
        width: count,
        height: count,
        fps: z.number().describe('Approximate maximum frame rate.'),
        bitrate: count,
        viewers: count,
        dropped: count.describe('Viewers disconnected because they read too slowly.'),
      })
      .nullable()
      .describe('The low-latency, video-only view.'),
    ffmpeg: z.object({
      pid: count.nullable().describe('Null without the admin token.'),
      restarts: count,
      speed: z.number().nullable(),
      fps: z.number().nullable(),
    }),
  })
  .meta({ id: 'Stream' }) satisfies z.ZodType<StreamDescription>;

export const streamListSchema = z
  .object({
    streams: z.array(streamSchema),
    next: z.string().nullable().describe('The `cursor` of the next page; null on the last one.'),
  })
  .meta({ id: 'StreamList' });

export const diagnosisSchema = z
  .object({
    stderr: z.array(z.string()).describe('The last log lines of the newest ffmpeg process.'),
    restarts: z
      .array(z.object({ at: time, code: z.string(), message: z.string(), stderr: z.array(z.string()) }))
      .describe('Newest first, at most 20.'),
  })
  .meta({ id: 'Diagnosis' });

export const rejectedSchema = z
  .object({
    frames: z
      .array(
        z.object({
          capturedAt: time,
          verdict: z.enum(['black', 'flat', 'frozen']).describe('Why the frame was rejected.'),
          width: count,
          height: count,
          picture: z.string().describe('A small JPEG as a `data:` URL.'),
        }),
      )
      .describe('Newest first, at most 6.'),
  })
  .meta({ id: 'RejectedFrames' });

const points = z.array(z.number().nullable());

export const historySchema = z
  .object({
    stepSeconds: z.number(),
    at: z.array(count).describe('Start of each step, oldest first, in seconds since the epoch.'),
    series: z
      .object(Object.fromEntries(historySeries.map((name) => [name, points])) as Record<HistorySeries, typeof points>)
      .describe('As in the `stats` event, one value per step; null if unknown at that time.'),
  })
  .meta({ id: 'History' });

export const stillsSchema = z
  .object({
    stills: z.array(z.object({ name: z.string(), capturedAt: time, bytes: count, url: z.string().nullable() })),
    next: z.string().nullable().describe('The `before` of the next page; null on the last one.'),
  })
  .meta({ id: 'Stills' });

const publish = z
  .object({ rtmp: z.string().nullable(), rtmps: z.string().nullable() })
  .describe('Server URLs for a publisher such as OBS. The stream key goes into its own field.');

export const createdSchema = streamSchema
  .extend({
    key: z.string().optional().describe('The generated stream key of a push stream. It is shown only once.'),
    publish: publish.nullable().describe('Null unless the source is `push`.'),
  })
  .meta({ id: 'CreatedStream' });

export const rotatedSchema = z
  .object({ key: z.string().describe('The new stream key. It is shown only once.'), publish })
  .meta({ id: 'StreamKey' });

export const settingsSchema = z
  .object({
    origin: z.enum(['config', 'api']),
    settings: z.record(z.string(), z.unknown()).describe('All settings including defaults. Secrets are `***`.'),
    keys: count.nullable().describe('Number of stream keys of a push stream; null for other streams.'),
    publish: publish.nullable(),
  })
  .meta({ id: 'StreamSettings' });

export const restartedSchema = z
  .object({ restarted: z.boolean().describe('False: the stream was not running, so there was nothing to restart.') })
  .meta({ id: 'Restarted' });
