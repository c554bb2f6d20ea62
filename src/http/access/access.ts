import { randomBytes } from 'node:crypto';
import type { Hono, MiddlewareHandler } from 'hono';
import type { HttpLog } from '../context.js';
import { openToAll } from '../response/headers.js';
import { problemResponse } from '../response/problem.js';
import { type Admin, createAdmin } from './auth.js';
import {
  addressGroup,
  type ClientReader,
  type ClientReaderOptions,
  connectionOf,
  createClientReader,
} from './client.js';
import { type Cors, createCors } from './cors.js';
import { createRateLimit } from './rate-limit.js';
import { createSessions } from './sessions.js';

/** What the configuration says of who may do what. */
export interface AccessSettings extends ClientReaderOptions {
  /** Origins, or `*`. Default: everyone. */
  readonly corsOrigins?: readonly string[];
  /** Calls of the API from one address in a minute. Undefined: as many as come. */
  readonly apiPerMinute?: number | undefined;
  readonly failedLoginsPerMinute?: number;
  readonly loginHours?: number;
}

export interface AccessOptions extends AccessSettings {
  /** Unset: nobody is the admin. */
  readonly token: string | undefined;
  readonly publicUrl: string | undefined;
  readonly log: HttpLog;
  readonly steadyNow: () => number;
}

export interface Access {
  readonly admin: Admin;
  readonly clientOf: ClientReader;
  /** Undefined where every origin may read what is open. */
  readonly cors: Cors | undefined;
  /** What stands before the routes of an app. */
  mount(app: Hono): void;
}

const MINUTE_MS = 60_000;

export function createAccess(options: AccessOptions): Access {
  const { token, publicUrl, log, steadyNow, apiPerMinute, failedLoginsPerMinute = 10, loginHours = 12 } = options;
  const clientOf = createClientReader(options);
  const cors = createCors(options.corsOrigins ?? ['*']);
  const admin = createAdmin({
    token: token ?? randomBytes(32).toString('hex'),
    sessions: createSessions({ lifetimeMs: loginHours * 3_600_000 }),
    publicUrl,
    failures: failedLoginsPerMinute,
    onWrongToken: (address) => log.warn({ address }, 'a wrong admin token was tried'),
  });
  return {
    admin,
    clientOf,
    cors,
    // Only what is needed: a middleware makes a promise of every answer below its path.
    mount(app) {
      if (cors !== undefined) app.use('*', cors.middleware);
      if (apiPerMinute !== undefined) app.use('/api/*', limitCalls({ perMinute: apiPerMinute, clientOf, steadyNow }));
    },
  };
}

interface CallLimit {
  readonly perMinute: number;
  readonly clientOf: ClientReader;
  readonly steadyNow: () => number;
}

/** Answers 429 to who calls too often, and tells everyone what is left (draft-ietf-httpapi-ratelimit-headers-10). */
function limitCalls({ perMinute, clientOf, steadyNow }: CallLimit): MiddlewareHandler {
  const limit = createRateLimit({ limit: perMinute, windowMs: MINUTE_MS });
  const policy = `"api";q=${perMinute};w=60`;
  return async (c, next) => {
    const { address } = clientOf(connectionOf(c), (name) => c.req.header(name));
    // Called without a connection, as inside another server: that server knows who calls.
    if (address === undefined) return next();
    const { remaining, resetSeconds } = limit.hit(addressGroup(address), steadyNow());
    const fields = {
      'ratelimit-policy': policy,
      ratelimit: `"api";r=${Math.max(0, remaining)};t=${resetSeconds}`,
    };
    if (remaining < 0) {
      return problemResponse(
        {
          status: 429,
          code: 'too-many-requests',
          title: 'Too many requests',
          detail: `More than ${perMinute} calls a minute came from this address.`,
          headers: { ...openToAll, ...fields, 'retry-after': String(resetSeconds) },
        },
        c.req.url,
      );
    }
    await next();
    for (const [name, value] of Object.entries(fields)) c.res.headers.set(name, value);
    return undefined;
  };
}
