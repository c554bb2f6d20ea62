import type { HeaderFields } from './headers.js';
import { type Problem, problemDocument, problemHeaders } from './problem.js';

/** A response under `/live/`. */
export interface Answer {
  readonly status: number;
  /** Lower-case names and values, alternating. */
  readonly headers: readonly string[];
  /** Passed on unchanged, never copied. */
  readonly body: Uint8Array | string | null;
}

export function toResponse({ status, headers, body }: Answer): Response {
  const fields = unflatten(headers);
  // The types of `Response` require an ArrayBuffer; shared memory is never used here.
  return new Response(body as Uint8Array<ArrayBuffer> | string | null, { status, headers: fields });
}

/** `target`: the request's URL or path; its query is ignored. */
export function problemAnswer(problem: Problem, target: string): Answer {
  const body = problemDocument(problem, target);
  return { status: problem.status, headers: flatten(problemHeaders(problem, body)), body };
}

/** Converts headers to an object by name; an object is returned unchanged. */
export function unflatten(headers: HeaderFields | readonly string[]): Record<string, string> {
  if (!Array.isArray(headers)) return headers as Record<string, string>;
  const fields: Record<string, string> = {};
  for (let index = 0; index < headers.length; index += 2) fields[headers[index]!] = headers[index + 1]!;
  return fields;
}

export function flatten(fields: HeaderFields): string[] {
  const flat: string[] = [];
  for (const name in fields) flat.push(name, fields[name]!);
  return flat;
}
