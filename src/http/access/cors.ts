import type { MiddlewareHandler } from 'hono';
import type { Answer } from '../response/answer.js';
import { exposedHeaders } from '../response/headers.js';

/** Restricts the origins whose scripts may read playback and the API. Routes set `*`; this narrows it. */
export interface Cors {
  /** The response as sent to a page of `origin`. */
  narrow(answer: Answer, origin: string | undefined): Answer;
  /** The same for the app. */
  readonly middleware: MiddlewareHandler;
}

const allowOrigin = 'access-control-allow-origin';
const openPath = /^\/(?:live|api)\//;

/** Undefined if every origin is allowed. */
export function createCors(origins: readonly string[]): Cors | undefined {
  if (origins.includes('*')) return undefined;
  const allowed = new Set(origins);
  const policy = origins.length === 0 ? 'same-origin' : 'cross-origin';

  return {
    narrow(answer, origin) {
      const headers: string[] = [];
      for (let index = 0; index < answer.headers.length; index += 2) {
        const name = answer.headers[index]!;
        if (name === allowOrigin) {
          if (origin !== undefined && allowed.has(origin)) headers.push(name, origin);
          headers.push('vary', 'Origin');
        } else headers.push(name, name === 'cross-origin-resource-policy' ? policy : answer.headers[index + 1]!);
      }
      return { ...answer, headers };
    },
    middleware: async (c, next) => {
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
    },
  };
}
