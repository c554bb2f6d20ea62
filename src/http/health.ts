import type { Context, Hono } from 'hono';
import type { LiveStream } from '../stream/live-stream.js';
import type { NotReady } from '../stream/readiness.js';
import { isAdmin } from './access/auth.js';
import type { AppContext } from './context.js';
import { notForPages } from './response/headers.js';
import { notFound, type Problem, problemResponse } from './response/problem.js';

/** Phases of a node: it serves HTTP in all three, but has its streams only once it has started. */
export type NodePhase = 'starting' | 'started' | 'closing';

/** For supervisors and monitoring: whether the process is alive, the node ready, and every stream playable and fresh; and metrics. */
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
  /** The streams to report. */
  readonly streams: readonly LiveStream[];
  /** Whether a stream that is not playable and fresh is a failure. Otherwise only the node counts. */
  readonly mediaCounts: boolean;
}

/**
 * Parses the query of a probe. Anything unknown is rejected: a misspelt `?streams=all` that returns 200 would hide every
 * failure.
 */
function questionOf(c: Context, { streams }: AppContext): Question | { readonly problem: Problem } {
  const given = Object.entries(c.req.queries());
  const [name, values] = given[0] ?? [];
  if (name === undefined || values === undefined) return { streams: streams.list(), mediaCounts: false };
  if (name !== 'streams' && name !== 'stream') return invalid(name, 'is unknown; use streams=all or stream=NAME');
  if (given.length > 1) return invalid(given[1]?.[0] ?? '', `cannot be combined with ${name}`);
  const [value = ''] = values;
  if (values.length > 1) return invalid(name, 'must not be repeated');
  if (name === 'streams') {
    return value === 'all'
      ? { streams: streams.list(), mediaCounts: true }
      : invalid(name, 'must be all; use stream=NAME for one stream');
  }
  if (value === '') return invalid(name, 'must be the name of a stream');
  const live = streams.get(value);
  if (live !== undefined) return { streams: [live], mediaCounts: true };
  const unknown = notFound(`Stream ${JSON.stringify(value.slice(0, 80))} does not exist.`);
  return { problem: { ...unknown, code: 'stream-unknown', title: 'Unknown stream', field: 'stream' } };
}

function invalid(field: string, message: string): { readonly problem: Problem } {
  const name = field.slice(0, 80);
  const detail = `The parameter ${JSON.stringify(name)} ${message}.`;
  return { problem: { status: 400, code: 'request-invalid', title: 'Invalid request', detail, field: name } };
}

function answerReadiness(c: Context, { streams, mediaCounts }: Question, context: AppContext): Response {
  const forOperator = isAdmin(c, context);
  const words = ({ reason, detail }: NotReady) => (forOperator && detail ? `${reason}: ${detail}` : reason);
  const phase = context.node.phase();
  const notReady: { stream: string; reason: string }[] = [];
  const failures: string[] = phase === 'started' ? [] : [`the node is ${phase}`];
  for (const live of streams) {
    const { media, store } = live.readiness();
    if (media !== undefined) notReady.push({ stream: live.name, reason: words(media) });
    if (media !== undefined && mediaCounts) failures.push(`${live.name}: ${words(media)}`);
    if (store !== undefined) notReady.push({ stream: live.name, reason: words(store) });
    // The store belongs to the node: its faults count for every probe.
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
