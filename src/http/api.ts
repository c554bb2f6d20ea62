import { createHash } from 'node:crypto';
import type { Hono } from 'hono';
import type { ApiDocument } from '../web/api-description.js';
import { apiPage } from '../web/api-page.js';
import { mountOperations } from './api/description.js';
import type { AppContext } from './context.js';
import { pageResponse } from './pages.js';
import { baseUrlOf } from './response/base-url.js';
import { openToAll } from './response/headers.js';
import { respondWith } from './response/respond.js';

/** The API, version 1, and its OpenAPI document. */
export function apiRoutes(app: Hono, context: AppContext): void {
  const describe = mountOperations(app, context);
  let made: { readonly body: string; readonly etag: string; readonly modifiedAt: number } | undefined;
  const text = () => {
    const body = JSON.stringify(describe());
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    return { body, etag, modifiedAt: context.now() };
  };
  app.get('/api/docs', (c) => {
    made ??= text();
    const { assets, version } = context;
    const base = baseUrlOf(c, context) ?? '';
    return pageResponse(apiPage({ document: JSON.parse(made.body) as ApiDocument, base, assets, version }));
  });
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
