import type { MiddlewareHandler } from 'hono';
import { exposedHeaders } from '../response/headers.js';

const allowOrigin = 'access-control-allow-origin';
const openPath = /^\/(?:live|api)\//;

/**
 * Restricts the origins whose scripts may read playback and the API. Routes set `*`; this narrows it. Undefined if every origin is
 * allowed.
 */
export function restrictOrigins(origins: readonly string[]): MiddlewareHandler | undefined {
  if (origins.includes('*')) return undefined;
  const allowed = new Set(origins);
  const policy = origins.length === 0 ? 'same-origin' : 'cross-origin';

  return async (c, next) => {
    await next();
    if (!openPath.test(c.req.path)) return;
    const { headers } = c.res;
    const origin = c.req.header('origin');
    headers.append('vary', 'Origin');
    if (headers.has('cross-origin-resource-policy')) headers.set('cross-origin-resource-policy', policy);
    if (origin === undefined || !allowed.has(origin)) return headers.delete(allowOrigin);
    // A listed origin is the operator's own front end: it may also send the admin token.
    headers.set(allowOrigin, origin);
    if (!c.req.path.startsWith('/api/')) return;
    headers.set('access-control-expose-headers', `${exposedHeaders}, Location, RateLimit, RateLimit-Policy`);
    if (c.req.method === 'OPTIONS') {
      headers.set('access-control-allow-methods', headers.get('allow') ?? 'GET, HEAD, OPTIONS');
      const names = headers.get('access-control-allow-headers');
      headers.set(
        'access-control-allow-headers',
        `${names === null ? '' : `${names}, `}Authorization, Idempotency-Key, If-Match`,
      );
    }
  };
}
