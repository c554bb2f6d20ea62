import type { Context } from 'hono';
import type { LiveStream } from '../stream/live-stream.js';
import type { PageStream } from '../web/page-stream.js';
import { describe, forVisitors } from './api/streams.js';
import { isAdmin } from './auth.js';
import type { AppContext } from './context.js';
import { open, tokenForPage } from './playback.js';
import { tokenParameter } from './playback-token.js';

/** How long what a page for the admin signs holds: as long as a page is commonly left open. */
const PAGE_SECONDS = 12 * 3600;

/**
 * A stream as a page for this reader shows it: with the token of the page's own address, with one that is made for the admin,
 * or closed.
 */
export function pageStream(c: Context, live: LiveStream, context: AppContext): PageStream {
  const description = describe(live, context.publicUrl);
  if (live.playbackKeys === undefined) return description;
  const now = context.now();
  const opened = open(live, { query: (name) => c.req.query(name) }, now);
  if (!('problem' in opened)) return { ...description, token: c.req.query(tokenParameter) };
  if (isAdmin(c, context)) return { ...description, token: tokenForPage(live, now, PAGE_SECONDS) };
  return { ...forVisitors(description), isClosed: true };
}
