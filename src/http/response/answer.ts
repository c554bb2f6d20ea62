import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HeaderFields } from './headers.js';
import { type Problem, problemDocument, problemHeaders } from './problem.js';

/**
 * What is answered under `/live/`, where most requests go: written straight to the socket by the node's own listener
 * (`writeAnswer`), and as a `Response` to whoever calls `fetch` (`toResponse`).
 */
export interface Answer {
  readonly status: number;
  /** Names in lower case and values in turn, as node:http takes them without looking at each again. */
  readonly headers: readonly string[];
  /** Passed on as it is, never copied. */
  readonly body: Uint8Array | string | null;
  /** The same object, with status 200, answers everyone who asks for this: what is made of it is worth keeping. */
  readonly isShared?: true;
}

/** Answers a request that it knows; undefined: somebody else may. */
export type Answerer = (request: IncomingMessage) => Answer | Promise<Answer> | undefined;

export function toResponse({ status, headers, body }: Answer): Response {
  const fields = unflatten(headers);
  // The types of `Response` ask for bytes on an ArrayBuffer; shared memory is never used here.
  return new Response(body as Uint8Array<ArrayBuffer> | string | null, { status, headers: fields });
}

/** `further`: headers that stand in every answer of this listener. */
export function writeAnswer(response: ServerResponse, answer: Answer, further: readonly string[]): void {
  const { status, headers, body } = answer;
  response.writeHead(status, (further.length === 0 ? headers : [...headers, ...further]) as string[]);
  // Writes nothing more for HEAD.
  if (body === null) response.end();
  else response.end(body);
}

/** `target`: the request's URL or path, of which the query is left out. */
export function problemAnswer(problem: Problem, target: string): Answer {
  const body = problemDocument(problem, target);
  return { status: problem.status, headers: flatten(problemHeaders(problem, body)), body };
}

/** By name; unchanged where they are. */
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
