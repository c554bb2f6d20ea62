import { randomBytes } from 'node:crypto';
import type { Hono, MiddlewareHandler } from 'hono';
import { addressGroup } from '../../net/address.js';
import { createRateLimit } from '../../net/rate-limit.js';
import type { HttpLog } from '../context.js';
import { openToAll } from '../response/headers.js';
import { problemResponse } from '../response/problem.js';
import { type Admin, createAdmin } from './auth.js';
import { type ClientReader, type ClientReaderOptions, connectionOf, createClientReader } from './client.js';
import { restrictOrigins } from './cors.js';
import { createSessions } from './sessions.js';

/** Access settings from the configuration. */
export interface AccessSettings extends ClientReaderOptions {
  /** Origins, or `*`. Default: all. */
  readonly corsOrigins?: readonly string[];
  /** API requests per address and minute. Undefined: no limit. */
  readonly apiPerMinute?: number | undefined;
  readonly failedLoginsPerMinute?: number;
  readonly loginHours?: number;
}

export interface AccessOptions extends AccessSettings {
  /** Unset: admin access is disabled. */
  readonly token: string | undefined;
  readonly publicUrl: string | undefined;
  readonly log: HttpLog;
  readonly steadyNow: () => number;
}

export interface Access {
  readonly admin: Admin;
  readonly clientOf: ClientReader;
  /** Middleware that runs before an app's routes. */
  mount(app: Hono): void;
}

const MINUTE_MS = 60_000;

export function createAccess(options: AccessOptions): Access {
  const { token, publicUrl, log, steadyNow, apiPerMinute, failedLoginsPerMinute = 10, loginHours = 12 } = options;
  const clientOf = createClientReader(options);
  const cors = restrictOrigins(options.corsOrigins ?? ['*']);
  const admin = createAdmin({
    token: token ?? randomBytes(32).toString('hex'),
    sessions: createSessions({ lifetimeMs: loginHours * 3_600_000 }),
    publicUrl,
    failures: failedLoginsPerMinute,
    onWrongToken: (address) => log.warn({ address }, 'wrong admin token'),
  });
  return {
    admin,
    clientOf,
    // Only where needed: a middleware turns every response below its path into a promise.
    mount(app) {
      if (cors !== undefined) app.use('*', cors);
      if (apiPerMinute !== undefined) app.use('/api/*', limitCalls({ perMinute: apiPerMinute, clientOf, steadyNow }));
    },
  };
}

interface CallLimit {
  readonly perMinute: number;
  readonly clientOf: ClientReader;
  readonly steadyNow: () => number;
}

/** Returns 429 to clients over the limit, and reports the remaining quota to all (draft-ietf-httpapi-ratelimit-headers-10). */
function limitCalls({ perMinute, clientOf, steadyNow }: CallLimit): MiddlewareHandler {
  const limit = createRateLimit({ limit: perMinute, windowMs: MINUTE_MS });
  const policy = `"api";q=${perMinute};w=60`;
  return async (c, next) => {
    const { address } = clientOf(connectionOf(c), (name) => c.req.header(name));
    // Without a connection the app runs inside another server, which must limit its clients itself.
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
          detail: `This IP address sent more than ${perMinute} requests in one minute.`,
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
