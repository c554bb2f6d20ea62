import { createHash, timingSafeEqual } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import type { AppContext } from '../context.js';
import { type Problem, problemResponse } from '../response/problem.js';
import { addressGroup, type Client, connectionOf } from './client.js';
import { createRateLimit } from './rate-limit.js';
import { clearedCookie, isSameOrigin, sessionCookie, sessionValue } from './session-cookie.js';
import type { Sessions } from './sessions.js';

export interface AdminOptions {
  /** The admin token: as a bearer token, or typed into the login page. */
  readonly token: string;
  readonly sessions: Sessions;
  /** Where people reach the node. */
  readonly publicUrl?: string | undefined;
  /** Wrong tokens from one address within the window before it is refused for the rest of it. Default 10 in a minute. */
  readonly failures?: number;
  readonly windowMs?: number;
  /** Addresses that are remembered. Default 10,000; beyond it the oldest is forgotten. */
  readonly remembered?: number;
  /** Called for each wrong token that is looked at, so at a bounded rate. */
  readonly onWrongToken?: (address: string | undefined) => void;
}

/** The part of a request that decides. */
export interface AdminRequest {
  readonly method: string;
  header(name: string): string | undefined;
  readonly client: Client;
  /** Steady time in milliseconds. */
  readonly now: number;
}

type LoginResult = { readonly cookie: string } | { readonly problem: Problem };

/** The guard of all that changes, costs or shows something that is not for everybody. */
export interface Admin {
  /**
   * Undefined when the request may pass, else what to answer. A bearer token passes as it is; a session cookie passes for
   * what changes something only when the request comes from the node's own pages.
   */
  refusal(request: AdminRequest): Problem | undefined;
  /** Takes the token that was typed into the login page. `cookie` is a value for `Set-Cookie`. */
  login(token: string, request: AdminRequest): LoginResult;
  /** Ends the session of a request. */
  logout(request: AdminRequest): LoginResult;
  /** Addresses held, for tests. */
  readonly remembered: number;
}

export function createAdmin(options: AdminOptions): Admin {
  const { sessions, publicUrl, failures = 10, windowMs = 60_000, remembered } = options;
  const expected = digestOf(options.token);
  const wrong = createRateLimit({ limit: failures, windowMs, remembered });

  /** Undefined where the token is the right one. */
  function tokenProblem(given: string, { client: { address }, now }: AdminRequest): Problem | undefined {
    const group = addressGroup(address ?? '');
    // Before the token is looked at: who guesses must not learn that a guess was right.
    const { remaining, resetSeconds } = wrong.look(group, now);
    if (remaining <= 0) return tooManyGuesses(resetSeconds);
    // Hashes are of equal length, whatever was sent.
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
      // Another scheme is not meant for this node: a proxy in front may ask for a password of its own.
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

/** Lets only the admin pass: with the bearer token, or signed in to the pages. For routes of programs. */
export function requireAdmin(context: AppContext): MiddlewareHandler {
  return async (c, next) => {
    const problem = adminRefusal(c, context);
    if (problem !== undefined) return problemResponse(problem, c.req.url);
    await next();
    return undefined;
  };
}

/** Undefined when the request is the admin's, else what to answer. */
export function adminRefusal(c: Context, context: AppContext): Problem | undefined {
  return context.admin.refusal(adminRequest(c, context));
}

/** Whether the request is the admin's: for what shows more to them than to others. */
export function isAdmin(c: Context, context: AppContext): boolean {
  return adminRefusal(c, context) === undefined;
}

export function adminRequest(c: Context, { clientOf, steadyNow }: AppContext): AdminRequest {
  const header = (name: string): string | undefined => c.req.header(name);
  return { method: c.req.method, header, client: clientOf(connectionOf(c), header), now: steadyNow() };
}

function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

const missingToken = unauthorised('This needs the admin token, as Authorization: Bearer …, or a login at /login.');
const wrongToken = unauthorised('The token is not the admin token of this node.');

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
  title: 'From another site',
  detail: 'A login counts for changes only when they come from the pages of this node.',
};

function tooManyGuesses(resetSeconds: number): Problem {
  return {
    status: 429,
    code: 'too-many-attempts',
    title: 'Too many attempts',
    detail: 'Too many wrong tokens came from this address. Try again later.',
    headers: { 'retry-after': String(resetSeconds) },
  };
}
