import { z } from 'zod';
import type { StreamDescription } from '../../stream/description.js';
import type { LiveStream } from '../../stream/live-stream.js';
import type { AppContext } from '../context.js';
import { json } from './json.js';
import { type ApiRequest, operation } from './operation.js';
import { pageOf } from './paging.js';
import { diagnosisSchema, streamListSchema, streamSchema } from './schemas.js';
import { wholeNumber } from './values.js';

/** What everyone may read of streams. */

const MOST = 1000;

const listQuery = z.object({
  limit: wholeNumber(1, MOST).default(MOST).meta({ description: 'Streams a page.' }),
  cursor: z.string().max(200).optional().meta({ description: '`next` of the page before.' }),
});

export const listStreams = operation({
  id: 'listStreams',
  method: 'get',
  path: '/api/v1/streams',
  tag: 'Streams',
  summary: 'All streams',
  description:
    'In the order of the configuration, then in that of their creation. Why a stream is not live, the URL of its source, the ' +
    'store and the process ids of ffmpeg are for operators: others read null.',
  admin: false,
  query: listQuery,
  answers: {
    200: {
      description: 'A page of streams.',
      schema: streamListSchema,
      headers: { Link: 'RFC 8288: the next page, where there is one, as `rel="next"`.' },
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
  summary: 'One stream',
  admin: false,
  answers: { 200: { description: 'The stream.', schema: streamSchema } },
  answer: (request) =>
    json(describeFor(request, request.live), { open: true, headers: { vary: 'Authorization, Cookie' } }),
});

export const diagnoseStream = operation({
  id: 'diagnoseStream',
  method: 'get',
  path: '/api/v1/streams/{stream}/diagnosis',
  tag: 'Streams',
  summary: 'What went wrong with a stream: its last restarts, and the end of the log of ffmpeg',
  admin: true,
  answers: { 200: { description: 'The diagnosis.', schema: diagnosisSchema } },
  answer: ({ live }) => json(live.diagnose()),
});

/** A stream as the client may see it. */
export function describeFor(
  { context, isAdmin }: Pick<ApiRequest<unknown, unknown>, 'context' | 'isAdmin'>,
  live: LiveStream,
) {
  const description = describe(live, context.publicUrl);
  return isAdmin ? description : forVisitors(description);
}

/**
 * Without what is for operators: reasons and errors name hosts, networks and rejected credentials. Of a stream that is not open to
 * everyone also without what shows or names its pictures.
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

/** The stream's own description, its playback paths under the public URL where one is configured. */
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
