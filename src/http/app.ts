import { type Context, Hono } from 'hono';
import { Feed } from '../events/feed.js';
import { Histories } from '../events/history.js';
import type { StreamDirectory } from '../stream/live-stream.js';
import { loadAssets, type WebAssets } from '../web/assets.js';
import { errorPage } from '../web/error-page.js';
import { type AccessSettings, createAccess } from './access/access.js';
import { loginRoutes } from './access/login.js';
import { apiRoutes } from './api.js';
import type { AppContext, HttpLog, MetricsSource, NodeView } from './context.js';
import { embedRoutes } from './embed.js';
import { healthRoutes } from './health.js';
import { createViewerIds } from './live/audience.js';
import { liveRoutes } from './live/live.js';
import { monitorRoutes } from './live/monitor.js';
import { sessionRoutes } from './live/webrtc.js';
import { whepRoutes } from './live/whep.js';
import { publishPageRoute, whipRoutes } from './live/whip.js';
import { pageResponse, pageRoutes } from './pages.js';
import { preflight } from './response/headers.js';
import { methodNotAllowed, notFound, type Problem, problemOf, problemResponse } from './response/problem.js';
import { identifyCalls, requestIdOf } from './response/request-id.js';
import { statusRoutes } from './status.js';

export interface AppOptions {
  readonly streams: StreamDirectory;
  /** Public base URL, without a trailing slash. */
  readonly publicUrl?: string | undefined;
  /** The origins whose pages may frame `/embed/{stream}`. Default: all. */
  readonly embedOrigins?: readonly string[] | undefined;
  /** RTMP port for publishers. Default 1935. */
  readonly rtmpPort?: number | undefined;
  readonly metrics: MetricsSource;
  /** Events of the streams. Default: none. */
  readonly feed?: Feed;
  /** The last hour of the streams. Default: empty. */
  readonly histories?: Pick<Histories, 'read'>;
  /** Default: started, without control, load and WebRTC. */
  readonly node?: Partial<NodeView>;
  /** The bearer token for requests that change something or are expensive. Unset: these are rejected. */
  readonly adminToken?: string | undefined;
  /** Access rules. Default: everyone may read, the admin may change. */
  readonly access?: AccessSettings;
  readonly version: string;
  readonly log: HttpLog;
  /** Default: read from the package, once. */
  readonly assets?: WebAssets;
  /** Milliseconds since the epoch. Default: the clock. */
  readonly now?: () => number;
  /** Milliseconds on a monotonic clock. Default: `now`. */
  readonly steadyNow?: () => number;
}

/**
 * All routes of a node as one app: `app.fetch(request)` handles any request. Hardly any middleware: with one handler per route,
 * hono responds without a promise and the adapter writes the body directly to the socket.
 * Throws a SidepipeError when the package's web assets are missing.
 */
export function createApp(options: AppOptions): Hono {
  const { streams, publicUrl, log, now = Date.now, steadyNow = now } = options;
  const access = createAccess({ ...options.access, token: options.adminToken, publicUrl, log, steadyNow });
  const context: AppContext = {
    streams,
    publicUrl,
    embedOrigins: options.embedOrigins ?? ['*'],
    rtmpPort: options.rtmpPort ?? 1935,
    metrics: options.metrics,
    access,
    node: {
      control: () => undefined,
      load: () => undefined,
      phase: () => 'started',
      webrtc: undefined,
      ...options.node,
    },
    feed: options.feed ?? new Feed({ run: 'none', now: Date.now }),
    histories: options.histories ?? new Histories(),
    viewerIds: createViewerIds(),
    version: options.version,
    log,
    assets: options.assets ?? loadAssets(),
    now,
    steadyNow,
  };
  const app = new Hono();
  identifyCalls(app, log);
  access.mount(app);
  monitorRoutes(app, context);
  const { webrtc } = context.node;
  if (webrtc !== undefined) {
    sessionRoutes(app, context, 'whip', webrtc.sessions);
    whipRoutes(app, context, webrtc.whip);
    sessionRoutes(app, context, 'whep', webrtc.sessions);
    whepRoutes(app, context, webrtc.whep);
    publishPageRoute(app, context);
  }
  liveRoutes(app, context);
  apiRoutes(app, context);
  healthRoutes(app, context);
  pageRoutes(app, context);
  loginRoutes(app, context);
  statusRoutes(app, context);
  embedRoutes(app, context);
  app.notFound((c) => unmatched(app, c, context));
  app.onError((error, c) => {
    const problem = problemOf(error);
    if (problem.status < 500) return refuse(c, problem, context);
    const { method, path } = c.req;
    const requestId = requestIdOf(c);
    context.log.error({ err: error, requestId, method, path }, 'request failed');
    return refuse(c, { ...problem, headers: { ...problem.headers, 'x-request-id': requestId } }, context);
  });
  return app;
}

const otherMethods = ['POST', 'PUT', 'PATCH', 'DELETE'];
/** Paths for programs: their errors are always problem documents. */
const forPrograms = /^\/(?:live|api|assets|oembed|healthz|readyz|metrics)(?:\/|$)/;
const openPaths = /^\/(?:live|api\/v1)\//;

/** Handles requests that match no route: a preflight, an unsupported method, or an unknown path. */
function unmatched(app: Hono, c: Context, context: AppContext): Response | Promise<Response> {
  const { method, path } = c.req;
  const handlers = (verb: string): number => app.router.match(verb, path)[0].length;
  // Middleware matches every method, even unknown ones.
  const before = handlers('NONE');
  const answers = (verb: string): boolean => handlers(verb) > before;
  const allowed = [...(answers('GET') ? ['GET', 'HEAD'] : []), ...otherMethods.filter(answers)];
  if (allowed.length === 0) return refuse(c, notFound('There is no resource at this URL.'), context);
  const allow = [...allowed, 'OPTIONS'].join(', ');
  if (method !== 'OPTIONS') return refuse(c, methodNotAllowed(method, allow), context);
  return new Response(null, { status: 204, headers: { ...(openPaths.test(path) ? preflight : {}), allow } });
}

function refuse(c: Context, problem: Problem, context: AppContext): Response | Promise<Response> {
  const wantsPage = c.req.header('accept')?.includes('text/html') === true && !forPrograms.test(c.req.path);
  if (!wantsPage) return problemResponse(problem, c.req.url);
  return pageResponse(errorPage({ problem, path: c.req.path, assets: context.assets, version: context.version }), {
    problem,
  });
}
