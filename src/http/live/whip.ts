import type { Hono } from 'hono';
import { SidepipeError } from '../../errors.js';
import { addressGroup } from '../../net/address.js';
import { createRateLimit } from '../../net/rate-limit.js';
import { errorPage } from '../../web/error-page.js';
import { publishPage } from '../../web/publish-page.js';
import { SDP_TYPE } from '../../webrtc/sdp.js';
import type { WhipIngest } from '../../webrtc/whip/ingest.js';
import { connectionOf } from '../access/client.js';
import { readText } from '../api/body.js';
import type { AppContext } from '../context.js';
import { pageResponse } from '../pages.js';
import { captureSecurity } from '../response/headers.js';
import { type Problem, problemResponse } from '../response/problem.js';
import { unknownStream } from './live.js';
import { answering, contentProblem, created, refuse } from './webrtc.js';

/** Wrong keys from one address within a minute, as for RTMP. */
const MOST_FAILURES = 20;
const MINUTE_MS = 60_000;

/** `POST /live/{stream}/whip`: an offer of a publisher (RFC 9725), with the stream key as bearer token. */
export function whipRoutes(app: Hono, context: AppContext, whip: WhipIngest): void {
  const failures = createRateLimit({ limit: MOST_FAILURES, windowMs: MINUTE_MS });

  app.post('/live/:stream/whip', (c) =>
    answering(c, context, async () => {
      const stream = c.req.param('stream');
      const { address, scheme } = context.access.clientOf(connectionOf(c), (name) => c.req.header(name));
      const group = addressGroup(address ?? '');
      const { remaining, resetSeconds } = failures.look(group, context.steadyNow());
      if (remaining <= 0) return refuse(c, tooManyFailures(resetSeconds));
      const [, key] = /^Bearer +([\x21-\x7e]+) *$/i.exec(c.req.header('authorization') ?? '') ?? [];
      if (key === undefined) return refuse(c, unauthorised('Send the stream key as Authorization: Bearer ….'));
      const problem = contentProblem(c, SDP_TYPE) ?? streamProblem(stream, context);
      if (problem !== undefined) return refuse(c, problem);
      const offer = await readText(c);
      try {
        const opened = await whip.publish({
          ...{ stream, offer, address, revealKey: () => key },
          secure: scheme === 'https',
          encoder: printable(c.req.header('user-agent') ?? ''),
          signal: c.req.raw.signal,
        });
        return created(c, context, opened);
      } catch (error) {
        const refusal = refusalOf(error);
        if (refusal === undefined) throw error;
        if (refusal.status === 401) {
          failures.hit(group, context.steadyNow());
          const facts = { address, secure: scheme === 'https', reason: 'bad-key', protocol: 'whip' };
          context.log.warn(facts, 'publisher rejected: wrong stream key');
        }
        return refuse(c, refusal);
      }
    }),
  );
}

/** `/publish/{stream}`: a page that publishes a camera or the screen. It needs no login: publishing needs the stream key. */
export function publishPageRoute(app: Hono, context: AppContext): void {
  const { assets, version } = context;
  app.get('/publish/:stream', (c) => {
    const name = c.req.param('stream');
    const problem = streamProblem(name, context);
    if (problem === undefined)
      return pageResponse(publishPage({ name, assets, version }), { security: captureSecurity });
    if (c.req.header('accept')?.includes('text/html') !== true) return problemResponse(problem, c.req.url);
    return pageResponse(errorPage({ problem, path: c.req.path, assets, version }), { problem });
  });
}

/** The stream must exist and wait for publishers. */
function streamProblem(stream: string, { streams, node }: AppContext): Problem | undefined {
  if (streams.get(stream) === undefined) return unknownStream(stream);
  if (node.control()?.settings(stream)?.settings.source === 'push') return undefined;
  const detail = `Stream ${stream} has a source of its own and accepts no publishers.`;
  return { status: 409, code: 'stream-not-push', title: 'Not a push stream', detail };
}

function refusalOf(error: unknown): Problem | undefined {
  if (!(error instanceof SidepipeError) || error.code !== 'publisher-rejected') return undefined;
  const { details, message } = error;
  if (details['reason'] === 'bad-key') return unauthorised(message);
  if (details['reason'] === 'stream-busy') {
    return { status: 409, code: 'stream-busy', title: 'Stream has a publisher', detail: message };
  }
  const headers = { 'retry-after': '5' };
  return { status: 503, code: 'publisher-rejected', title: 'Publisher rejected', detail: message, headers };
}

function unauthorised(detail: string): Problem {
  const headers = { 'www-authenticate': 'Bearer realm="sidepipe"' };
  return { status: 401, code: 'unauthorised', title: 'Unauthorised', detail, headers };
}

function tooManyFailures(resetSeconds: number): Problem {
  const detail = 'Too many wrong stream keys from this IP address. Try again later.';
  const headers = { 'retry-after': String(resetSeconds) };
  return { status: 429, code: 'too-many-attempts', title: 'Too many attempts', detail, headers };
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '').slice(0, 100);
}
