import { OpenAPIHono } from '@hono/zod-openapi';
import type { Hono } from 'hono';
import type { AppContext } from '../context.js';
import { events } from './events.js';
import { listRejected, readHistory } from './history.js';
import { getNode } from './machine.js';
import { createStream, deleteStream, readSettings, restartStream, rotateKey, updateStream } from './manage.js';
import type { Operation } from './operation.js';
import { takeSnapshot } from './snapshot.js';
import { listStills } from './stills.js';
import { diagnoseStream, getStream, listStreams } from './streams.js';

/** Every operation, in the order in which the documentation has them. */
const operations: readonly Operation[] = [
  listStreams,
  createStream,
  getStream,
  updateStream,
  deleteStream,
  readSettings,
  restartStream,
  rotateKey,
  diagnoseStream,
  readHistory,
  listRejected,
  listStills,
  takeSnapshot,
  events,
  getNode,
];

export type ApiDescription = ReturnType<OpenAPIHono['getOpenAPI31Document']>;

/** Puts the operations on the app. Answers with their description: OpenAPI 3.1, from the schemas that check requests. */
export function mountOperations(app: Hono, context: AppContext): () => ApiDescription {
  const description = new OpenAPIHono();
  for (const operation of operations) operation.mount(app, description, context);
  description.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    description: '`admin.token` of the configuration, or the token that the node printed at its start.',
  });
  return () =>
    description.getOpenAPI31Document({
      openapi: '3.1.0',
      info: {
        title: 'sidepipe',
        version: context.version,
        description:
          'A live-streaming node: its streams, and what happens to them. Errors are RFC 9457 problem documents.',
        license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
      },
      servers: [{ url: context.publicUrl ?? '/' }],
      tags: [
        { name: 'Streams', description: 'What there is to watch.' },
        { name: 'Pictures', description: 'Stills and snapshots.' },
        { name: 'Events', description: 'What happens, as it happens.' },
        { name: 'Node', description: 'The node and its machine.' },
      ],
    });
}
