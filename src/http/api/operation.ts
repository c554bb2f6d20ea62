import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import type { Context, Hono } from 'hono';
import { z } from 'zod';
import { checkValue } from '../../config/parse.js';
import type { LiveStream } from '../../stream/live-stream.js';
import { isAdmin, requireAdmin } from '../access/auth.js';
import type { AppContext } from '../context.js';
import { unknownStream } from '../live/live.js';
import { openToAll } from '../response/headers.js';
import { type Problem, problemResponse } from '../response/problem.js';
import { readJson } from './body.js';
import { apiProblem, type FieldError, invalidRequest } from './problems.js';
import { problemSchema } from './schemas.js';

/** A success response of an operation. */
interface Answer {
  readonly description: string;
  /** Default: JSON. */
  readonly contentType?: string;
  /** Undefined: no body, or a body without a schema. */
  readonly schema?: z.ZodType;
  /** Descriptions by header name. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiRequest<Query, Body> {
  readonly c: Context;
  readonly context: AppContext;
  /** The stream of the path. */
  readonly live: LiveStream;
  readonly query: Query;
  readonly body: Body;
  readonly isAdmin: boolean;
}

export interface OperationOptions<Query extends z.ZodObject, Body extends z.ZodType> {
  readonly id: string;
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** `/api/v1/streams/{stream}`. */
  readonly path: string;
  readonly tag: 'Streams' | 'Pictures' | 'Events' | 'Node';
  readonly summary: string;
  readonly description?: string;
  /** Whether it needs the admin token. */
  readonly admin: boolean;
  readonly query?: Query;
  readonly headers?: z.ZodObject;
  readonly body?: {
    readonly schema: Body;
    /** False: the body is optional and defaults to `{}`. */
    readonly required: boolean;
    /** False: the receiver of the body validates it, by the same schema and by rules that need other data. */
    readonly checked?: boolean;
    readonly contentTypes?: readonly string[];
    readonly example: unknown;
  };
  readonly answers: Readonly<Record<number, Answer>>;
  /** Error statuses with their reasons, in addition to those that every operation has. */
  readonly refusals?: Readonly<Record<number, string>>;
  readonly answer: (request: ApiRequest<z.output<Query>, z.output<Body>>) => Response | Promise<Response>;
}

/** An operation of the API: its description and its handler. */
export interface Operation {
  /** Adds the operation to the app and to the description. */
  mount(app: Hono, description: OpenAPIHono, context: AppContext): void;
}

const pathParameter = z.object({
  stream: z.string().meta({ description: 'The name of a stream.', example: 'front-door' }),
});

export function operation<Query extends z.ZodObject, Body extends z.ZodType>(
  options: OperationOptions<Query, Body>,
): Operation {
  return {
    mount(app, description, context) {
      description.openAPIRegistry.registerPath(routeOf(options));
      const path = options.path.replaceAll(/\{(\w+)\}/g, ':$1');
      const guards = options.admin ? [requireAdmin(context)] : [];
      app.on(options.method.toUpperCase(), [path], ...guards, (c) => handle(options, c, context));
    },
  };
}

async function handle<Query extends z.ZodObject, Body extends z.ZodType>(
  options: OperationOptions<Query, Body>,
  c: Context,
  context: AppContext,
): Promise<Response> {
  const refuse = (problem: Problem) => {
    const headers = options.admin ? problem.headers : { ...openToAll, ...problem.headers };
    return problemResponse({ ...problem, ...(headers && { headers }) }, c.req.url);
  };
  const name = c.req.param('stream');
  const live = name === undefined ? undefined : context.streams.get(name);
  if (name !== undefined && live === undefined) return refuse(unknownStream(name));
  try {
    const query = parts(options.query ?? z.object({}), c.req.query(), 'query') as z.output<Query>;
    if (options.headers !== undefined) parts(options.headers, c.req.header(), 'header');
    const body = (options.body && (await bodyOf(options.body, c))) as z.output<Body>;
    const admin = options.admin || isAdmin(c, context);
    return await options.answer({ c, context, live: live as LiveStream, query, body, isAdmin: admin });
  } catch (error) {
    const problem = apiProblem(error);
    if (problem === undefined) throw error;
    return refuse(problem);
  }
}

function parts(schema: z.ZodObject, values: Record<string, string>, where: FieldError['in']): unknown {
  const { value, findings } = checkValue(schema, values);
  if (findings.length > 0) throw invalidRequest(where, findings);
  return value;
}

async function bodyOf(
  body: NonNullable<OperationOptions<z.ZodObject, z.ZodType>['body']>,
  c: Context,
): Promise<unknown> {
  const { required, contentTypes = ['application/json'], schema, checked = true } = body;
  const given = await readJson(c, { required, contentTypes });
  if (!checked) return given;
  const { value, findings } = checkValue(schema, given);
  if (findings.length > 0) throw invalidRequest('body', findings);
  return value;
}

function routeOf(options: OperationOptions<z.ZodObject, z.ZodType>) {
  const { method, path, id, tag, summary, description, admin, query, headers, body } = options;
  const problem = (text: string) => ({
    description: text,
    content: { 'application/problem+json': { schema: problemSchema } },
  });
  const refusals: Record<number, string> = {
    ...(query || headers || body ? { 400: 'The request is invalid: `errors` lists each field.' } : {}),
    ...(admin
      ? {
          401: 'The admin token is missing or wrong.',
          403: 'The session was used from another site.',
          429: 'Too many wrong tokens from this IP address.',
        }
      : {}),
    ...(path.includes('{stream}') ? { 404: 'Stream not found.' } : {}),
    ...(body ? { 413: 'The body is too large.', 415: 'Unsupported content type.' } : {}),
    ...options.refusals,
  };
  return createRoute({
    method,
    path,
    operationId: id,
    tags: [tag],
    summary,
    ...(description && { description }),
    security: admin ? [{ bearer: [] }] : [{}, { bearer: [] }],
    request: {
      ...(path.includes('{stream}') && { params: pathParameter }),
      ...(query && { query }),
      ...(headers && { headers }),
      ...(body && {
        body: {
          required: body.required,
          content: Object.fromEntries(
            (body.contentTypes ?? ['application/json']).map((type) => [
              type,
              { schema: body.schema, example: body.example },
            ]),
          ),
        },
      }),
    },
    responses: {
      ...Object.fromEntries(Object.entries(options.answers).map(([status, answer]) => [status, answerOf(answer)])),
      ...Object.fromEntries(Object.entries(refusals).map(([status, text]) => [status, problem(text)])),
    },
  });
}

function answerOf({ description, contentType = 'application/json', schema, headers = {} }: Answer) {
  const fields = Object.entries(headers).map(([name, text]) => [
    name,
    { description: text, schema: { type: 'string' } },
  ]);
  return {
    description,
    ...(fields.length > 0 && { headers: Object.fromEntries(fields) }),
    ...(schema && { content: { [contentType]: { schema } } }),
  };
}
