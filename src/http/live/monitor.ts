import type { Context, Hono } from 'hono';
import { SidepipeError } from '../../errors.js';
import type { LiveStream } from '../../stream/live-stream.js';
import { connectionOf } from '../access/client.js';
import type { AppContext } from '../context.js';
import { notFound, type Problem, problemResponse } from '../response/problem.js';
import { unknownStream } from './live.js';
import { open } from './playback.js';
import { upgradeOf } from './upgrade.js';

/** `/live/{stream}/monitor`: a WebSocket with low-latency video for JSMpeg players. */
export function monitorRoutes(app: Hono, context: AppContext): void {
  app.get('/live/:stream/monitor', (c) => {
    const refuse = (problem: Problem) => problemResponse(problem, c.req.url);
    const name = c.req.param('stream');
    const live = context.streams.get(name);
    if (live === undefined) return refuse(unknownStream(name));
    const { monitor } = live;
    if (monitor === undefined) return refuse(notFound(`Stream ${name} has no monitor.`));
    const refused = refusalOf(c, live, context);
    if (refused !== undefined) return refuse(refused);
    const upgrade = upgradeOf(c);
    if (upgrade === undefined) return refuse(upgradeRequired);
    try {
      monitor.join(upgrade);
      upgrade.isTaken = true;
      return new Response(null, { status: 204 });
    } catch (error) {
      if (error instanceof SidepipeError && error.code === 'limit-reached') return refuse(tooMany(error.message));
      throw error;
    }
  });
}

/** Decides who may open the monitor; nothing else does. Access rules of playlists and images must apply here too. */
function refusalOf(c: Context, live: LiveStream, { access, publicUrl, now }: AppContext): Problem | undefined {
  const { monitor } = live;
  const opened = open(live, { query: (name) => c.req.query(name) }, now());
  if ('problem' in opened) return opened.problem;
  const origin = c.req.header('origin');
  // Programs send no Origin. Browsers always do, but open a WebSocket from any page without a preflight request.
  if (origin === undefined) return undefined;
  const { scheme, host } = access.clientOf(connectionOf(c), (name) => c.req.header(name));
  const allowed = [`${scheme}://${host}`, publicUrl, ...(monitor?.origins ?? [])];
  if (allowed.some((each) => each === '*' || (each !== undefined && originOf(each) === origin))) return undefined;
  return {
    status: 403,
    code: 'origin-refused',
    title: 'Origin not allowed',
    detail: `Pages of ${origin.slice(0, 200)} may not open this monitor. See monitor.origins.`,
  };
}

function originOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).origin : undefined;
}

const upgradeRequired: Problem = {
  status: 426,
  code: 'upgrade-required',
  title: 'Upgrade required',
  detail: 'This URL is a WebSocket endpoint for JSMpeg players.',
  headers: { upgrade: 'websocket' },
};

function tooMany(detail: string): Problem {
  return { status: 503, code: 'too-many-viewers', title: 'Too many viewers', detail, headers: { 'retry-after': '5' } };
}
