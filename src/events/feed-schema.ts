import { z } from 'zod';
import { gateStates, imageStates, loadLevels, loadSignals, streamStates } from '../terms.js';

/** What the event stream of a node tells of. One schema for the types, the API's description and the tests. */

const time = z.iso.datetime({ precision: 3 }).describe('RFC 3339, with milliseconds.');
const stream = z.string().describe('The name of the stream.');
const streamState = z.enum(streamStates);
const imageState = z.enum(imageStates);
const gateState = z.enum(gateStates);
const loadLevel = z.enum(loadLevels);
const loadReasons = z.array(z.enum(loadSignals)).describe('The measures that exceed their limits now.');

/** A stream has another state. */
const stateEvent = z
  .object({
    type: z.literal('state'),
    stream,
    at: time,
    state: streamState,
    before: streamState,
    reason: z.object({ code: z.string(), message: z.string() }).nullable(),
  })
  .meta({ id: 'StateEvent', description: 'A stream has another state. `reason` says why it is not live.' });

const streamEvent = z
  .object({ type: z.literal('stream'), stream, at: time, change: z.enum(['added', 'changed', 'removed']) })
  .meta({ id: 'StreamChangeEvent', description: 'A stream was added, has other settings, or is gone.' });

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
  .meta({ id: 'ThumbnailEvent', description: 'A stream has a new picture; the picture itself is not in the event.' });

const gateEvent = z.object({ type: z.literal('gate'), stream, at: time, state: gateState, rejected: z.number() }).meta({
  id: 'GateEvent',
  description: 'What the picture shows is another: `rejected` frames have been held back in all.',
});

const alertEvent = z
  .object({
    type: z.literal('alert'),
    stream,
    at: time,
    since: time,
    alert: z.enum([
      'stale',
      'black',
      'flat',
      'frozen',
      'offline',
      'lagging',
      'unreadable',
      'refused',
      'gaps',
      'unpublished',
    ]),
    state: z.enum(['raised', 'cleared']),
    details: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'AlertEvent', description: 'An alert was raised or is over, as webhooks are told of it.' });

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
  .meta({ id: 'RestartEvent', description: "A stream's ffmpeg has ended and is begun anew." });

const loadEvent = z
  .object({ type: z.literal('load'), at: time, level: loadLevel, before: loadLevel, reasons: loadReasons })
  .meta({ id: 'LoadEvent', description: 'More or less is left out because of what the machine has to do.' });

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
  .meta({ id: 'SegmentEvent', description: 'A media segment is listed. Only for who asks for `types=segment`.' });

/** One stream at one moment: what charts are drawn from. Null: not known now. */
const statsSchema = z
  .object({
    stream,
    state: streamState,
    fps: z.number().nullable().describe('Pictures a second that ffmpeg took in since the last stats.'),
    speed: z.number().nullable().describe('Seconds of media a second, since the last stats: 1 is real time.'),
    bitrate: z.number().nullable().describe('Bits a second, averaged over the listed segments.'),
    keyframeIntervalSeconds: z.number().nullable(),
    driftSeconds: z.number().nullable().describe('How far the source is behind (or, below 0, ahead of) real time.'),
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
        .describe('Null: there is no store.'),
      lagSeconds: z.number().nullable().describe('How far the playlist on the store is behind.'),
      backlogBytes: z.number(),
      uploaded: z.number(),
      failed: z.number(),
    }),
    viewers: z.number(),
    restarts: z.number(),
  })
  .meta({ id: 'StreamStats', description: 'One stream at one moment. Null: not known now.' });

const statsEvent = z
  .object({ type: z.literal('stats'), at: time, streams: z.array(statsSchema) })
  .meta({ id: 'StatsEvent', description: 'Every two seconds: all streams that were asked for.' });

const resetEvent = z.object({ type: z.literal('reset'), at: time }).meta({
  id: 'ResetEvent',
  description: 'Events are missing between the last one seen and the next: read the streams anew.',
});

/** What is remembered for those who come back. */
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
