import type { Context, Hono } from 'hono';
import { SidepipeError } from '../../errors.js';
import type { LiveStream } from '../../stream/live-stream.js';
import { parseOffer, SDP_TYPE } from '../../webrtc/sdp.js';
import type { WebRtcSession } from '../../webrtc/sessions.js';
import { connectionOf } from '../access/client.js';
import { readText } from '../api/body.js';
import type { AppContext, WebRtcAccess } from '../context.js';
import type { Problem } from '../response/problem.js';
import { notPlayable, unknownStream } from './live.js';
import { open } from './playback.js';
import { answering, contentProblem, created, refuse } from './webrtc.js';

/** `POST /live/{stream}/whep`: an offer of a viewer (draft-ietf-wish-whep), with a playback token where the stream needs one. */
export function whepRoutes(app: Hono, context: AppContext, whep: WebRtcAccess['whep']): void {
  app.post('/live/:stream/whep', (c) =>
    answering(c, context, async () => {
      const viewer = viewerOf(c, context);
      if ('problem' in viewer) return refuse(c, viewer.problem);
      const { live, expiresAt } = viewer;
      const problem = contentProblem(c, SDP_TYPE);
      if (problem !== undefined) return refuse(c, problem);
      const offer = parseOffer(await readText(c));
      const { address } = context.access.clientOf(connectionOf(c), (name) => c.req.header(name));
      try {
        const opened = await whep(live.name)?.open({ offer, address, signal: c.req.raw.signal });
        if (opened === undefined) return refuse(c, unknownStream(live.name));
        endWithToken(opened.session, expiresAt - context.now());
        return created(c, context, opened);
      } catch (error) {
        if (error instanceof SidepipeError && error.code === 'source-unavailable') return refuse(c, notPlayable(live));
        throw error;
      }
    }),
  );
}

/** Timers hold at most 2³¹ ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A token that has expired opens no other media of the stream, either. */
function endWithToken(session: WebRtcSession, leftMs: number): void {
  if (leftMs > LONGEST_TIMER_MS) return;
  const timer = setTimeout(() => session.close('stopped'), leftMs).unref();
  void session.ended.then(() => clearTimeout(timer));
}

interface Viewer {
  readonly live: LiveStream;
  /** When the token of the request expires. */
  readonly expiresAt: number;
}

/** Decides who may open a session; nothing else does. Access rules of playlists and images must apply here too. */
function viewerOf(c: Context, { streams, now }: AppContext): Viewer | { readonly problem: Problem } {
  const name = c.req.param('stream') ?? '';
  const live = streams.get(name);
  if (live === undefined) return { problem: unknownStream(name) };
  // WHEP clients send a token as a header.
  const [, bearer] = /^Bearer +([\x21-\x7e]+) *$/i.exec(c.req.header('authorization') ?? '') ?? [];
  const opened = open(live, { query: (key) => c.req.query(key) ?? bearer }, now());
  if ('problem' in opened) return opened;
  return { live, expiresAt: opened.expiresAt };
}
