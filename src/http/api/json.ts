import { type HeaderFields, notForPages, openToAll } from '../response/headers.js';

export interface JsonOptions {
  readonly status?: number;
  readonly headers?: HeaderFields;
  /** Pages of any site may read it. */
  readonly open?: boolean;
}

/** A value as a response that no cache stores. */
export function json(value: unknown, { status = 200, headers, open = false }: JsonOptions = {}): Response {
  const body = JSON.stringify(value);
  return new Response(body, {
    status,
    headers: {
      ...notForPages,
      ...(open && openToAll),
      ...headers,
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
    },
  });
}
