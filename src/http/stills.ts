import type { Hono } from 'hono';
import type { AppContext } from './context.js';
import { notForPages, openToAll } from './headers.js';
import { unknownStream } from './live.js';
import { type Problem, problemResponse } from './problem.js';

const mostAtOnce = 1000;

/** `GET /api/v1/streams/{stream}/stills?limit=100&before=NAME`: the sequence of stills on the store, the newest first. */
export function stillRoutes(app: Hono, { streams }: AppContext): void {
  app.get('/api/v1/streams/:stream/stills', (c) => {
    const name = c.req.param('stream');
    const live = streams.get(name);
    if (live === undefined) return problemResponse(unknownStream(name), c.req.url);
    const limit = c.req.query('limit') ?? '100';
    const before = c.req.query('before');
    if (!/^\d{1,4}$/.test(limit) || Number(limit) < 1 || Number(limit) > mostAtOnce) {
      return problemResponse(invalid('limit', `The limit must be a whole number from 1 to ${mostAtOnce}.`), c.req.url);
    }
    const { stills, next } = live.stills({ limit: Number(limit), before });
    const body = JSON.stringify({
      stills: stills.map((still) => ({ ...still, capturedAt: new Date(still.capturedAt).toISOString() })),
      next,
    });
    return new Response(body, {
      headers: {
        ...notForPages,
        ...openToAll,
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
      },
    });
  });
}

function invalid(field: string, detail: string): Problem {
  return { status: 400, code: 'request-invalid', title: 'Request not understood', detail, field, headers: openToAll };
}
