import { json } from './json.js';
import { operation } from './operation.js';
import { historySchema, rejectedSchema } from './schemas.js';

/** The history of a stream, for operators. */

export const readHistory = operation({
  id: 'readHistory',
  method: 'get',
  path: '/api/v1/streams/{stream}/history',
  tag: 'Streams',
  summary: 'Get the last hour of a stream, in steps of ten seconds',
  description: 'The values of past `stats` events. The history is kept in memory and starts when the node starts.',
  admin: true,
  answers: { 200: { description: 'The history.', schema: historySchema } },
  answer: ({ context, live }) => json(context.histories.read(live.name, context.steadyNow(), context.now())),
});

export const listRejected = operation({
  id: 'listRejected',
  method: 'get',
  path: '/api/v1/streams/{stream}/rejected',
  tag: 'Pictures',
  summary: 'Get the last frames that the gate rejected as black, flat or frozen',
  admin: true,
  answers: { 200: { description: 'The frames, as small images.', schema: rejectedSchema } },
  answer: ({ live }) => {
    const frames = live.images.rejected.map(({ capturedAt, verdict, image: { body, width, height, contentType } }) => ({
      ...{ capturedAt: new Date(capturedAt).toISOString(), verdict, width, height },
      picture: `data:${contentType};base64,${Buffer.from(body).toString('base64')}`,
    }));
    return json({ frames });
  },
});
