import { allowsRange, isNotModified, lastModified, type Validators } from './conditional.js';
import type { HeaderFields } from './headers.js';
import { problemResponse } from './problem.js';
import { answerRange } from './range.js';

/** A resource with validators: a playlist, a segment, an image, an asset. */
export interface Representation extends Validators {
  /** Passed on unchanged, never copied. */
  readonly body: Uint8Array | string;
  readonly contentType: string;
  readonly cacheControl: string;
  /** Sent with 200, 206, 304 and 416. */
  readonly headers: HeaderFields;
}

/** The part of a request that is used here; hono's request implements it. */
export interface RequestFacts {
  readonly method: string;
  readonly url: string;
  header(name: string): string | undefined;
}

/** Responds to GET or HEAD: 304 if the client has the resource, a range if requested, otherwise the whole body. */
export function respondWith(request: RequestFacts, item: Representation, now: number): Response {
  // The spread comes last here and elsewhere: V8 takes 30 times as long to add fields to an object that begins as a copy.
  const headers: Record<string, string> = {
    'cache-control': item.cacheControl,
    etag: item.etag,
    'last-modified': lastModified(item.modifiedAt, now),
    ...item.headers,
  };
  const conditions = {
    ifNoneMatch: request.header('if-none-match'),
    ifModifiedSince: request.header('if-modified-since'),
  };
  if (isNotModified(conditions, item)) return new Response(null, { status: 304, headers });
  headers['content-type'] = item.contentType;
  if (typeof item.body === 'string') {
    headers['content-length'] = String(Buffer.byteLength(item.body));
    return new Response(item.body, { headers });
  }
  headers['accept-ranges'] = 'bytes';
  return respondWithBytes(request, item, item.body, headers);
}

function respondWithBytes(
  request: RequestFacts,
  item: Representation,
  body: Uint8Array,
  headers: Record<string, string>,
): Response {
  // "A server MUST ignore a Range header field received with a request method … for which range handling is not defined":
  // it is defined for GET alone.
  const requested = request.method === 'GET' ? request.header('range') : undefined;
  const isAllowed = requested !== undefined && allowsRange(request.header('if-range'), item);
  const range = answerRange(isAllowed ? requested : undefined, body.byteLength);
  if (range.kind === 'unsatisfiable') {
    return problemResponse(
      {
        status: 416,
        code: 'range-not-satisfiable',
        title: 'Range not satisfiable',
        detail: `The range is outside the ${body.byteLength} bytes of the resource.`,
        field: 'Range',
        headers: { ...item.headers, 'content-range': `bytes */${body.byteLength}` },
      },
      request.url,
    );
  }
  if (range.kind === 'whole') {
    headers['content-length'] = String(body.byteLength);
    return bytesResponse(200, headers, body);
  }
  headers['content-range'] = `bytes ${range.first}-${range.last}/${body.byteLength}`;
  headers['content-length'] = String(range.last - range.first + 1);
  return bytesResponse(206, headers, body.subarray(range.first, range.last + 1));
}

function bytesResponse(status: number, headers: HeaderFields, body: Uint8Array): Response {
  // The types of `Response` require an ArrayBuffer; shared memory is never used here.
  return new Response(body as Uint8Array<ArrayBuffer>, { status, headers });
}
