import { z } from 'zod';
import { nodeLoadSchema } from '../../load/description.js';
import { json } from './json.js';
import { operation } from './operation.js';

const nodeSchema = z
  .object({
    version: z.string(),
    streams: z.number().int().describe('Number of streams.'),
    load: nodeLoadSchema.nullable().describe('Null if the load is not watched.'),
  })
  .meta({ id: 'Node' });

export const getNode = operation({
  id: 'getNode',
  method: 'get',
  path: '/api/v1/node',
  tag: 'Node',
  summary: 'Get the node: the load of its machine, and what is throttled because of it',
  admin: true,
  answers: { 200: { description: 'The node.', schema: nodeSchema } },
  answer: ({ context }) => {
    const { version, streams, node } = context;
    return json({ version, streams: streams.list().length, load: node.load() ?? null });
  },
});
