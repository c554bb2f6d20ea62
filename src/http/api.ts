import { createHash } from 'node:crypto';
import type { Hono } from 'hono';
import { mountOperations } from './api/description.js';
import type { AppContext } from './context.js';
import { openToAll } from './headers.js';
import { respondWith } from './respond.js';

/** The API, version 1, and its own description. */
export function apiRoutes(app: Hono, context: AppContext): void {
  const describe = mountOperations(app, context);
  let made: { readonly body: string; readonly etag: string; readonly modifiedAt: number } | undefined;
  const text = () => {
    const body = JSON.stringify(describe());
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    return { body, etag, modifiedAt: context.now() };
  };
  app.get('/api/v1/openapi.json', (c) => {
    made ??= text();
    const headers = { ...openToAll, 'cache-control': 'no-cache' };
    return respondWith(
      c.req,
      { ...made, contentType: 'application/json', cacheControl: 'no-cache', headers },
      context.now(),
    );
  });
}
