import { z } from 'zod';
import { json } from './json.js';
import { operation } from './operation.js';
import { stillsSchema } from './schemas.js';
import { wholeNumber } from './values.js';

export const listStills = operation({
  id: 'listStills',
  method: 'get',
  path: '/api/v1/streams/{stream}/stills',
  tag: 'Pictures',
  summary: 'The sequence of stills on the store, the newest first',
  admin: false,
  query: z.object({
    limit: wholeNumber(1, 1000).default(100).meta({ description: 'Stills a page.' }),
    before: z.string().optional().meta({ description: 'The name of a still: older ones only.' }),
  }),
  answers: { 200: { description: 'A page of stills; none where no sequence is kept.', schema: stillsSchema } },
  answer: ({ live, query, isAdmin }) => {
    const { stills, next } = live.stills({ limit: query.limit, before: query.before });
    // Where a stream is not open to everyone, where its pictures lie is not told to everyone either.
    const isShown = isAdmin || live.playbackKeys === undefined;
    const dated = stills.map((still) => ({
      ...still,
      capturedAt: new Date(still.capturedAt).toISOString(),
      url: isShown ? still.url : null,
    }));
    return json({ stills: dated, next }, { open: true, headers: { vary: 'Authorization, Cookie' } });
  },
});
