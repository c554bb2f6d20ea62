import { z } from 'zod';
import { type StreamDescription, streamDescriptionSchema } from '../../stream/description.js';
import type { LiveStream } from '../../stream/live-stream.js';
import type { AppContext } from '../context.js';
import { json } from './json.js';
import { type ApiRequest, operation } from './operation.js';
import { pageOf } from './paging.js';
import { diagnosisSchema, streamListSchema } from './schemas.js';
import { wholeNumber } from './values.js';

/** Operations that read streams. */

const MOST = 1000;

const listQuery = z.object({
  limit: wholeNumber(1, MOST).default(MOST).meta({ description: 'Streams per page.' }),
  cursor: z.string().max(200).optional().meta({ description: '`next` of the previous page.' }),
});

export const listStreams = operation({
  id: 'listStreams',
  method: 'get',
  path: '/api/v1/streams',
  tag: 'Streams',
  summary: 'List all streams',
  description:
    'In the order of the configuration, followed by API streams in the order of their creation. The reason why a stream is not ' +
    'live, the URL of its source, the store and the process ids of ffmpeg are null without the admin token.',
  admin: false,
  query: listQuery,
  answers: {
    200: {
      description: 'A page of streams.',
      schema: streamListSchema,
      headers: { Link: 'RFC 8288: the next page as `rel="next"`, if there is one.' },
    },
  },
  answer: (request) => {
    const { context, query } = request;
    const { items, next } = pageOf(context.streams.list(), query);
    const url = `/api/v1/streams?limit=${query.limit}&cursor=${next}`;
    const headers = next === null ? {} : { link: `<${context.publicUrl ?? ''}${url}>; rel="next"` };
    const streams = items.map((live) => describeFor(request, live));
    return json({ streams, next }, { open: true, headers: { ...headers, vary: 'Authorization, Cookie' } });
  },
});

export const getStream = operation({
  id: 'getStream',
  method: 'get',
  path: '/api/v1/streams/{stream}',
  tag: 'Streams',
  summary: 'Get a stream',
  admin: false,
  answers: { 200: { description: 'The stream.', schema: streamDescriptionSchema } },
  answer: (request) =>
    json(describeFor(request, request.live), { open: true, headers: { vary: 'Authorization, Cookie' } }),
});

export const diagnoseStream = operation({
  id: 'diagnoseStream',
  method: 'get',
  path: '/api/v1/streams/{stream}/diagnosis',
  tag: 'Streams',
  summary: 'Diagnose a stream: its last restarts, and the last lines of the ffmpeg log',
  admin: true,
  answers: { 200: { description: 'The diagnosis.', schema: diagnosisSchema } },
  answer: ({ live }) => json(live.diagnose()),
});

/** A stream, limited to what the client may see. */
export function describeFor(
  { context, isAdmin }: Pick<ApiRequest<unknown, unknown>, 'context' | 'isAdmin'>,
  live: LiveStream,
) {
  const description = describe(live, context.publicUrl);
  return isAdmin ? description : forVisitors(description);
}

/**
 * Removes operator data: reasons and errors name hosts, networks and rejected credentials. For a stream that is not open to
 * everyone, also removes everything that shows or locates its images.
 */
export function forVisitors(description: StreamDescription): StreamDescription {
  const { source, hls, playback, thumbnail, ffmpeg } = description;
  const storage = { ...description.storage, store: null, lastError: null };
  const open = {
    ...description,
    source: { kind: source.kind, url: null, warnings: [] },
    reason: null,
    nextAttemptAt: null,
    hls: { ...hls, renditions: hls.renditions.map((rendition) => ({ ...rendition, encoderReason: null })) },
    storage,
    ffmpeg: { ...ffmpeg, pid: null },
  };
  if (playback.access === 'open') return open;
  return {
    ...open,
    playback: { ...playback, thumbnailImmutable: null },
    thumbnail: { ...thumbnail, placeholder: null, dominantColour: null },
    storage: { ...storage, playback: null },
  };
}

/** The stream's description, with playback paths under the public URL if one is configured. */
export function describe(live: LiveStream, publicUrl: AppContext['publicUrl']): StreamDescription {
  const description = live.describe();
  const { access, hls, thumbnail, thumbnailImmutable, preview, storyboard } = description.playback;
  const playback = {
    access,
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
