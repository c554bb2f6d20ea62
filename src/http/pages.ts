import type { Context, Hono } from 'hono';
import { closedStreamPage } from '../web/closed-stream-page.js';
import { errorPage } from '../web/error-page.js';
import { homePage } from '../web/home-page.js';
import type { Html } from '../web/layout.js';
import { watchPage } from '../web/watch-page.js';
import { isAdmin } from './access/auth.js';
import type { AppContext } from './context.js';
import { unknownStream } from './live/live.js';
import { pageStream } from './page-stream.js';
import { baseUrlOf } from './response/base-url.js';
import { type HeaderFields, pageSecurity } from './response/headers.js';
import { notFound, type Problem, problemResponse } from './response/problem.js';
import { respondWith } from './response/respond.js';

/** The pages and their assets. */
export function pageRoutes(app: Hono, context: AppContext): void {
  const { streams, publicUrl, rtmpPort, assets, version, now } = context;

  app.get('/', (c) => {
    const shown = streams.list().map((live) => pageStream(c, live, context));
    const base = baseUrlOf(c, context);
    return pageResponse(homePage({ streams: shown, base, rtmpPort, assets, version, now: now() }), {
      isPrivate: isAdmin(c, context) || shown.some(({ token }) => token !== undefined),
    });
  });

  app.get('/watch/:stream', (c) => {
    const name = c.req.param('stream');
    const live = streams.get(name);
    if (live !== undefined) {
      const stream = pageStream(c, live, context);
      if (stream.isClosed) return closedPage(c, context);
      const base = baseUrlOf(c, context);
      return pageResponse(watchPage({ stream, base, isPublic: publicUrl !== undefined, assets, version, now: now() }), {
        isPrivate: isAdmin(c, context) || stream.token !== undefined,
      });
    }
    const problem = unknownStream(name);
    if (c.req.header('accept')?.includes('text/html') !== true) return problemResponse(problem, c.req.url);
    return pageResponse(errorPage({ problem, path: c.req.path, assets, version }), { problem });
  });

  app.get('/assets/:hash/:file', (c) => {
    const asset = c.req.param('hash') === assets.hash ? assets.files.get(c.req.param('file')) : undefined;
    if (asset === undefined) return problemResponse(notFound('This version has no such asset.'), c.req.url);
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

/** The page of a stream that is not open to everyone. */
export function closedPage(
  c: Context,
  { assets, version }: AppContext,
  security: HeaderFields = pageSecurity,
): Promise<Response> {
  return pageResponse(closedStreamPage({ path: c.req.path, assets, version }), { problem: closed, security });
}

const closed: Problem = {
  status: 403,
  code: 'playback-refused',
  title: 'Private stream',
  detail: 'This stream needs a signed URL.',
};

interface PageOptions {
  readonly problem?: Problem;
  /** Security headers of the page. */
  readonly security?: HeaderFields;
  /** Whether the page is for this reader only. */
  readonly isPrivate?: boolean;
}

/** A page as a response; with a problem, its status and headers. */
export async function pageResponse(
  page: Html,
  { problem, security = pageSecurity, isPrivate = false }: PageOptions = {},
): Promise<Response> {
  const body = String(await page);
  return new Response(body, {
    status: problem?.status ?? 200,
    headers: {
      ...problem?.headers,
      ...security,
      'cache-control': problem === undefined && !isPrivate ? 'no-cache' : 'no-store',
      'content-type': 'text/html; charset=utf-8',
      'content-length': String(Buffer.byteLength(body)),
    },
  });
}
