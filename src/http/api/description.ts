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

/** Every operation, in the order of the documentation. */
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

/** Mounts the operations on the app. Returns their OpenAPI 3.1 document, generated from the schemas that validate requests. */
export function mountOperations(app: Hono, context: AppContext): () => ApiDescription {
  const description = new OpenAPIHono();
  for (const operation of operations) operation.mount(app, description, context);
  description.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    description: '`admin.token` of the configuration, or the token that the node printed at startup.',
  });
  return () =>
    description.getOpenAPI31Document({
      openapi: '3.1.0',
      info: {
        title: 'sidepipe',
        version: context.version,
        description:
          'Manages the streams of a live-streaming node and reports their events. Errors are RFC 9457 problem documents.',
        license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
      },
      servers: [{ url: context.publicUrl ?? '/' }],
      tags: [
        { name: 'Streams', description: 'Streams: state, settings and control.' },
        { name: 'Pictures', description: 'Stills and snapshots.' },
        { name: 'Events', description: 'Events of the streams, in real time.' },
        { name: 'Node', description: 'The node and the load of its machine.' },
      ],
    });
}
