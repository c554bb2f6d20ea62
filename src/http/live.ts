import type { Hono, HonoRequest } from 'hono';
import type { LiveStream, MediaResource, PlaylistResource } from '../stream/types.js';
import type { AppContext } from './context.js';
import { openToAll } from './headers.js';
import { answerPicture } from './pictures.js';
import { notFound, type Problem, problemResponse } from './problem.js';
import { type RequestFacts, respondWith } from './respond.js';

const playlistName = 'index.m3u8';
const playlistType = 'application/vnd.apple.mpegurl';
const forever = 'public, max-age=31536000, immutable';

/** Everything under `/live/`: playlists, media and pictures, all from memory. */
export function liveRoutes(app: Hono, { streams, now }: AppContext): void {
  app.get('/live/:stream/:file', (c) => {
    const { stream, file } = pathOf(c.req);
    const live = streams.get(stream) ?? streams.ended?.(stream);
    if (live === undefined) return refuse(c.req, unknownStream(stream));
    if (file === playlistName) {
      const playlist = live.hls.multivariant();
      return playlist ? servePlaylist(c.req, playlist, now()) : refuse(c.req, notPlayable(live));
    }
    const picture = answerPicture({ request: c.req, live, file, now });
    return picture ?? refuse(c.req, notFound(`Stream ${stream} has no file of this name.`, openToAll));
  });

  app.get('/live/:stream/:rendition/:file', (c) => {
    const { stream, rendition, file } = pathOf(c.req);
    const live = streams.get(stream) ?? streams.ended?.(stream);
    if (live === undefined) return refuse(c.req, unknownStream(stream));
    if (file === playlistName) {
      const playlist = live.hls.playlist(rendition);
      if (playlist) return servePlaylist(c.req, playlist, now());
      const known = live.hls.renditions.includes(rendition);
      return refuse(c.req, known ? notPlayable(live) : unknownRendition(live));
    }
    const segment = live.hls.segment(rendition, file);
    return segment ? serveMedia(c.req, segment, now()) : refuse(c.req, notFound(segmentGone, openToAll));
  });
}

const segmentGone = 'There is no such media here: it left the window, or never was.';

function pathOf(request: HonoRequest): { stream: string; rendition: string; file: string } {
  return {
    stream: request.param('stream') ?? '',
    rendition: request.param('rendition') ?? '',
    file: request.param('file') ?? '',
  };
}

function refuse(request: RequestFacts, problem: Problem): Response {
  return problemResponse(problem, request.url);
}

function servePlaylist(request: RequestFacts, playlist: PlaylistResource, now: number): Response {
  return respondWith(
    request,
    {
      body: playlist.body,
      etag: playlist.etag,
      modifiedAt: playlist.modifiedAt,
      contentType: playlistType,
      cacheControl: `public, max-age=${playlistSeconds(playlist.body)}`,
      headers: openToAll,
    },
    now,
  );
}

/** Half the target duration: a cache then costs a player at most half a segment of delay. */
function playlistSeconds(body: string): number {
  const target = Number(/^#EXT-X-TARGETDURATION:(\d{1,5})/m.exec(body)?.[1] ?? 0);
  return Math.max(1, Math.floor(target / 2));
}

function serveMedia(request: RequestFacts, media: MediaResource, now: number): Response {
  return respondWith(
    request,
    {
      body: media.body,
      etag: media.etag,
      modifiedAt: media.modifiedAt,
      contentType: media.contentType,
      cacheControl: forever,
      headers: openToAll,
    },
    now,
  );
}

export function unknownStream(name: string): Problem {
  const detail = `There is no stream named ${JSON.stringify(name.slice(0, 80))}.`;
  return { ...notFound(detail, openToAll), code: 'stream-unknown', title: 'Unknown stream', field: 'stream' };
}

function unknownRendition(live: LiveStream): Problem {
  const detail = `Stream ${live.name} has no such rendition. It has: ${live.hls.renditions.join(', ')}.`;
  return { ...notFound(detail, openToAll), code: 'rendition-unknown', title: 'Unknown rendition', field: 'rendition' };
}

function notPlayable(live: LiveStream): Problem {
  return {
    status: 503,
    code: 'stream-not-playable',
    title: 'Stream not playable yet',
    detail: `Stream ${live.name} is ${live.state} and has nothing to play yet.`,
    headers: { ...openToAll, 'retry-after': '1' },
    members: { state: live.state },
  };
}
