import type { FeedItem } from '../../events/feed.js';
import type { FeedReader } from '../../events/feed-reader.js';
import type { HttpLog } from '../context.js';
import { notForPages } from '../response/headers.js';

/** Proxies and this node's own server close idle connections. */
const HEARTBEAT_MS = 15_000;
/** Delay before browsers reconnect. */
const RETRY_MS = 2000;

const headers = { ...notForPages, 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' };

/** The response to HEAD: nothing would read from a reader or close it. */
export function eventStreamHead(): Response {
  return new Response(null, { headers });
}

/**
 * A reader's events as `text/event-stream`. Unread events stay in the reader, which disconnects a client that has too many; so
 * neither the socket nor this stream buffers more than one chunk.
 */
export function eventStream(reader: FeedReader, log: HttpLog): Response {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => controller.enqueue(encoder.encode(`retry: ${RETRY_MS}\n\n`)),
      async pull(controller) {
        const items = await reader.take(HEARTBEAT_MS);
        if (items === undefined) {
          if (reader.isTooSlow) log.warn({}, 'event stream client disconnected: too slow');
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
  // Serialised JSON contains no line breaks.
  const name = id === undefined ? '' : `id: ${id}\n`;
  return `${name}event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
