import { z } from 'zod';
import { alertNames, gateStates, imageStates, loadLevels, loadSignals, streamStates } from '../terms.js';

/** The events of a node's event stream. One schema for the types, the OpenAPI document and the tests. */

const time = z.iso.datetime({ precision: 3 }).describe('RFC 3339, with milliseconds.');
const stream = z.string().describe('The name of the stream.');
const streamState = z.enum(streamStates);
const imageState = z.enum(imageStates);
const gateState = z.enum(gateStates);
const loadLevel = z.enum(loadLevels);
const loadReasons = z.array(z.enum(loadSignals)).describe('The measures that currently exceed their limits.');

/** The state of a stream changed. */
const stateEvent = z
  .object({
    type: z.literal('state'),
    stream,
    at: time,
    state: streamState,
    before: streamState,
    reason: z.object({ code: z.string(), message: z.string() }).nullable(),
  })
  .meta({ id: 'StateEvent', description: 'The state of a stream changed. `reason` states why it is not live.' });

const streamEvent = z
  .object({ type: z.literal('stream'), stream, at: time, change: z.enum(['added', 'changed', 'removed']) })
  .meta({ id: 'StreamChangeEvent', description: 'A stream was added, changed or removed.' });

const thumbnailEvent = z
  .object({
    type: z.literal('thumbnail'),
    stream,
    at: time,
    capturedAt: time,
    width: z.number(),
    height: z.number(),
    bytes: z.number(),
    gate: gateState.nullable(),
  })
  .meta({ id: 'ThumbnailEvent', description: 'A stream has a new thumbnail. The event does not contain the image.' });

const gateEvent = z.object({ type: z.literal('gate'), stream, at: time, state: gateState, rejected: z.number() }).meta({
  id: 'GateEvent',
  description: 'The verdict of the gate changed. `rejected`: total number of rejected frames.',
});

const alertEvent = z
  .object({
    type: z.literal('alert'),
    stream,
    at: time,
    since: time,
    alert: z.enum(alertNames),
    state: z.enum(['raised', 'cleared']),
    details: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'AlertEvent', description: 'An alert was raised or cleared. Webhooks get the same alerts.' });

const restartEvent = z
  .object({
    type: z.literal('restart'),
    stream,
    at: time,
    code: z.string(),
    message: z.string(),
    restarts: z.number(),
    stderr: z.array(z.string()).describe("The last lines of ffmpeg's log."),
  })
  .meta({ id: 'RestartEvent', description: 'The ffmpeg process of a stream has ended and is restarted.' });

const loadEvent = z
  .object({ type: z.literal('load'), at: time, level: loadLevel, before: loadLevel, reasons: loadReasons })
  .meta({ id: 'LoadEvent', description: 'The load-shedding level changed.' });

const segmentEvent = z
  .object({
    type: z.literal('segment'),
    stream,
    at: time,
    rendition: z.string(),
    file: z.string(),
    bytes: z.number(),
    durationSeconds: z.number(),
    mediaSequence: z.number(),
  })
  .meta({ id: 'SegmentEvent', description: 'A media segment was listed. Sent only with `types=segment`.' });

/** The statistics of one stream at one moment, for charts. Null: currently unknown. */
const statsSchema = z
  .object({
    stream,
    state: streamState,
    fps: z.number().nullable().describe('Frames per second that ffmpeg read since the last stats.'),
    speed: z.number().nullable().describe('Speed relative to real time since the last stats: 1 is real time.'),
    bitrate: z.number().nullable().describe('Bits per second, averaged over the listed segments.'),
    keyframeIntervalSeconds: z.number().nullable(),
    driftSeconds: z.number().nullable().describe('Lag of the source behind real time; negative: ahead.'),
    thumbnail: z.object({
      ageSeconds: z.number().nullable(),
      state: imageState,
      gate: gateState.nullable(),
      captured: z.number(),
      dropped: z.number(),
      rejected: z.number(),
    }),
    upload: z.object({
      state: z
        .enum(['idle', 'waiting', 'publishing', 'refused', 'losing', 'standby', 'ended'])
        .nullable()
        .describe('Null without a store.'),
      lagSeconds: z.number().nullable().describe('Lag of the playlist on the store.'),
      backlogBytes: z.number(),
      uploaded: z.number(),
      failed: z.number(),
    }),
    viewers: z.number(),
    restarts: z.number(),
  })
  .meta({ id: 'StreamStats', description: 'The statistics of one stream at one moment. Null: currently unknown.' });

const statsEvent = z
  .object({ type: z.literal('stats'), at: time, streams: z.array(statsSchema) })
  .meta({ id: 'StatsEvent', description: 'Statistics of all requested streams, sent every two seconds.' });

const resetEvent = z.object({ type: z.literal('reset'), at: time }).meta({
  id: 'ResetEvent',
  description: 'Events between the last one received and the next are missing: fetch the streams again.',
});

/** Events that are kept for reconnecting clients. */
const recordedEvents = [
  stateEvent,
  streamEvent,
  thumbnailEvent,
  gateEvent,
  alertEvent,
  restartEvent,
  loadEvent,
  segmentEvent,
] as const;
const recordedSchema = z.discriminatedUnion('type', recordedEvents);

export const feedEventSchema = z
  .discriminatedUnion('type', [...recordedEvents, statsEvent, resetEvent])
  .meta({ id: 'Event' });

export type StreamStats = z.infer<typeof statsSchema>;
export type RecordedEvent = z.infer<typeof recordedSchema>;
export type FeedEvent = z.infer<typeof feedEventSchema>;
export type FeedEventType = FeedEvent['type'];
