import { STATUS_CODES } from 'node:http';
import { SidepipeError } from '../../errors.js';
import { type HeaderFields, notForPages } from './headers.js';

/** An error for people and programs: RFC 9457, with a stable `code`. Texts contain no secrets and no internals. */
export interface Problem {
  readonly status: number;
  /** Stable code, also the end of `type`. */
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  /** The invalid field of the request, if there is one. */
  readonly field?: string;
  readonly headers?: HeaderFields;
  /** Additional members of the document. */
  readonly members?: Readonly<Record<string, unknown>>;
}

const longestInstance = 512;

/** The problem as a response; `target` is the request's URL or path, whose query is omitted. */
export function problemResponse(problem: Problem, target: string): Response {
  const body = problemDocument(problem, target);
  return new Response(body, { status: problem.status, headers: problemHeaders(problem, body) });
}

/** The document itself, for responses written without the app. */
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
    detail: `${method.slice(0, 20)} is not allowed here. Allowed: ${allow}.`,
    headers: { allow },
  };
}

/** A rejection by the HTTP server itself, before routing. */
export function refusal(status: 400 | 408 | 414 | 431 | 503, detail: string): Problem {
  const title = STATUS_CODES[status] ?? 'Request rejected';
  return { status, code: title.toLowerCase().replaceAll(' ', '-'), title, detail };
}

/** The problem of a thrown error: details only for errors of the caller. */
export function problemOf(error: unknown): Problem {
  if (error instanceof SidepipeError && error.fault === 'caller') {
    const field = error.details['field'];
    const known = { detail: error.message, ...(typeof field === 'string' ? { field } : {}) };
    if (error.code === 'not-found') return { ...notFound(error.message), ...known };
    if (error.code === 'request-invalid') {
      return { status: 400, code: error.code, title: 'Invalid request', ...known };
    }
  }
  return {
    status: 500,
    code: 'internal',
    title: 'Internal error',
    detail: 'The node could not process this request. Its log has the reason.',
  };
}

function pathOf(target: string): string {
  const withoutQuery = target.split(/[?#]/, 1)[0] ?? '';
  return withoutQuery.replace(/^[a-z]+:\/\/[^/]*/, '') || '/';
}
