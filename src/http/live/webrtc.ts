import type { Context, Hono } from 'hono';
import { messageOf, SidepipeError } from '../../errors.js';
import { FRAGMENT_TYPE, parseIceFragment, SDP_TYPE } from '../../webrtc/sdp.js';
import type { OpenedSession, SessionKind, WebRtcSession, WebRtcSessions } from '../../webrtc/sessions.js';
import { readText } from '../api/body.js';
import { apiProblem } from '../api/problems.js';
import type { AppContext } from '../context.js';
import { exposedHeaders, type HeaderFields, openToAll } from '../response/headers.js';
import { methodNotAllowed, notFound, type Problem, problemOf, problemResponse } from '../response/problem.js';

/** What WHIP (RFC 9725) and WHEP have in common over HTTP: an offer is posted, and its session is a resource. */

/** Where offers are posted, below `/live/{stream}/`. */
export type WebRtcEndpoint = 'whip' | 'whep';

const kinds: Readonly<Record<WebRtcEndpoint, SessionKind>> = { whip: 'publisher', whep: 'viewer' };

/** Any page may use the endpoints: no cookie authorises anything here. */
const open: HeaderFields = {
  ...openToAll,
  'access-control-expose-headers': `${exposedHeaders}, Location, Link, Accept-Patch`,
  'cache-control': 'no-store',
};

/** The routes beside `POST`: preflight, the session's PATCH and DELETE, and 405 for everything that the RFC reserves. */
export function sessionRoutes(
  app: Hono,
  context: AppContext,
  endpoint: WebRtcEndpoint,
  sessions: WebRtcSessions,
): void {
  const offers = `/live/:stream/${endpoint}`;
  const resource = `${offers}/:session`;
  app.options(offers, () => preflight('POST, OPTIONS', { 'accept-post': SDP_TYPE }));
  app.options(resource, () => preflight('DELETE, PATCH, OPTIONS', { 'accept-patch': FRAGMENT_TYPE }));
  app.on(['GET', 'PUT', 'PATCH', 'DELETE'], offers, (c) => refuse(c, methodNotAllowed(c.req.method, 'POST, OPTIONS')));
  app.on(['GET', 'POST', 'PUT'], resource, (c) => refuse(c, methodNotAllowed(c.req.method, 'DELETE, PATCH, OPTIONS')));
  app.delete(resource, (c) => {
    const session = sessionOf(c, endpoint, sessions);
    if (session === undefined) return refuse(c, unknownSession);
    session.close('deleted');
    return new Response(null, { status: 200, headers: open });
  });
  app.patch(resource, (c) =>
    answering(c, context, async () => {
      const session = sessionOf(c, endpoint, sessions);
      if (session === undefined) return refuse(c, unknownSession);
      const problem = contentProblem(c, FRAGMENT_TYPE) ?? preconditionProblem(c, session);
      if (problem !== undefined) return refuse(c, problem);
      session.trickle(parseIceFragment(await readText(c)));
      return new Response(null, { status: 204, headers: open });
    }),
  );
}

/** 201 with the answer and the address of the session. */
export function created(c: Context, { publicUrl }: AppContext, { session, answer }: OpenedSession): Response {
  const { pathname } = new URL(c.req.url);
  const prefix = publicUrl === undefined ? '' : new URL(publicUrl).pathname.replace(/\/$/, '');
  return new Response(answer, {
    status: 201,
    headers: {
      ...open,
      'content-type': SDP_TYPE,
      location: `${prefix}${pathname}/${session.id}`,
      etag: session.etag,
      'accept-patch': FRAGMENT_TYPE,
    },
  });
}

/** 415 unless the body has this type. */
export function contentProblem(c: Context, expected: string): Problem | undefined {
  const type = c.req.header('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (type === expected) return undefined;
  const detail = `Send the body as ${expected}.`;
  return { status: 415, code: 'unsupported-media-type', title: 'Unsupported media type', detail };
}

export function refuse(c: Context, problem: Problem): Response {
  return problemResponse({ ...problem, headers: { ...open, ...problem.headers } }, c.req.url);
}

/** Runs a handler; its errors become problem documents that pages of other origins can read. */
export async function answering(c: Context, { log }: AppContext, handle: () => Promise<Response>): Promise<Response> {
  try {
    return await handle();
  } catch (error) {
    const problem = sessionProblem(error) ?? apiProblem(error) ?? problemOf(error);
    if (problem.status >= 500) {
      const { method, path } = c.req;
      const facts = { method, path: path.replace(/(\/wh[ie]p\/).*/, '$1…'), status: problem.status };
      if (problem.status === 500) log.error({ ...facts, err: error }, 'request failed');
      else log.warn({ ...facts, reason: messageOf(error) }, 'WebRTC session rejected');
    }
    return refuse(c, problem);
  }
}

function sessionOf(c: Context, endpoint: WebRtcEndpoint, sessions: WebRtcSessions): WebRtcSession | undefined {
  const session = sessions.get(c.req.param('session') ?? '');
  return session?.kind === kinds[endpoint] && session.stream === c.req.param('stream') ? session : undefined;
}

/** RFC 9725, 4.3.1: "…MUST contain an If-Match header field with the latest known entity-tag". */
function preconditionProblem(c: Context, { etag }: WebRtcSession): Problem | undefined {
  const match = c.req.header('if-match');
  if (match === undefined) {
    const detail = 'Send the ETag of the session as If-Match.';
    return { status: 428, code: 'precondition-required', title: 'Precondition required', detail };
  }
  // An ICE restart has `*`: whether it is one is decided by the fragment.
  if (match === '*' || match.split(',').some((each) => each.trim() === etag)) return undefined;
  const detail = 'The ETag is not that of the session.';
  return { status: 412, code: 'precondition-failed', title: 'Precondition failed', detail };
}

function preflight(allow: string, further: HeaderFields): Response {
  return new Response(null, {
    status: 204,
    headers: {
      ...further,
      allow,
      'access-control-allow-origin': '*',
      'access-control-allow-methods': allow,
      'access-control-allow-headers': 'Authorization, Content-Type, If-Match',
      'access-control-expose-headers': 'Accept-Post, Accept-Patch, Link',
      'access-control-max-age': '86400',
    },
  });
}

const unknownSession = notFound('This session does not exist, or it has ended.');

const problems: Readonly<Record<string, readonly [status: number, title: string, retrySeconds?: number]>> = {
  'webrtc-unavailable': [501, 'WebRTC not available'],
  'webrtc-limit-reached': [503, 'WebRTC limit reached', 5],
  'webrtc-offer-invalid': [400, 'Invalid offer'],
  'webrtc-offer-unacceptable': [406, 'Offer not acceptable'],
  'port-unavailable': [503, 'Port unavailable', 30],
  aborted: [503, 'Session closed', 5],
};

function sessionProblem(error: unknown): Problem | undefined {
  if (!(error instanceof SidepipeError)) return undefined;
  const { code, message, details, retryable } = error;
  const [usual, title, retrySeconds] = problems[code] ?? [];
  if (usual === undefined || title === undefined) return undefined;
  const status = typeof details['status'] === 'number' ? details['status'] : usual;
  // A session's limit of candidates lasts as long as the session.
  const isLasting = code === 'webrtc-limit-reached' && !retryable;
  const headers = retrySeconds === undefined || isLasting ? {} : { headers: { 'retry-after': String(retrySeconds) } };
  return { status, code, title, detail: message, ...headers };
}
