import type { Hono } from 'hono';
import type { LiveStream } from '../../stream/live-stream.js';
import type { MediaResource, PlaylistResource } from '../../stream/resources.js';
import { signPlaylist } from '../access/signed-uris.js';
import type { AppContext } from '../context.js';
import { openToAll } from '../response/headers.js';
import { notFound, type Problem, problemResponse } from '../response/problem.js';
import { type RequestFacts, respondWith } from '../response/respond.js';
import { noteAudience } from './audience.js';
import { type DeliveryDirectives, readDirectives, waitForPart, waitForPosition } from './low-latency.js';
import { answerPicture } from './pictures.js';
import { type Opened, open, within } from './playback.js';
import { LiveRequest } from './request.js';

const playlistName = 'index.m3u8';
const playlistType = 'application/vnd.apple.mpegurl';
const forever = 'public, max-age=31536000, immutable';

/** Everything under `/live/`: playlists, media and images, all from memory. */
export function liveRoutes(app: Hono, context: AppContext): void {
  const { clientOf } = context.access;
  app.get('/live/:stream/:file', (c) => answerLive(new LiveRequest(c, clientOf), context));
  app.get('/live/:stream/:rendition/:file', (c) => answerLive(new LiveRequest(c, clientOf), context));
}

function answerLive(request: LiveRequest, context: AppContext): Response | Promise<Response> {
  const { streams } = context;
  const live = streams.get(request.stream) ?? streams.ended?.(request.stream);
  if (live === undefined) return refuse(request, unknownStream(request.stream));
  const now = context.now();
  const opened = open(live, request, now);
  if ('problem' in opened) return refuse(request, opened.problem);
  const answer = answerOpened(request, live, opened, context);
  if (opened.token === undefined) return answer;
  return answer instanceof Promise ? answer.then((each) => within(each, opened, now)) : within(answer, opened, now);
}

function answerOpened(
  request: LiveRequest,
  live: LiveStream,
  opened: Opened,
  context: AppContext,
): Response | Promise<Response> {
  const { rendition, file } = request;
  const { token } = opened;
  if (rendition === undefined) {
    if (file === playlistName) {
      const playlist = live.hls.multivariant();
      return playlist ? servePlaylist(request, playlist, token, context) : refuse(request, notPlayable(live));
    }
    const picture = answerPicture({ request, live, file, token, now: context.now });
    return picture ?? refuse(request, notFound(`Stream ${live.name} has no file with this name.`, openToAll));
  }
  if (file === playlistName) {
    const directives = readDirectives(request);
    if ('problem' in directives) return refuse(request, directives.problem);
    const serve = () => serveMediaPlaylist(request, live, { rendition, directives, token, context });
    const { wanted } = directives;
    if (wanted === undefined || live.hls.lowLatency(rendition)?.isReached(wanted) !== false) return serve();
    return waitForPosition(live.hls, rendition, wanted, request).then((problem) =>
      problem === undefined ? serve() : refuse(request, problem),
    );
  }
  const segment = live.hls.segment(rendition, file);
  if (segment !== undefined) return serveSegment(request, live, segment, context);
  if (live.hls.lowLatency(rendition)?.isNextPart(file) !== true) {
    return refuse(request, notFound(segmentGone, openToAll));
  }
  return waitForPart(live.hls, rendition, file, request).then(() => {
    const part = live.hls.segment(rendition, file);
    return part === undefined
      ? refuse(request, notFound(segmentGone, openToAll))
      : serveSegment(request, live, part, context);
  });
}

interface MediaPlaylistOptions {
  readonly rendition: string;
  readonly directives: DeliveryDirectives;
  readonly token: string | undefined;
  readonly context: AppContext;
}

function serveMediaPlaylist(request: LiveRequest, live: LiveStream, options: MediaPlaylistOptions): Response {
  const { rendition, directives, token, context } = options;
  const low = live.hls.lowLatency(rendition);
  const playlist = (directives.isDelta ? low?.delta() : undefined) ?? live.hls.playlist(rendition);
  if (playlist === undefined) {
    return refuse(request, live.hls.renditions.includes(rendition) ? notPlayable(live) : unknownRendition(live));
  }
  noteAudience(request, live, { context, playlistSeconds: targetSecondsOf(playlist) });
  return servePlaylist(request, playlist, token, context);
}

function serveSegment(request: LiveRequest, live: LiveStream, media: MediaResource, context: AppContext): Response {
  noteAudience(request, live, { context, playlistSeconds: undefined });
  const { body, etag, modifiedAt, contentType } = media;
  const served = { body, etag, modifiedAt, contentType, cacheControl: forever, headers: openToAll };
  return respondWith(request, served, context.now());
}

const segmentGone = 'Segment not found: it has left the window or never existed.';

function refuse(request: RequestFacts, problem: Problem): Response {
  return problemResponse(problem, request.url);
}

function servePlaylist(
  request: RequestFacts,
  playlist: PlaylistResource,
  token: string | undefined,
  { now }: AppContext,
): Response {
  const { body, etag, modifiedAt } = playlist;
  // Half the target duration: a cache then adds at most half a segment of latency. With parts, one second: low-latency clients
  // put the requested position into the URL, so each position is a separate object in a cache.
  const hasParts = body.includes('\n#EXT-X-PART-INF:');
  const maxAge = hasParts ? 1 : Math.max(1, Math.floor(targetSecondsOf(playlist) / 2));
  const cacheControl = `public, max-age=${maxAge}`;
  const [text, tag] =
    token === undefined
      ? [body, etag]
      : // The text differs for each token, so the entity tag must too.
        [signPlaylist(body, token), `"${etag.slice(1, -1)}-${token.slice(-12)}"`];
  const contentType = playlistType;
  return respondWith(
    request,
    { body: text, etag: tag, modifiedAt, contentType, cacheControl, headers: openToAll },
    now(),
  );
}

/** 0 for a multivariant playlist. */
function targetSecondsOf({ body }: PlaylistResource): number {
  return Number(/^#EXT-X-TARGETDURATION:(\d{1,5})/m.exec(body)?.[1] ?? 0);
}

export function unknownStream(name: string): Problem {
  const detail = `Stream ${JSON.stringify(name.slice(0, 80))} does not exist.`;
  return { ...notFound(detail, openToAll), code: 'stream-unknown', title: 'Unknown stream', field: 'stream' };
}

function unknownRendition(live: LiveStream): Problem {
  const detail = `Stream ${live.name} has no such rendition. Available: ${live.hls.renditions.join(', ')}.`;
  return { ...notFound(detail, openToAll), code: 'rendition-unknown', title: 'Unknown rendition', field: 'rendition' };
}

export function notPlayable(live: LiveStream): Problem {
  return {
    status: 503,
    code: 'stream-not-playable',
    title: 'Stream not playable yet',
    detail: `Stream ${live.name} is ${live.state === 'starting' ? 'starting' : 'offline'} and not playable yet.`,
    headers: { ...openToAll, 'retry-after': '1' },
    members: { state: live.state },
  };
}
