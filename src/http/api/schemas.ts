import { z } from 'zod';
import { type HistorySeries, historySeries } from '../../events/history.js';
import { streamDescriptionSchema } from '../../stream/description.js';

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

export const streamListSchema = z
  .object({
    streams: z.array(streamDescriptionSchema),
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

export const createdSchema = streamDescriptionSchema
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
