import { allowsRange, isNotModified, lastModified, type Validators } from './conditional.js';
import type { HeaderFields } from './headers.js';
import { problemResponse } from './problem.js';
import { answerRange } from './range.js';

/** Something that is served with validators: a playlist, a segment, a picture, an asset. */
export interface Representation extends Validators {
  /** Passed on as it is, never copied. */
  readonly body: Uint8Array | string;
  readonly contentType: string;
  readonly cacheControl: string;
  /** Sent with 200, 206, 304 and 416 alike. */
  readonly headers: HeaderFields;
}

/** The part of a request that matters here; hono's own request fits. */
export interface RequestFacts {
  readonly method: string;
  readonly url: string;
  header(name: string): string | undefined;
}

/** Answers GET or HEAD: 304 where the client has it, a part where it asks for one, else the whole. */
export function respondWith(request: RequestFacts, item: Representation, now: number): Response {
  const conditions = {
    ifNoneMatch: request.header('if-none-match'),
    ifModifiedSince: request.header('if-modified-since'),
  };
  // Not a spread: V8 takes 7 µs to add properties to the result of one, which is a third of a picture's whole answer.
  const headers: Record<string, string> = Object.assign(
    { 'cache-control': item.cacheControl, etag: item.etag, 'last-modified': lastModified(item.modifiedAt, now) },
    item.headers,
  );
  if (isNotModified(conditions, item)) return new Response(null, { status: 304, headers });
  headers['content-type'] = item.contentType;
  if (typeof item.body === 'string') {
    headers['content-length'] = String(Buffer.byteLength(item.body));
    return new Response(item.body, { headers });
  }
  headers['accept-ranges'] = 'bytes';
  return bytesResponse(request, item, item.body, headers);
}

function bytesResponse(
  request: RequestFacts,
  item: Representation,
  body: Uint8Array,
  headers: Record<string, string>,
): Response {
  // "A server MUST ignore a Range header field received with a request method … for which range handling is not defined":
  // it is defined for GET alone.
  const asked = request.method === 'GET' ? request.header('range') : undefined;
  const range = answerRange(allowsRange(request.header('if-range'), item) ? asked : undefined, body.byteLength);
  if (range.kind === 'unsatisfiable') {
    return problemResponse(
      {
        status: 416,
        code: 'range-not-satisfiable',
        title: 'Range not satisfiable',
        detail: `The range lies outside of the ${body.byteLength} bytes that there are.`,
        field: 'Range',
        headers: { ...item.headers, 'content-range': `bytes */${body.byteLength}` },
      },
      request.url,
    );
  }
  if (range.kind === 'whole') {
    headers['content-length'] = String(body.byteLength);
    return new Response(asBody(body), { headers });
  }
  headers['content-range'] = `bytes ${range.first}-${range.last}/${body.byteLength}`;
  headers['content-length'] = String(range.last - range.first + 1);
  return new Response(asBody(body.subarray(range.first, range.last + 1)), { status: 206, headers });
}

/** The types of `Response` ask for bytes on an ArrayBuffer; shared memory is never used here. */
function asBody(body: Uint8Array): Uint8Array<ArrayBuffer> {
  return body as Uint8Array<ArrayBuffer>;
}
