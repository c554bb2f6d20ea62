import type { Hono } from 'hono';
import type { LiveStream, StreamDescription } from '../stream/types.js';
import type { AppContext } from './context.js';
import { notForPages, openToAll } from './headers.js';
import { unknownStream } from './live.js';
import { problemResponse } from './problem.js';

/** The open part of the API, version 1. */
export function apiRoutes(app: Hono, { streams, publicUrl }: AppContext): void {
  app.get('/api/v1/streams', () => json({ streams: streams.list().map((live) => describe(live, publicUrl)) }));

  app.get('/api/v1/streams/:stream', (c) => {
    const name = c.req.param('stream');
    const live = streams.get(name);
    return live ? json(describe(live, publicUrl)) : problemResponse(unknownStream(name), c.req.url);
  });
}

/** The stream's own description, its playback paths under the public URL where one is configured. */
export function describe(live: LiveStream, publicUrl: string | undefined): StreamDescription {
  const description = live.describe();
  const { hls, thumbnail, thumbnailImmutable, preview, storyboard } = description.playback;
  const playback = {
    hls: under(publicUrl, hls),
    thumbnail: under(publicUrl, thumbnail),
    thumbnailImmutable: thumbnailImmutable && under(publicUrl, thumbnailImmutable),
    preview: under(publicUrl, preview),
    storyboard: under(publicUrl, storyboard),
  };
  return { ...description, playback };
}

function under(publicUrl: string | undefined, path: string): string {
  return publicUrl !== undefined && path.startsWith('/') ? `${publicUrl}${path}` : path;
}

function json(value: unknown): Response {
  const body = JSON.stringify(value);
  return new Response(body, {
    headers: {
      ...notForPages,
      ...openToAll,
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
    },
  });
}
