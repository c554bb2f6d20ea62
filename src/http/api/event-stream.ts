import type { FeedItem } from '../../events/feed.js';
import type { FeedReader } from '../../events/feed-reader.js';
import type { HttpLog } from '../context.js';
import { notForPages } from '../response/headers.js';

/** Proxies and this node's own server end connections on which nothing moves. */
const HEARTBEAT_MS = 15_000;
/** What browsers wait before they connect anew. */
const RETRY_MS = 2000;

const headers = { ...notForPages, 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' };

/** The answer to HEAD: nobody would read, or let go of, a reader. */
export function eventStreamHead(): Response {
  return new Response(null, { headers });
}

/**
 * A reader's events as `text/event-stream`. What the client has not taken stays with the reader, which drops a client that has
 * too much; so neither a socket nor this holds more than one piece.
 */
export function eventStream(reader: FeedReader, log: HttpLog): Response {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => controller.enqueue(encoder.encode(`retry: ${RETRY_MS}\n\n`)),
      async pull(controller) {
        const items = await reader.take(HEARTBEAT_MS);
        if (items === undefined) {
          if (reader.isTooSlow) log.warn({}, 'a client of the event stream did not read, and was dropped');
          controller.close();
          return;
        }
        controller.enqueue(encoder.encode(items.length === 0 ? ': heartbeat\n\n' : items.map(textOf).join('')));
      },
      cancel: () => reader.close(),
    },
    { highWaterMark: 1 },
  );
  return new Response(body, { headers });
}

function textOf({ id, event }: FeedItem): string {
  // JSON has no line breaks of its own.
  const name = id === undefined ? '' : `id: ${id}\n`;
  return `${name}event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
