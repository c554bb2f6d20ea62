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
  summary: 'List the stills on the store, newest first',
  admin: false,
  query: z.object({
    limit: wholeNumber(1, 1000).default(100).meta({ description: 'Stills per page.' }),
    before: z.string().optional().meta({ description: 'The name of a still: return only older ones.' }),
  }),
  answers: { 200: { description: 'A page of stills; empty if stills are disabled.', schema: stillsSchema } },
  answer: ({ live, query, isAdmin }) => {
    const { stills, next } = live.stills({ limit: query.limit, before: query.before });
    // For a stream that is not open to everyone, the URLs of its images are not public either.
    const isShown = isAdmin || live.playbackKeys === undefined;
    const dated = stills.map((still) => ({
      ...still,
      capturedAt: new Date(still.capturedAt).toISOString(),
      url: isShown ? still.url : null,
    }));
    return json({ stills: dated, next }, { open: true, headers: { vary: 'Authorization, Cookie' } });
  },
});
