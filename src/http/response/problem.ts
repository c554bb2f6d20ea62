import { STATUS_CODES } from 'node:http';
import { SidepipeError } from '../../errors.js';
import { type HeaderFields, notForPages } from './headers.js';

/** One error as people and programs see it: RFC 9457, with a stable `code`. Texts hold no secret and nothing internal. */
export interface Problem {
  readonly status: number;
  /** Stable name, also the end of `type`. */
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  /** The field of the request that is wrong, where one is. */
  readonly field?: string;
  readonly headers?: HeaderFields;
  /** Further members of the document. */
  readonly members?: Readonly<Record<string, unknown>>;
}

const longestInstance = 512;

/** The problem as a response; `target` is the request's URL or path, of which the query is left out. */
export function problemResponse(problem: Problem, target: string): Response {
  const body = problemDocument(problem, target);
  return new Response(body, { status: problem.status, headers: problemHeaders(problem, body) });
}

/** The document itself, for answers that are written without the app. */
export function problemDocument(problem: Problem, target: string): string {
  return JSON.stringify({
    type: `urn:sidepipe:problem:${problem.code}`,
    title: problem.title,
    status: problem.status,
    detail: problem.detail,
    instance: pathOf(target).slice(0, longestInstance),
    code: problem.code,
    ...(problem.field === undefined ? {} : { field: problem.field }),
    ...problem.members,
  });
}

export function problemHeaders(problem: Problem, body: string): Record<string, string> {
  return {
    ...notForPages,
    ...problem.headers,
    'content-type': 'application/problem+json',
    'content-length': String(Buffer.byteLength(body)),
  };
}

export function notFound(detail: string, headers: HeaderFields = {}): Problem {
  return { status: 404, code: 'not-found', title: 'Not found', detail, headers };
}

export function methodNotAllowed(method: string, allow: string): Problem {
  return {
    status: 405,
    code: 'method-not-allowed',
    title: 'Method not allowed',
    detail: `This address does not answer to ${method.slice(0, 20)}; it answers to ${allow}.`,
    headers: { allow },
  };
}

/** A refusal that the HTTP server itself makes, before any route is looked at. */
export function refusal(status: 400 | 408 | 414 | 431 | 503, detail: string): Problem {
  const title = STATUS_CODES[status] ?? 'Refused';
  return { status, code: title.toLowerCase().replaceAll(' ', '-'), title, detail };
}

/** What may be said about anything that was thrown: the caller's own errors in words, all others without a word. */
export function problemOf(error: unknown): Problem {
  if (error instanceof SidepipeError && error.fault === 'caller') {
    const field = error.details['field'];
    const known = { detail: error.message, ...(typeof field === 'string' ? { field } : {}) };
    if (error.code === 'not-found') return { ...notFound(error.message), ...known };
    if (error.code === 'request-invalid') {
      return { status: 400, code: error.code, title: 'Request not understood', ...known };
    }
  }
  return {
    status: 500,
    code: 'internal',
    title: 'Internal error',
    detail: 'The node failed to answer this request. Its log says why.',
  };
}

function pathOf(target: string): string {
  const withoutQuery = target.split(/[?#]/, 1)[0] ?? '';
  return withoutQuery.replace(/^[a-z]+:\/\/[^/]*/, '') || '/';
}
