import type { Context } from 'hono';
import type { LiveStream } from '../stream/live-stream.js';
import type { PageStream } from '../web/page-stream.js';
import { isAdmin } from './access/auth.js';
import { tokenParameter } from './access/playback-token.js';
import { describe, forVisitors } from './api/streams.js';
import type { AppContext } from './context.js';
import { open, tokenForPage } from './live/playback.js';

/** Validity of tokens on a page for the admin: as long as a page is usually left open. */
const PAGE_SECONDS = 12 * 3600;

/**
 * A stream as shown to this reader of a page: with operator data only for operators; with the token of the page's URL, with a token
 * created for the admin, or closed.
 */
export function pageStream(c: Context, live: LiveStream, context: AppContext): PageStream {
  const forOperator = isAdmin(c, context);
  const described = describe(live, context.publicUrl);
  const description = forOperator ? described : forVisitors(described);
  if (live.playbackKeys === undefined) return description;
  const now = context.now();
  const opened = open(live, { query: (name) => c.req.query(name) }, now);
  if (!('problem' in opened)) {
    // Only readers with a token get data that shows or locates its images.
    const { playback, thumbnail, storage } = described;
    const shown = { playback, thumbnail, storage: { ...description.storage, playback: storage.playback } };
    return { ...description, ...shown, token: c.req.query(tokenParameter) };
  }
  if (forOperator) return { ...description, token: tokenForPage(live, now, PAGE_SECONDS) };
  return { ...description, isClosed: true };
}
