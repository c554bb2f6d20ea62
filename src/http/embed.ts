import type { Context, Hono } from 'hono';
import type { LiveStream } from '../stream/live-stream.js';
import { embedPage } from '../web/embed-page.js';
import { errorPage } from '../web/error-page.js';
import { addressesOf, embedCode, playerSize } from '../web/sharing.js';
import { describe } from './api/streams.js';
import type { AppContext } from './context.js';
import { unknownStream } from './live/live.js';
import { pageStream } from './page-stream.js';
import { closedPage, pageResponse } from './pages.js';
import { baseUrlOf } from './response/base-url.js';
import { frameSecurity, openToAll } from './response/headers.js';
import { notFound, type Problem, problemResponse } from './response/problem.js';

const cacheSeconds = 300;
const smallest = { width: 160, height: 90 };

/** The player for iframes on other sites, and its oEmbed description. */
export function embedRoutes(app: Hono, context: AppContext): void {
  const { streams, assets, version, embedOrigins } = context;

  app.get('/embed/:stream', (c) => {
    const name = c.req.param('stream');
    const live = streams.get(name);
    const security = frameSecurity(embedOrigins);
    if (live === undefined) {
      const problem = unknownStream(name);
      if (c.req.header('accept')?.includes('text/html') !== true) return problemResponse(problem, c.req.url);
      return pageResponse(errorPage({ problem, path: c.req.path, assets, version }), { problem, security });
    }
    const base = baseUrlOf(c, context);
    const stream = pageStream(c, live, context);
    if (stream.isClosed) return closedPage(c, context, security);
    const addresses = base === undefined ? undefined : addressesOf(stream, base);
    const autoplay = c.req.query('autoplay') !== '0';
    return pageResponse(embedPage({ stream, addresses, assets, autoplay }), {
      security,
      isPrivate: stream.token !== undefined,
    });
  });

  /** https://oembed.com: lets a site show a link to a watch page as a player. */
  app.get('/oembed', (c) => {
    const refuse = (problem: Problem): Response => problemResponse(problem, c.req.url);
    const format = c.req.query('format') ?? 'json';
    if (format !== 'json') return refuse(otherFormat);
    const url = c.req.query('url');
    if (url === undefined) return refuse(wrong('url', 'The URL of a watch page is required.'));
    const box = boxOf(c);
    if (box.wrong !== undefined) return refuse(box.wrong);
    const base = baseUrlOf(c, context);
    const live = base === undefined ? undefined : streamAt(url, base, context);
    if (base === undefined || live === undefined) {
      return refuse({ ...notFound('There is no stream at this URL.', openToAll), field: 'url' });
    }
    return described(live, base, box.size, context);
  });
}

function described(
  live: LiveStream,
  base: string,
  size: { width: number; height: number },
  { publicUrl }: AppContext,
): Response {
  const stream = describe(live, publicUrl);
  const addresses = addressesOf(stream, base);
  const { width, height } = stream.thumbnail;
  const body = JSON.stringify({
    version: '1.0',
    type: 'video',
    title: stream.name,
    provider_name: 'sidepipe',
    provider_url: `${base}/`,
    ...size,
    html: String(embedCode(stream, addresses, size)),
    // The specification requires all three or none; none if the thumbnail is not open to everyone.
    ...(width === null || height === null || stream.playback.access === 'signed'
      ? {}
      : { thumbnail_url: addresses.thumbnail, thumbnail_width: width, thumbnail_height: height }),
    cache_age: cacheSeconds,
  });
  return new Response(body, {
    headers: {
      ...openToAll,
      'cache-control': `public, max-age=${cacheSeconds}`,
      // Without a public URL the URLs use the host of the request.
      vary: 'Host',
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
    },
  });
}

/** The stream whose watch or embed page has this URL; undefined if it is not a URL of this node. */
function streamAt(url: string, base: string, { streams }: AppContext): LiveStream | undefined {
  if (!url.startsWith(`${base}/`)) return undefined;
  const [, name] = /^\/(?:watch|embed)\/([^/?#]{1,200})\/?(?:[?#].*)?$/.exec(url.slice(base.length)) ?? [];
  if (name === undefined) return undefined;
  try {
    return streams.get(decodeURIComponent(name));
  } catch {
    return undefined;
  }
}

type Box =
  | { readonly size: { width: number; height: number }; readonly wrong?: undefined }
  | { readonly wrong: Problem };

/** The largest 16:9 player within `maxwidth` × `maxheight`. */
function boxOf(c: Context): Box {
  let { width } = playerSize;
  for (const [field, perPixel] of [
    ['maxwidth', 1],
    ['maxheight', 16 / 9],
  ] as const) {
    const text = c.req.query(field);
    if (text === undefined) continue;
    const least = field === 'maxwidth' ? smallest.width : smallest.height;
    if (!/^\d{1,5}$/.test(text) || Number(text) < least) {
      return { wrong: wrong(field, `${field} must be a number of pixels, at least ${least}.`) };
    }
    width = Math.min(width, Math.floor(Number(text) * perPixel));
  }
  return { size: { width, height: Math.floor((width * 9) / 16) } };
}

function wrong(field: string, detail: string): Problem {
  return { status: 400, code: 'request-invalid', title: 'Invalid request', detail, field, headers: openToAll };
}

const otherFormat: Problem = {
  status: 501,
  code: 'format-unknown',
  title: 'Not implemented',
  detail: 'Only JSON is supported: use format=json.',
  field: 'format',
  headers: openToAll,
};
