import type { LiveStream } from '../../stream/live-stream.js';
import type { ImageResource } from '../../stream/resources.js';
import { type ImageFormat, imageFormatPattern, type PreviewFormat } from '../../terms.js';
import { signStoryboard } from '../access/signed-uris.js';
import { type HeaderFields, openToAll } from '../response/headers.js';
import { notFound, type Problem, problemResponse } from '../response/problem.js';
import { type RequestFacts, respondWith } from '../response/respond.js';

const forever = 'public, max-age=31536000, immutable';
const latest = new RegExp(`^thumbnail\\.(${imageFormatPattern})$`);
/** A size name has at most 16 characters, a content hash 27. */
const sized = new RegExp(`^thumbnail-([a-z0-9][a-z0-9-]{0,15})\\.(${imageFormatPattern})$`);
const immutable = new RegExp(`^thumbnail-([A-Za-z0-9_-]{27})\\.(${imageFormatPattern})$`);
const preview = /^preview\.(webp|gif)$/;
const sheet = /^storyboard-(\d{1,12})\.jpg$/;

/** A request for an image, with the part of its URL that names the image. */
export interface PictureRequest {
  readonly request: RequestFacts & { query(name: string): string | undefined };
  readonly live: LiveStream;
  readonly file: string;
  /** The token of the request, for URLs listed in a text; undefined if the stream is open to everyone. */
  readonly token: string | undefined;
  readonly now: () => number;
}

/** The images under `/live/{stream}/`. Undefined for any other file. */
export function answerPicture(asked: PictureRequest): Response | Promise<Response> | undefined {
  const { file } = asked;
  const latestFormat = latest.exec(file)?.[1];
  if (latestFormat !== undefined) return serveThumbnail(asked, latestFormat as ImageFormat, undefined);
  const [, size, sizeFormat] = sized.exec(file) ?? [];
  if (size !== undefined) return serveThumbnail(asked, sizeFormat as ImageFormat, size);
  const [, hash, format] = immutable.exec(file) ?? [];
  if (hash !== undefined) return serveImmutable(asked, format as ImageFormat, hash);
  if (preview.test(file)) return servePreview(asked, preview.exec(file)?.[1] as PreviewFormat);
  if (file === 'storyboard.vtt') return serveStoryboard(asked);
  const number = sheet.exec(file)?.[1];
  return number === undefined ? undefined : serveSheet(asked, Number(number));
}

function serveThumbnail(
  asked: PictureRequest,
  format: ImageFormat,
  sizeName: string | undefined,
): Response | Promise<Response> {
  const { request, live } = asked;
  const { images } = live;
  const width = sizeName === undefined ? request.query('width') : undefined;
  if (width !== undefined && !images.widths.some((each) => String(each) === width)) {
    return refuse(request, unknownWidth(live, width));
  }
  const image = images.thumbnail(format, width === undefined ? sizeName : Number(width));
  if (!(image instanceof Promise)) return respondWithThumbnail(asked, format, image);
  return image.then((each) => respondWithThumbnail(asked, format, each));
}

function respondWithThumbnail(asked: PictureRequest, format: ImageFormat, image: ImageResource | undefined): Response {
  if (image !== undefined) return respondWithPicture(asked, image);
  const { request, live } = asked;
  const { images } = live;
  const known = images.formats.includes(format);
  const detail = known
    ? `Stream ${live.name} has no thumbnail size with this name. Available: ${images.sizeNames.join(', ') || 'none'}.`
    : `Stream ${live.name} has no ${format} thumbnails. Available: ${images.formats.join(', ')}.`;
  return refuse(request, notFound(detail, openToAll));
}

function unknownWidth({ name, images }: LiveStream, width: string): Problem {
  return {
    status: 400,
    code: 'request-invalid',
    title: 'Invalid request',
    detail: `Stream ${name} has no thumbnails of width ${JSON.stringify(width.slice(0, 20))}. Available: ${images.widths.join(', ')}.`,
    field: 'width',
    headers: openToAll,
    members: { allowed: images.widths },
  };
}

function serveImmutable({ request, live, now }: PictureRequest, format: ImageFormat, hash: string): Response {
  const found = live.images.immutable(format, hash);
  if (found === undefined) {
    const detail = `This thumbnail of stream ${live.name} is no longer in memory. The newest one is thumbnail.${live.images.formats[0]}.`;
    return refuse(request, notFound(detail, openToAll));
  }
  const { capturedAt, ...item } = found;
  // No state header: caches would keep it for a year.
  const headers = { 'sidepipe-captured-at': new Date(capturedAt).toISOString(), ...openToAll };
  return respondWith(request, { ...item, cacheControl: forever, headers }, now());
}

async function servePreview(asked: PictureRequest, format: PreviewFormat): Promise<Response> {
  return respondWithPicture(asked, await asked.live.images.preview(format));
}

function serveStoryboard({ request, live, token, now }: PictureRequest): Response {
  const storyboard = live.images.storyboard();
  const { modifiedAt } = storyboard;
  const body = token === undefined ? storyboard.body : signStoryboard(storyboard.body, token);
  const etag = token === undefined ? storyboard.etag : `"${storyboard.etag.slice(1, -1)}-${token.slice(-12)}"`;
  const contentType = 'text/vtt; charset=utf-8';
  return respondWith(
    request,
    { body, etag, modifiedAt, contentType, cacheControl: 'public, max-age=1', headers: openToAll },
    now(),
  );
}

async function serveSheet({ request, live, now }: PictureRequest, number: number): Promise<Response> {
  const found = await live.images.sheet(number);
  if (found === undefined) {
    const detail = `Stream ${live.name} has no such storyboard sheet. storyboard.vtt lists the available ones.`;
    return refuse(request, notFound(detail, openToAll));
  }
  const { complete, ...item } = found;
  // A growing sheet gets a new query in the WebVTT each time, but may also be requested without one.
  const cacheControl = complete ? forever : 'no-cache';
  return respondWith(request, { ...item, cacheControl, headers: openToAll }, now());
}

function respondWithPicture({ request, now }: PictureRequest, image: ImageResource): Response {
  const { body, contentType, etag, modifiedAt } = image;
  const cacheControl = imageCaching(image);
  return respondWith(
    request,
    { body, contentType, etag, modifiedAt, cacheControl, headers: imageHeaders(image) },
    now(),
  );
}

/** Every response states the image's age; in a 304, the headers describe the client's copy. */
function imageHeaders({ state, capturedAt, gate }: ImageResource): HeaderFields {
  const headers: Record<string, string> = { 'sidepipe-image-state': state };
  if (capturedAt !== undefined) headers['sidepipe-captured-at'] = new Date(capturedAt).toISOString();
  if (gate !== undefined) headers['sidepipe-gate-state'] = gate;
  return Object.assign(headers, openToAll);
}

/** No cache may keep an image longer than its state is valid. */
function imageCaching(image: ImageResource): string {
  const seconds = Math.floor(image.maxAgeSeconds);
  return image.state === 'fresh' && seconds >= 1 ? `public, max-age=${seconds}, must-revalidate` : 'no-cache';
}

function refuse(request: RequestFacts, problem: Problem): Response {
  return problemResponse(problem, request.url);
}
