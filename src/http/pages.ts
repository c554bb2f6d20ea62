import type { Hono } from 'hono';
import { errorPage } from '../web/error-page.js';
import { homePage } from '../web/home-page.js';
import type { Html } from '../web/layout.js';
import { watchPage } from '../web/watch-page.js';
import { describe } from './api/streams.js';
import { baseUrlOf } from './base-url.js';
import type { AppContext } from './context.js';
import { type HeaderFields, pageSecurity } from './headers.js';
import { unknownStream } from './live.js';
import { notFound, type Problem, problemResponse } from './problem.js';
import { respondWith } from './respond.js';

/** The pages for people and what they load. */
export function pageRoutes(app: Hono, context: AppContext): void {
  const { streams, publicUrl, rtmpPort, assets, version, now } = context;

  app.get('/', (c) => {
    const descriptions = streams.list().map((live) => describe(live, publicUrl));
    const base = baseUrlOf(c, context);
    return pageResponse(homePage({ streams: descriptions, base, rtmpPort, assets, version, now: now() }));
  });

  app.get('/watch/:stream', (c) => {
    const name = c.req.param('stream');
    const live = streams.get(name);
    if (live !== undefined) {
      const stream = describe(live, publicUrl);
      const base = baseUrlOf(c, context);
      return pageResponse(watchPage({ stream, base, isPublic: publicUrl !== undefined, assets, version, now: now() }));
    }
    const problem = unknownStream(name);
    if (c.req.header('accept')?.includes('text/html') !== true) return problemResponse(problem, c.req.url);
    return pageResponse(errorPage({ problem, path: c.req.path, assets, version }), { problem });
  });

  app.get('/assets/:hash/:file', (c) => {
    const asset = c.req.param('hash') === assets.hash ? assets.files.get(c.req.param('file')) : undefined;
    if (asset === undefined) return problemResponse(notFound('There is no such asset in this version.'), c.req.url);
    const zipped =
      asset.gzip !== undefined &&
      /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:[,\s]|$))/.test(c.req.header('accept-encoding') ?? '');
    return respondWith(
      c.req,
      {
        body: zipped && asset.gzip ? asset.gzip : asset.body,
        contentType: asset.contentType,
        etag: zipped ? asset.etag.replace(/"$/, '-gzip"') : asset.etag,
        modifiedAt: assets.modifiedAt,
        cacheControl: 'public, max-age=31536000, immutable',
        headers: {
          'x-content-type-options': 'nosniff',
          'cross-origin-resource-policy': 'same-origin',
          vary: 'Accept-Encoding',
          ...(zipped ? { 'content-encoding': 'gzip' } : {}),
        },
      },
      now(),
    );
  });
}

/** A page as a response; with a problem, its status and headers. `security`: what the page may do. */
export async function pageResponse(
  page: Html,
  { problem, security = pageSecurity }: { problem?: Problem; security?: HeaderFields } = {},
): Promise<Response> {
  const body = String(await page);
  return new Response(body, {
    status: problem?.status ?? 200,
    headers: {
      ...problem?.headers,
      ...security,
      'cache-control': problem === undefined ? 'no-cache' : 'no-store',
      'content-type': 'text/html; charset=utf-8',
      'content-length': String(Buffer.byteLength(body)),
    },
  });
}
