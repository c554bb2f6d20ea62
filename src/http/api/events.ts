import { z } from 'zod';
import { feedEventSchema } from '../../events/feed-schema.js';
import { unknownStream } from '../live/live.js';
import { problemResponse } from '../response/problem.js';
import { eventStream, eventStreamHead } from './event-stream.js';
import { operation } from './operation.js';

const typeNames = ['state', 'stream', 'thumbnail', 'gate', 'alert', 'restart', 'load', 'segment', 'stats'] as const;

const types = z
  .string()
  .regex(new RegExp(`^(?:${typeNames.join('|')})(?:,(?:${typeNames.join('|')}))*$`), {
    error: `expected comma-separated event names: ${typeNames.join(', ')}`,
  })
  .optional()
  .meta({ description: 'Comma-separated event names. Default: all except `segment`.', example: 'state,stats' });

const lastEventId = z
  .string()
  .optional()
  .meta({ description: 'Continue after this event. Browsers send this header when they reconnect.' });

export const events = operation({
  id: 'listen',
  method: 'get',
  path: '/api/v1/events',
  tag: 'Events',
  summary: 'Subscribe to events (server-sent events)',
  description: [
    'The event name is its `type`, the data is the event as JSON. All events except `stats` have an id. After a lost connection,',
    'a client sends the last id as `Last-Event-ID` and gets the events that it missed, or one `reset` if the node no longer has',
    'them: fetch the streams again. `stats` are sent at once and every two seconds. A comment is sent every 15 s. A client that',
    'does not read is disconnected.',
  ].join(' '),
  admin: true,
  query: z.object({
    stream: z.string().optional().meta({ description: 'Events of this stream only.' }),
    types,
    lastEventId: lastEventId.meta({ description: 'Same as the header, for clients that cannot send it.' }),
  }),
  headers: z.object({ 'last-event-id': lastEventId }),
  answers: {
    200: {
      description: 'Events, until the client disconnects.',
      contentType: 'text/event-stream',
      schema: feedEventSchema,
    },
  },
  refusals: { 404: 'Stream not found.', 503: 'Too many clients are listening.' },
  answer: ({ c, context, query }) => {
    if (query.stream !== undefined && context.streams.get(query.stream) === undefined) {
      return problemResponse(unknownStream(query.stream), c.req.url);
    }
    if (c.req.method === 'HEAD') return eventStreamHead();
    const reader = context.feed.read({
      stream: query.stream,
      types: query.types?.split(',') as (typeof typeNames)[number][] | undefined,
      after: c.req.header('last-event-id') ?? query.lastEventId,
    });
    if (reader !== undefined) return eventStream(reader, context.log);
    const detail = 'The maximum number of event clients is connected.';
    const headers = { 'retry-after': '10' };
    const problem = { status: 503, code: 'too-many-listeners', title: 'Too many listeners', detail, headers };
    return problemResponse(problem, c.req.url);
  },
});
