import type { Hono } from 'hono';
import { errorPage } from '../web/error-page.js';
import { statusPage } from '../web/status-page.js';
import { adminRefusal } from './access/auth.js';
import type { AppContext } from './context.js';
import { pageStream } from './page-stream.js';
import { pageResponse } from './pages.js';
import { formSecurity } from './response/headers.js';

/** The status page for operators; others are redirected to the login. */
export function statusRoutes(app: Hono, context: AppContext): void {
  const { streams, assets, version, now } = context;
  app.get('/status', (c) => {
    const problem = adminRefusal(c, context);
    if (problem?.status === 401) {
      return new Response(null, {
        status: 303,
        headers: { location: 'login?next=status', 'cache-control': 'no-store' },
      });
    }
    if (problem !== undefined)
      return pageResponse(errorPage({ problem, path: c.req.path, assets, version }), { problem });
    const shown = streams.list().map((live) => pageStream(c, live, context));
    const page = statusPage({ streams: shown, assets, version, now: now() });
    return pageResponse(page, { isPrivate: true, security: formSecurity });
  });
}
