import { type Answer, flatten, problemAnswer, toResponse, unflatten } from './answer.js';
import { allowsRange, isNotModified, lastModified, lastModifiedAt, type Validators } from './conditional.js';
import type { HeaderFields } from './headers.js';
import { answerRange } from './range.js';

/** A resource with validators: a playlist, a segment, an image, an asset. */
export interface Representation extends Validators {
  /** Passed on unchanged, never copied. */
  readonly body: Uint8Array | string;
  readonly contentType: string;
  readonly cacheControl: string;
  /** Sent with 200, 206, 304 and 416: lower-case names and values, as an object or alternating. */
  readonly headers: HeaderFields | readonly string[];
  /** The same object represents the resource until it changes, so its response can be cached. */
  readonly isShared?: true;
}

/** The part of a request that is used here; hono's request implements it. */
export interface RequestFacts {
  readonly method: string;
  readonly url: string;
  header(name: string): string | undefined;
}

/** Responds to GET or HEAD: 304 if the client has the resource, a range if requested, otherwise the whole body. */
export function answerWith(request: RequestFacts, item: Representation, now: number): Answer {
  if (item.isShared !== true || !asksForWhole(request)) return answerTo(request, item, now);
  // A date limited by the time of the response changes once, within the resource's first second.
  const dated = lastModifiedAt(item.modifiedAt, now);
  const before = shared.get(item);
  if (before?.dated === dated) return before.answer;
  const answer = answerTo(request, item, now);
  shared.set(item, { dated, answer });
  return answer;
}

const shared = new WeakMap<Representation, { readonly dated: number; readonly answer: Answer }>();

function asksForWhole(request: RequestFacts): boolean {
  return (
    request.method === 'GET' &&
    request.header('if-none-match') === undefined &&
    request.header('if-modified-since') === undefined &&
    request.header('range') === undefined
  );
}

function answerTo(request: RequestFacts, item: Representation, now: number): Answer {
  const conditions = {
    ifNoneMatch: request.header('if-none-match'),
    ifModifiedSince: request.header('if-modified-since'),
  };
  const headers = [
    'cache-control',
    item.cacheControl,
    'etag',
    item.etag,
    'last-modified',
    lastModified(item.modifiedAt, now),
  ];
  headers.push(...(Array.isArray(item.headers) ? item.headers : flatten(item.headers as HeaderFields)));
  if (isNotModified(conditions, item)) return { status: 304, headers, body: null };
  headers.push('content-type', item.contentType);
  if (typeof item.body === 'string') {
    headers.push('content-length', String(Buffer.byteLength(item.body)));
    return { status: 200, headers, body: item.body };
  }
  headers.push('accept-ranges', 'bytes');
  return bytesAnswer(request, item, item.body, headers);
}

/** The same as a `Response`. */
export function respondWith(request: RequestFacts, item: Representation, now: number): Response {
  return toResponse(answerWith(request, item, now));
}

function bytesAnswer(request: RequestFacts, item: Representation, body: Uint8Array, headers: string[]): Answer {
  // "A server MUST ignore a Range header field received with a request method … for which range handling is not defined":
  // it is defined for GET alone.
  const asked = request.method === 'GET' ? request.header('range') : undefined;
  if (asked === undefined) {
    headers.push('content-length', String(body.byteLength));
    return { status: 200, headers, body };
  }
  const range = answerRange(allowsRange(request.header('if-range'), item) ? asked : undefined, body.byteLength);
  if (range.kind === 'unsatisfiable') {
    return problemAnswer(
      {
        status: 416,
        code: 'range-not-satisfiable',
        title: 'Range not satisfiable',
        detail: `The range is outside the ${body.byteLength} bytes of the resource.`,
        field: 'Range',
        headers: { ...unflatten(item.headers), 'content-range': `bytes */${body.byteLength}` },
      },
      request.url,
    );
  }
  if (range.kind === 'whole') {
    headers.push('content-length', String(body.byteLength));
    return { status: 200, headers, body };
  }
  headers.push('content-range', `bytes ${range.first}-${range.last}/${body.byteLength}`);
  headers.push('content-length', String(range.last - range.first + 1));
  return { status: 206, headers, body: body.subarray(range.first, range.last + 1) };
}
