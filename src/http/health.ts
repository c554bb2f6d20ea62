import type { Context, Hono } from 'hono';
import type { LiveStream } from '../stream/live-stream.js';
import type { NotReady } from '../stream/readiness.js';
import { isAdmin } from './access/auth.js';
import type { AppContext } from './context.js';
import { notForPages } from './response/headers.js';
import { notFound, type Problem, problemResponse } from './response/problem.js';

/** What a node does: it answers HTTP in all three, and has its streams only once it has started. */
export type NodePhase = 'starting' | 'started' | 'closing';

/** For supervisors and monitoring: is the process alive, can the node serve, is every stream playable and fresh, and the numbers. */
export function healthRoutes(app: Hono, context: AppContext): void {
  app.get('/healthz', () => json({ status: 'ok', version: context.version }));

  app.get('/readyz', (c) => {
    const asked = questionOf(c, context);
    if ('problem' in asked) return problemResponse(asked.problem, c.req.url);
    return answerReadiness(c, asked, context);
  });

  app.get('/metrics', async () => {
    const { body, contentType } = await context.metrics.render();
    return text(body, contentType);
  });
}

interface Question {
  /** The streams that are reported. */
  readonly streams: readonly LiveStream[];
  /** Whether one of them that is not playable and fresh is a failure. Otherwise only the node is asked about. */
  readonly mediaCounts: boolean;
}

/**
 * What a probe asks for. Anything unknown is refused: a misspelt `?streams=all` that answers 200 would be an alarm that never
 * rings.
 */
function questionOf(c: Context, { streams }: AppContext): Question | { readonly problem: Problem } {
  const given = Object.entries(c.req.queries());
  const [name, values] = given[0] ?? [];
  if (name === undefined || values === undefined) return { streams: streams.list(), mediaCounts: false };
  if (name !== 'streams' && name !== 'stream')
    return invalid(name, 'is not known here: use streams=all or stream=NAME');
  if (given.length > 1) return invalid(given[1]?.[0] ?? '', `cannot be combined with ${name}`);
  const [value = ''] = values;
  if (values.length > 1) return invalid(name, 'may be given once');
  if (name === 'streams') {
    return value === 'all'
      ? { streams: streams.list(), mediaCounts: true }
      : invalid(name, 'must be all; for one stream use stream=NAME');
  }
  if (value === '') return invalid(name, 'must be the name of a stream');
  const live = streams.get(value);
  if (live !== undefined) return { streams: [live], mediaCounts: true };
  const unknown = notFound(`There is no stream named ${JSON.stringify(value.slice(0, 80))}.`);
  return { problem: { ...unknown, code: 'stream-unknown', title: 'Unknown stream', field: 'stream' } };
}

function invalid(field: string, message: string): { readonly problem: Problem } {
  const name = field.slice(0, 80);
  const detail = `The parameter ${JSON.stringify(name)} ${message}.`;
  return { problem: { status: 400, code: 'request-invalid', title: 'Request not understood', detail, field: name } };
}

function answerReadiness(c: Context, { streams, mediaCounts }: Question, context: AppContext): Response {
  const forOperator = isAdmin(c, context);
  const words = ({ reason, detail }: NotReady) => (forOperator && detail ? `${reason}: ${detail}` : reason);
  const phase = context.phase();
  const notReady: { stream: string; reason: string }[] = [];
  const failures: string[] = phase === 'started' ? [] : [`the node is ${phase}`];
  for (const live of streams) {
    const { media, store } = live.readiness();
    if (media !== undefined) notReady.push({ stream: live.name, reason: words(media) });
    if (media !== undefined && mediaCounts) failures.push(`${live.name}: ${words(media)}`);
    if (store !== undefined) notReady.push({ stream: live.name, reason: words(store) });
    // The store is the node's: its faults count whatever is asked for.
    if (store !== undefined) failures.push(`${live.name}: ${words(store)}`);
  }
  if (failures.length === 0) return json({ status: 'ready', streams: streams.length, notReady });
  return problemResponse(
    {
      status: 503,
      code: 'not-ready',
      title: 'Not ready',
      detail: failures.join('; '),
      headers: { 'retry-after': '1' },
      members: { streams: streams.length, notReady },
    },
    c.req.url,
  );
}

function json(value: object): Response {
  return text(JSON.stringify(value), 'application/json');
}

function text(body: string, contentType: string): Response {
  return new Response(body, {
    headers: { ...notForPages, 'content-type': contentType, 'content-length': String(Buffer.byteLength(body)) },
  });
}
