import { z } from 'zod';
import { nodeLoadSchema } from '../../load/description.js';
import { json } from './json.js';
import { operation } from './operation.js';

const nodeSchema = z
  .object({
    version: z.string(),
    streams: z.number().int().describe('How many there are.'),
    load: nodeLoadSchema.nullable().describe('Null where nobody watches it.'),
  })
  .meta({ id: 'Node' });

export const getNode = operation({
  id: 'getNode',
  method: 'get',
  path: '/api/v1/node',
  tag: 'Node',
  summary: 'The node itself: what its machine has to do, and what is left out because of it',
  admin: true,
  answers: { 200: { description: 'The node.', schema: nodeSchema } },
  answer: ({ context }) => {
    const { version, streams, load } = context;
    return json({ version, streams: streams.list().length, load: load() ?? null });
  },
});
