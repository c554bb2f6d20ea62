import type { Hono } from 'hono';
import type { AppContext } from './context.js';
import { notForPages } from './headers.js';
import { problemResponse } from './problem.js';

/** For supervisors and monitoring: is the process alive, is every stream playable and fresh, and the numbers. */
export function healthRoutes(app: Hono, { streams, metrics, version }: AppContext): void {
  app.get('/healthz', () => text(JSON.stringify({ status: 'ok', version }), 'application/json'));

  app.get('/readyz', (c) => {
    const wanted = streams.list();
    const notReady = wanted.flatMap((live) => {
      const reason = live.notReady();
      return reason === undefined ? [] : [{ stream: live.name, reason }];
    });
    if (notReady.length === 0)
      return text(JSON.stringify({ status: 'ready', streams: wanted.length }), 'application/json');
    return problemResponse(
      {
        status: 503,
        code: 'not-ready',
        title: 'Not ready',
        detail: notReady.map(({ stream, reason }) => `${stream}: ${reason}`).join('; '),
        headers: { 'retry-after': '1' },
        members: { notReady },
      },
      c.req.url,
    );
  });

  app.get('/metrics', async () => {
    const { body, contentType } = await metrics.render();
    return text(body, contentType);
  });
}

function text(body: string, contentType: string): Response {
  return new Response(body, {
    headers: { ...notForPages, 'content-type': contentType, 'content-length': String(Buffer.byteLength(body)) },
  });
}
