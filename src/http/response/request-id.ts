import { randomUUID } from 'node:crypto';
import type { Context, Hono } from 'hono';
import type { HttpLog } from '../context.js';

const header = 'x-request-id';
/** The forms that proxies and clients use: UUIDs, ULIDs, hexadecimal numbers. No characters that could break a log line. */
const wellFormed = /^[A-Za-z0-9][A-Za-z0-9._-]{7,127}$/;
const ids = new WeakMap<Context, string>();

/** The id that a request carries if it is well-formed, otherwise a new one. */
export function requestIdFrom(given: string | undefined): string {
  return given !== undefined && wellFormed.test(given) ? given : randomUUID();
}

/** The request's id: each call returns the same. */
export function requestIdOf(c: Context): string {
  const known = ids.get(c);
  if (known !== undefined) return known;
  const id = requestIdFrom(c.req.header(header));
  ids.set(c, id);
  return id;
}

/** Every API request has an id; those that change something are logged. */
export function identifyCalls(app: Hono, log: HttpLog): void {
  app.use('/api/*', async (c, next) => {
    await next();
    c.res.headers.set(header, requestIdOf(c));
    const { method, path } = c.req;
    if (['GET', 'HEAD', 'OPTIONS'].includes(method)) return;
    const stream = /^\/api\/v1\/streams\/([a-z0-9-]{1,63})(?:\/|$)/.exec(path)?.[1];
    const { status } = c.res;
    log.info({ requestId: requestIdOf(c), method, path, status, ...(stream !== undefined && { stream }) }, 'API call');
  });
}
