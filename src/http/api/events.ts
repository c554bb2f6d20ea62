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
    error: `expected names of events, separated by commas: ${typeNames.join(', ')}`,
  })
  .optional()
  .meta({ description: 'Names of events, separated by commas. Default: all but `segment`.', example: 'state,stats' });

const lastEventId = z
  .string()
  .optional()
  .meta({ description: 'Go on behind this event; browsers send it when they connect anew.' });

export const events = operation({
  id: 'listen',
  method: 'get',
  path: '/api/v1/events',
  tag: 'Events',
  summary: 'What happens, as it happens: server-sent events',
  description: [
    'Each event is named by its `type` and has the event as JSON for its data. What can be told again has an id: a client that',
    'lost the connection sends the last one as `Last-Event-ID` and gets what it missed, or one `reset` when that is no longer',
    'known: read the streams anew then. `stats` come at once and every two seconds, without ids. A comment comes every 15 s. A',
    'client that does not read is dropped.',
  ].join(' '),
  admin: true,
  query: z.object({
    stream: z.string().optional().meta({ description: 'Events of this stream only.' }),
    types,
    lastEventId: lastEventId.meta({ description: 'The same as the header, for who cannot send it.' }),
  }),
  headers: z.object({ 'last-event-id': lastEventId }),
  answers: {
    200: { description: 'Events until the client goes.', contentType: 'text/event-stream', schema: feedEventSchema },
  },
  refusals: { 404: 'There is no such stream.', 503: 'Too many clients listen.' },
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
    const detail = 'So many clients listen that there is no place for another.';
    const headers = { 'retry-after': '10' };
    const problem = { status: 503, code: 'too-many-listeners', title: 'Too many listeners', detail, headers };
    return problemResponse(problem, c.req.url);
  },
});
