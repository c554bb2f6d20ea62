import { z } from 'zod';
import { type HistorySeries, historySeries } from '../../events/history.js';
import type { StreamDescription } from '../../stream/description.js';
import { gateStates, imageStates, publicationStates, streamStates } from '../../terms.js';

/** What the API answers with. */

const time = z.iso.datetime().describe('RFC 3339, with milliseconds.');
const count = z.number().int();

export const problemSchema = z
  .object({
    type: z.string().describe('`urn:sidepipe:problem:` and the code.'),
    title: z.string(),
    status: count,
    detail: z.string().describe('For people.'),
    instance: z.string().describe('The path that was asked for.'),
    code: z.string().describe('For programs: stable.'),
    field: z.string().optional().describe('What is wrong, where it is one thing.'),
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
      .describe('All that is wrong with the request.'),
  })
  .meta({ id: 'Problem', description: 'RFC 9457: what is wrong. Other members may follow.' });

const playback = z.object({ hls: z.string(), thumbnail: z.string(), preview: z.string(), storyboard: z.string() });

const thumbnail = z.object({
  capturedAt: time.nullable(),
  ageSeconds: z.number().nullable(),
  state: z.enum(imageStates),
  width: count.nullable(),
  height: count.nullable(),
  bytes: count.nullable(),
  captured: count,
  dropped: count.describe(
    'Frames of which no picture was made because a newer one had come, or because they were torn.',
  ),
  rejected: count.describe('Frames that the gate held back.'),
  failed: count.describe('Encodes that went wrong, retries included.'),
  decoderErrors: count,
  decode: z.object({
    mode: z.enum(['keyframes', 'references', 'all']),
    reason: z.string(),
    keyframeIntervalSeconds: z.number().nullable(),
  }),
  gate: z
    .object({ state: z.enum(gateStates), since: time })
    .nullable()
    .describe('What the stream shows.'),
  placeholder: z.string().nullable().describe('The newest picture, blurred: a ThumbHash in base64.'),
  dominantColour: z.string().nullable(),
});

const tracks = {
  bandwidth: z.number().nullable().describe('Bits a second, at most.'),
  codecs: z.string().nullable(),
  resolution: z.string().nullable(),
  frameRate: z.number().nullable(),
};

const rendition = z.object({
  name: z.string(),
  video: z.enum(['copy', 'encode']),
  encoder: z.string().nullable().describe("ffmpeg's name of it; null for a copy, and before the first run."),
  encoderReason: z.string().nullable().describe('Why it is this encoder.'),
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
  aligned: z.boolean().describe('Whether segments of the same number show the same time in all renditions.'),
  audio: z
    .object({
      mode: z
        .enum(['copy', 'encode', 'silence', 'none'])
        .describe('`none`: the source has no audio or sends none, or the stream is configured without.'),
      sourceCodec: z.string().nullable().describe("ffmpeg's name of the source's audio codec."),
      isSilent: z.boolean().describe('The source announces audio but sends none. It is added when it comes.'),
    })
    .nullable()
    .describe('Null until the source was opened.'),
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

/** The compiler holds it against what streams say of themselves: a member that is missing here is an error. */
export const streamSchema = z
  .object({
    name: z.string(),
    origin: z.enum(['config', 'api']).describe('Whether it stands in the configuration or was made through the API.'),
    source: z.object({
      kind: z.string(),
      url: z.string().nullable().describe('Without its secrets. For operators; null for others.'),
      warnings: z
        .array(
          z.object({
            code: z.enum(['codec', 'chroma', 'bit-depth', 'size-unknown', 'interlaced', 'rotated']),
            message: z.string(),
            remedy: z.string(),
          }),
        )
        .describe(
          'Why players may not show the copied video as it was meant. Empty until the source was opened. For operators; empty for others.',
        ),
    }),
    state: z.enum(streamStates),
    reason: z
      .object({ code: z.string(), message: z.string() })
      .nullable()
      .describe('Why the stream is not live. For operators; null for others.'),
    nextAttemptAt: time
      .nullable()
      .describe('When ffmpeg is started again after a failure; null while it runs. For operators; null for others.'),
    since: time,
    viewers: count.describe('Players that asked for a media playlist lately.'),
    playback: playback.extend({
      access: z
        .enum(['open', 'signed'])
        .describe(
          '`signed`: only addresses with a token of one of the stream’s keys are answered; those here have none.',
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
        fps: z.number().describe('About so many pictures a second at most.'),
        bitrate: count,
        viewers: count,
        dropped: count.describe('Viewers that were let go because they took too little.'),
      })
      .nullable()
      .describe('The picture with little delay.'),
    ffmpeg: z.object({
      pid: count.nullable().describe('For operators only: null without the admin token.'),
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
    stderr: z.array(z.string()).describe('The last lines of the log of the newest ffmpeg.'),
    restarts: z
      .array(z.object({ at: time, code: z.string(), message: z.string(), stderr: z.array(z.string()) }))
      .describe('The newest first, at most 20.'),
  })
  .meta({ id: 'Diagnosis' });

export const rejectedSchema = z
  .object({
    frames: z
      .array(
        z.object({
          capturedAt: time,
          verdict: z.enum(['black', 'flat', 'frozen']).describe('Why it was held back.'),
          width: count,
          height: count,
          picture: z.string().describe('A small JPEG as a `data:` URL.'),
        }),
      )
      .describe('The newest first, at most 6.'),
  })
  .meta({ id: 'RejectedFrames' });

const points = z.array(z.number().nullable());

export const historySchema = z
  .object({
    stepSeconds: z.number(),
    at: z.array(count).describe('When each step begins, the oldest first: seconds since the epoch.'),
    series: z
      .object(Object.fromEntries(historySeries.map((name) => [name, points])) as Record<HistorySeries, typeof points>)
      .describe('As in the `stats` event, a value for each step; null: not known then.'),
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
  .describe('Where a publisher such as OBS sends to; the stream key goes into its own field.');

export const createdSchema = streamSchema
  .extend({
    key: z.string().optional().describe('The stream key that was made for a push stream. It is shown this once.'),
    publish: publish.nullable().describe('Null where the source is not `push`.'),
  })
  .meta({ id: 'CreatedStream' });

export const rotatedSchema = z
  .object({ key: z.string().describe('It is shown this once.'), publish })
  .meta({ id: 'StreamKey' });

export const settingsSchema = z
  .object({
    origin: z.enum(['config', 'api']),
    settings: z.record(z.string(), z.unknown()).describe('All settings with their defaults; secrets are `***`.'),
    keys: count.nullable().describe('How many stream keys a push stream has; null for others.'),
    publish: publish.nullable(),
  })
  .meta({ id: 'StreamSettings' });

export const restartedSchema = z
  .object({ restarted: z.boolean().describe('False: the stream rests, there was nothing to begin anew.') })
  .meta({ id: 'Restarted' });
