import { createHash, timingSafeEqual } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import { addressGroup } from '../../net/address.js';
import { createRateLimit } from '../../net/rate-limit.js';
import type { AppContext } from '../context.js';
import { type Problem, problemResponse } from '../response/problem.js';
import { type Client, connectionOf } from './client.js';
import { clearedCookie, isSameOrigin, sessionCookie, sessionValue } from './session-cookie.js';
import type { Sessions } from './sessions.js';

export interface AdminOptions {
  /** The admin token: sent as a bearer token, or entered on the login page. */
  readonly token: string;
  readonly sessions: Sessions;
  /** Public base URL of the node. */
  readonly publicUrl?: string | undefined;
  /** Wrong tokens from one address before it is rejected for the rest of the window. Default: 10 per minute. */
  readonly failures?: number;
  readonly windowMs?: number;
  /** Maximum number of addresses in memory. Default 10,000; beyond it the oldest is evicted. */
  readonly remembered?: number;
  /** Called for each wrong token that is checked, so at a bounded rate. */
  readonly onWrongToken?: (address: string | undefined) => void;
}

/** The part of a request that authentication reads. */
export interface AdminRequest {
  readonly method: string;
  header(name: string): string | undefined;
  readonly client: Client;
  /** Monotonic time in milliseconds. */
  readonly now: number;
}

type LoginResult = { readonly cookie: string } | { readonly problem: Problem };

/** Guards all requests that change something, are expensive, or return data that is not public. */
export interface Admin {
  /**
   * Undefined if the request may pass, otherwise the problem to return. A bearer token is always enough; a session cookie
   * authorises changes only if the request comes from the node's own pages.
   */
  refusal(request: AdminRequest): Problem | undefined;
  /** Checks the token from the login page. `cookie` is a value for `Set-Cookie`. */
  login(token: string, request: AdminRequest): LoginResult;
  /** Ends the session of a request. */
  logout(request: AdminRequest): LoginResult;
  /** Number of addresses in memory, for tests. */
  readonly remembered: number;
}

export function createAdmin(options: AdminOptions): Admin {
  const { sessions, publicUrl, failures = 10, windowMs = 60_000, remembered } = options;
  const expected = digestOf(options.token);
  const wrong = createRateLimit({ limit: failures, windowMs, remembered });

  /** Undefined if the token is correct. */
  function tokenProblem(given: string, { client: { address }, now }: AdminRequest): Problem | undefined {
    const group = addressGroup(address ?? '');
    // Before the token is checked: an attacker over the limit must not learn that a guess was right.
    const { remaining, resetSeconds } = wrong.look(group, now);
    if (remaining <= 0) return tooManyGuesses(resetSeconds);
    // Hashes have equal length, regardless of what the client sent.
    if (timingSafeEqual(digestOf(given), expected)) return undefined;
    wrong.hit(group, now);
    options.onWrongToken?.(address);
    return wrongToken;
  }

  return {
    get remembered() {
      return wrong.size;
    },
    refusal(request) {
      // Another scheme is not meant for this node: a proxy in front may require its own password.
      const [, given] = /^Bearer +([\x21-\x7e]+) *$/i.exec(request.header('authorization') ?? '') ?? [];
      if (given !== undefined) return tokenProblem(given, request);
      const value = sessionValue(request, publicUrl);
      if (value === undefined || sessions.expiresAt(value, request.now) === undefined) return missingToken;
      return isSafe(request.method) || isSameOrigin(request, publicUrl) ? undefined : crossSite;
    },
    login(token, request) {
      if (!isSameOrigin(request, publicUrl)) return { problem: crossSite };
      const problem = tokenProblem(token, request);
      if (problem !== undefined) return { problem };
      return { cookie: sessionCookie(sessions.begin(request.now), sessions.lifetimeSeconds, request, publicUrl) };
    },
    logout(request) {
      if (!isSameOrigin(request, publicUrl)) return { problem: crossSite };
      const value = sessionValue(request, publicUrl);
      if (value !== undefined) sessions.end(value);
      return { cookie: clearedCookie(request, publicUrl) };
    },
  };
}

/** Admits only the admin, by bearer token or session. For routes that programs use. */
export function requireAdmin(context: AppContext): MiddlewareHandler {
  return async (c, next) => {
    const problem = adminRefusal(c, context);
    if (problem !== undefined) return problemResponse(problem, c.req.url);
    await next();
    return undefined;
  };
}

/** Undefined if the request is the admin's, otherwise the problem to return. */
export function adminRefusal(c: Context, context: AppContext): Problem | undefined {
  return context.access.admin.refusal(adminRequest(c, context));
}

/** Whether the request is the admin's: for responses that contain more for them. */
export function isAdmin(c: Context, context: AppContext): boolean {
  return adminRefusal(c, context) === undefined;
}

export function adminRequest(c: Context, { access, steadyNow }: AppContext): AdminRequest {
  const header = (name: string): string | undefined => c.req.header(name);
  return { method: c.req.method, header, client: access.clientOf(connectionOf(c), header), now: steadyNow() };
}

function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

const missingToken = unauthorised('Admin token required: send Authorization: Bearer …, or sign in at /login.');
const wrongToken = unauthorised('Wrong admin token.');

function unauthorised(detail: string): Problem {
  return {
    status: 401,
    code: 'unauthorised',
    title: 'Unauthorised',
    detail,
    headers: { 'www-authenticate': 'Bearer realm="sidepipe"' },
  };
}

const crossSite: Problem = {
  status: 403,
  code: 'cross-site',
  title: 'Cross-site request',
  detail: 'A session authorises changes only from pages of this node.',
};

function tooManyGuesses(resetSeconds: number): Problem {
  return {
    status: 429,
    code: 'too-many-attempts',
    title: 'Too many attempts',
    detail: 'Too many wrong tokens from this IP address. Try again later.',
    headers: { 'retry-after': String(resetSeconds) },
  };
}
