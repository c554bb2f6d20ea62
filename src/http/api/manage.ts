import { z } from 'zod';
import { streamInputSchema, streamPatchSchema } from '../../config/stream-input.js';
import type { StreamControl } from '../../control/stream-control.js';
import { SidepipeError } from '../../errors.js';
import { streamDescriptionSchema } from '../../stream/description.js';
import type { AppContext } from '../context.js';
import { baseUrlOf } from '../response/base-url.js';
import { Idempotency } from './idempotency.js';
import { json } from './json.js';
import { type ApiRequest, operation } from './operation.js';
import { createdSchema, restartedSchema, rotatedSchema, settingsSchema } from './schemas.js';
import { describeFor } from './streams.js';

/** Operations that change streams. */

const notSaved = 'The node currently cannot save streams, or accepts no further ones. Retry later.';
const conflicts = 'A stream with this name exists, or the limit of streams is reached.';
const configured = 'The stream is defined in the configuration file and can only be changed there.';

const idempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,200}$/, 'expected 1 to 200 printable characters')
  .optional()
  .meta({
    description: 'A unique string per stream. A repeated request with the same key gets the same response.',
  });

const answersOf = new WeakMap<AppContext, Idempotency>();

export const createStream = operation({
  id: 'createStream',
  method: 'post',
  path: '/api/v1/streams',
  tag: 'Streams',
  summary: 'Create a stream',
  description: [
    'Sending the same body again creates nothing: the response is 200 with the existing stream. With an `Idempotency-Key`, the',
    'first response is returned again, including the generated stream key. A push stream without `keys` gets a generated key,',
    'which only this response shows. Files, devices and this machine itself are allowed as sources in the configuration only.',
  ].join(' '),
  admin: true,
  headers: z.object({ 'idempotency-key': idempotencyKey }),
  body: {
    schema: streamInputSchema,
    required: true,
    checked: false,
    example: { name: 'front-door', source: 'rtsp://user:pass@camera.example/1', thumbnail: { intervalSeconds: 2 } },
  },
  answers: {
    201: { description: 'Stream created.', schema: createdSchema, headers: { Location: 'URL of the stream.' } },
    200: { description: 'The stream already exists with the same settings.', schema: createdSchema },
  },
  refusals: { 409: conflicts, 422: 'The Idempotency-Key was used before with another body.', 503: notSaved },
  answer: async (request) => {
    const { c, context, body } = request;
    const key = c.req.header('idempotency-key');
    const idempotency = answersOf.get(context) ?? new Idempotency(context.steadyNow);
    answersOf.set(context, idempotency);
    const made =
      key === undefined
        ? { ...(await create(request)), replayed: false }
        : await idempotency.once(key, JSON.stringify(body), () => create(request));
    const { status, headers, replayed } = made;
    return json(made.body, { status, headers: { ...headers, ...(replayed && { 'idempotency-replayed': 'true' }) } });
  },
});

export const updateStream = operation({
  id: 'updateStream',
  method: 'patch',
  path: '/api/v1/streams/{stream}',
  tag: 'Streams',
  summary: 'Change a stream',
  description: [
    'A JSON merge patch (RFC 7396): null restores the default, lists are replaced as a whole. The stream restarts with its new',
    'settings, unless only `keys`, `alerts` or `publish.whenBusy` change. Other streams are unaffected.',
  ].join(' '),
  admin: true,
  body: {
    schema: streamPatchSchema,
    required: true,
    checked: false,
    contentTypes: ['application/merge-patch+json', 'application/json'],
    example: { thumbnail: { intervalSeconds: 5 }, audio: 'none' },
  },
  answers: { 200: { description: 'The stream with its new settings.', schema: streamDescriptionSchema } },
  refusals: { 409: configured, 503: notSaved },
  answer: async (request) => {
    const { context, live, body } = request;
    await controlOf(context).update(live.name, body);
    return json(describeFor(request, context.streams.get(live.name) ?? live));
  },
});

export const deleteStream = operation({
  id: 'deleteStream',
  method: 'delete',
  path: '/api/v1/streams/{stream}',
  tag: 'Streams',
  summary: 'Delete a stream',
  description:
    'Responds when the stream has ended. Its players see the end of the playlist. Objects on the store remain.',
  admin: true,
  answers: { 204: { description: 'Stream deleted.' } },
  refusals: { 409: configured, 503: notSaved },
  answer: async ({ context, live }) => {
    await controlOf(context).remove(live.name);
    return new Response(null, { status: 204 });
  },
});

export const readSettings = operation({
  id: 'readSettings',
  method: 'get',
  path: '/api/v1/streams/{stream}/settings',
  tag: 'Streams',
  summary: 'Get all settings of a stream',
  admin: true,
  answers: { 200: { description: 'The settings.', schema: settingsSchema } },
  answer: (request) => {
    const { context, live } = request;
    const settings = controlOf(context).settings(live.name);
    if (settings === undefined) throw gone(live.name);
    return json({ ...settings, publish: settings.keys === null ? null : publishUrls(request) });
  },
});

export const restartStream = operation({
  id: 'restartStream',
  method: 'post',
  path: '/api/v1/streams/{stream}/restart',
  tag: 'Streams',
  summary: 'Restart ffmpeg of a stream, in the same window',
  admin: true,
  answers: { 202: { description: 'Restart accepted.', schema: restartedSchema } },
  answer: async ({ context, live }) => {
    return json({ restarted: await controlOf(context).restart(live.name) }, { status: 202 });
  },
});

const rotation = z
  .strictObject({
    keepPublisher: z.boolean().default(false).meta({ description: 'Keep the current publisher connected.' }),
  })
  .meta({ id: 'Rotation' });

export const rotateKey = operation({
  id: 'rotateKey',
  method: 'post',
  path: '/api/v1/streams/{stream}/keys',
  tag: 'Streams',
  summary: 'Replace all stream keys by a new one',
  description: 'Old keys stop working, and a publisher that uses one is disconnected unless `keepPublisher` is true.',
  admin: true,
  body: { schema: rotation, required: false, example: { keepPublisher: true } },
  answers: { 201: { description: 'The new key.', schema: rotatedSchema } },
  refusals: { 409: `${configured} Or it has no keys, because its source is not \`push\`.`, 503: notSaved },
  answer: async (request) => {
    const { context, live, body } = request;
    const key = await controlOf(context).rotateKey(live.name, body);
    return json({ key, publish: publishUrls(request) }, { status: 201 });
  },
});

async function create(request: ApiRequest<unknown, unknown>) {
  const { context, body } = request;
  const control = controlOf(context);
  const { name, created, key } = await control.create(body);
  const live = context.streams.get(name);
  if (live === undefined) throw gone(name);
  const isPush = control.settings(name)?.settings.source === 'push';
  const publish = isPush ? publishUrls(request) : null;
  const location = `${context.publicUrl ?? ''}/api/v1/streams/${name}`;
  return {
    status: created ? 201 : 200,
    body: { ...describeFor(request, live), ...(key !== undefined && { key }), publish },
    headers: created ? { location } : {},
  };
}

/** Uses the host of the request, unless the node has a public URL. */
function publishUrls({ c, context }: Pick<ApiRequest<unknown, unknown>, 'c' | 'context'>) {
  const asked = baseUrlOf(c, context) ?? c.req.url;
  const { hostname } = new URL(URL.canParse(asked) ? asked : 'http://localhost');
  const { rtmp, rtmps } = controlOf(context).publishPorts;
  const url = (scheme: string, port: number | undefined) =>
    port === undefined ? null : `${scheme}://${hostname}:${port}/live`;
  return { rtmp: url('rtmp', rtmp), rtmps: url('rtmps', rtmps) };
}

function controlOf(context: AppContext): StreamControl {
  const control = context.node.control();
  if (control !== undefined) return control;
  const message = 'The node has not started yet.';
  throw new SidepipeError(message, { code: 'node-overloaded', fault: 'node', retryable: true });
}

function gone(name: string): SidepipeError {
  return new SidepipeError(`Stream ${name} no longer exists.`, { code: 'not-found', fault: 'caller' });
}
