import type { Context, Hono } from 'hono';
import { loginPage } from '../../web/login-page.js';
import { readText } from '../api/body.js';
import { apiProblem } from '../api/problems.js';
import type { AppContext } from '../context.js';
import { pageResponse } from '../pages.js';
import { formSecurity, type HeaderFields } from '../response/headers.js';
import { type Problem, problemOf, problemResponse } from '../response/problem.js';
import { adminRequest } from './auth.js';

/** The login page: a form and a cookie, no script. */
export function loginRoutes(app: Hono, context: AppContext): void {
  app.get('/login', (c) => page(context, { next: nextOf(c.req.query('next')) }));

  app.post('/login', async (c) => {
    const form = await readForm(c).catch((error: unknown) => apiProblem(error) ?? problemOf(error));
    if (!(form instanceof URLSearchParams)) return problemResponse(form, c.req.url);
    const next = nextOf(form.get('next') ?? undefined);
    const result = context.access.admin.login(form.get('token') ?? '', adminRequest(c, context));
    if ('problem' in result) return page(context, { next, problem: result.problem });
    context.log.info({ address: adminRequest(c, context).client.address }, 'admin signed in');
    return redirect(next === '' ? './' : next, { 'set-cookie': result.cookie });
  });

  app.post('/logout', (c) => {
    const result = context.access.admin.logout(adminRequest(c, context));
    if ('problem' in result) return problemResponse(result.problem, c.req.url);
    // Pages of the node in the browser's cache were for the admin.
    return redirect('./', { 'set-cookie': result.cookie, 'clear-site-data': '"cache"' });
  });
}

async function readForm(c: Context): Promise<URLSearchParams | Problem> {
  const type = c.req.header('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded') return notAForm;
  return new URLSearchParams(await readText(c));
}

/** A page of this node, relative to its root; never another site. */
function nextOf(text = ''): string {
  return /^[A-Za-z0-9_-]+(?:\/[A-Za-z0-9_-]+)*$/.test(text) ? text : '';
}

function page(context: AppContext, { next, problem }: { next: string; problem?: Problem }): Promise<Response> {
  const { assets, version } = context;
  const isWrong = problem?.status === 401;
  const refusal = isWrong ? 'Wrong admin token.' : problem?.detail;
  return pageResponse(loginPage({ next, refusal, assets, version }), {
    ...(problem && { problem: isWrong ? { ...problem, headers: {} } : problem }),
    security: formSecurity,
  });
}

function redirect(location: string, headers: HeaderFields): Response {
  return new Response(null, { status: 303, headers: { location, 'cache-control': 'no-store', ...headers } });
}

const notAForm: Problem = {
  status: 415,
  code: 'request-invalid',
  title: 'Invalid request',
  detail: 'Send the login form as application/x-www-form-urlencoded.',
};
