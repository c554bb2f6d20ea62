import { json } from './json.js';
import { operation } from './operation.js';
import { historySchema, rejectedSchema } from './schemas.js';

/** How a stream has been, for its operators. */

export const readHistory = operation({
  id: 'readHistory',
  method: 'get',
  path: '/api/v1/streams/{stream}/history',
  tag: 'Streams',
  summary: 'The last hour of a stream, in steps of ten seconds',
  description: 'What `stats` events told, for whoever begins to listen now. In memory: it begins with the node.',
  admin: true,
  answers: { 200: { description: 'The history.', schema: historySchema } },
  answer: ({ context, live }) => json(context.histories.read(live.name, context.steadyNow(), context.now())),
});

export const listRejected = operation({
  id: 'listRejected',
  method: 'get',
  path: '/api/v1/streams/{stream}/rejected',
  tag: 'Pictures',
  summary: 'The last frames that the gate held back: black, flat or frozen ones',
  admin: true,
  answers: { 200: { description: 'The frames, small.', schema: rejectedSchema } },
  answer: ({ live }) => {
    const frames = live.images.rejected.map(({ capturedAt, verdict, image: { body, width, height, contentType } }) => ({
      ...{ capturedAt: new Date(capturedAt).toISOString(), verdict, width, height },
      picture: `data:${contentType};base64,${Buffer.from(body).toString('base64')}`,
    }));
    return json({ frames });
  },
});
