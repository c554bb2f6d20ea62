import { STATUS_CODES } from 'node:http';
import { formatPath, type Path } from '../../config/problems.js';
import { SidepipeError } from '../../errors.js';
import { type Problem, problemOf } from '../response/problem.js';

/** One error in a request. */
export interface FieldError {
  readonly in: 'body' | 'query' | 'header';
  /** `thumbnail.intervalSeconds`. */
  readonly path: string;
  /** The same as a JSON pointer: `#/thumbnail/intervalSeconds`. */
  readonly pointer: string;
  readonly message: string;
}

/** Combines all findings about one part of a request into one error. */
export function invalidRequest(
  where: FieldError['in'],
  findings: readonly { readonly path: Path; readonly message: string }[],
): SidepipeError {
  const errors = findings.map(({ path, message }): FieldError => {
    return { in: where, path: formatPath(path), pointer: pointerOf(path), message };
  });
  const lines = errors.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  const field = errors.length === 1 && errors[0]?.path !== '' ? { field: errors[0]?.path } : {};
  return new SidepipeError(lines.slice(0, 5).join('; '), {
    code: 'request-invalid',
    fault: 'caller',
    details: { errors, ...field },
  });
}

/** RFC 6901, as the fragment of a URI. */
function pointerOf(path: Path): string {
  const parts = path.map((part) => encodeURIComponent(String(part).replaceAll('~', '~0').replaceAll('/', '~1')));
  return ['#', ...parts].join('/');
}

const refusals: Readonly<Record<string, { status: number; code: string; title: string; retrySeconds?: number }>> = {
  'stream-exists': { status: 409, code: 'stream-exists', title: 'Stream exists' },
  'stream-configured': { status: 409, code: 'stream-configured', title: 'Stream is configured' },
  'stream-not-push': { status: 409, code: 'stream-not-push', title: 'Not a push stream' },
  'idempotency-conflict': { status: 422, code: 'idempotency-conflict', title: 'Idempotency key reused' },
  'limit-reached': { status: 409, code: 'limit-reached', title: 'Limit reached' },
  'not-found': { status: 404, code: 'stream-unknown', title: 'Unknown stream' },
  'port-unavailable': { status: 503, code: 'port-unavailable', title: 'Port unavailable', retrySeconds: 30 },
  'node-overloaded': { status: 503, code: 'node-overloaded', title: 'Node overloaded', retrySeconds: 30 },
  'state-unavailable': { status: 503, code: 'state-unavailable', title: 'Cannot save streams', retrySeconds: 10 },
};

/** Details of a `request-invalid` error. */
interface RequestFacts {
  readonly errors: readonly FieldError[];
  readonly status: number;
  /** Findings of a body that its receiver validated. */
  readonly findings: readonly { readonly path: Path; readonly message: string }[];
}

/** The problem that a caller gets for an error; undefined for failures of the node. */
export function apiProblem(error: unknown): Problem | undefined {
  if (!(error instanceof SidepipeError)) return undefined;
  const { code, message, details } = error;
  const known = refusals[code];
  if (known !== undefined) {
    const { status, title, retrySeconds } = known;
    const headers = retrySeconds === undefined ? {} : { headers: { 'retry-after': String(retrySeconds) } };
    return { status, code: known.code, title, detail: message, ...headers };
  }
  if (code !== 'request-invalid') return undefined;
  const { errors, status, findings } = details as Partial<RequestFacts>;
  if (findings !== undefined) return apiProblem(invalidRequest('body', findings));
  const problem = { ...problemOf(error), ...(errors && { members: { errors } }) };
  if (status === undefined) return problem;
  const title = STATUS_CODES[status] ?? problem.title;
  return status === 400 ? problem : { ...problem, status, title, code: title.toLowerCase().replaceAll(' ', '-') };
}
