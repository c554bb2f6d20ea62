import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { Context } from 'hono';
import { isTooDeep } from '../../config/tree.js';
import { SidepipeError } from '../../errors.js';
import { readBounded } from '../../io/read-bounded.js';

/** A stream with everything set is some 5 KB. */
const MOST_BODY_BYTES = 64 * 1024;

/** A refusal of a body, with the HTTP status that says so. */
function refuse(status: 400 | 413 | 415, message: string): SidepipeError {
  return new SidepipeError(message, { code: 'request-invalid', fault: 'caller', details: { status } });
}

export interface BodyOptions {
  readonly required: boolean;
  readonly contentTypes: readonly string[];
}

/** Reads a body of JSON, never more than the limit. Throws `request-invalid`. */
export async function readJson(c: Context, { required, contentTypes }: BodyOptions): Promise<unknown> {
  const text = await readText(c);
  if (text === '' && !required) return {};
  const type = c.req.header('content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (!contentTypes.includes(type)) throw refuse(415, `The body must be sent as ${contentTypes.join(' or ')}.`);
  if (text === '') throw refuse(400, 'The body is empty; it must be a JSON object.');
  let value: unknown;
  try {
    value = JSON.parse(text, (key, value) => {
      // As names they mean something else to JavaScript, and nothing to the node.
      if (key === '__proto__') throw new SyntaxError('a name that nothing has');
      return value;
    });
  } catch {
    // The parser's own message quotes the body, which can hold secrets.
    throw refuse(400, 'The body is not JSON.');
  }
  if (isTooDeep(value)) throw refuse(400, 'The body is nested deeper than any stream.');
  return value;
}

/** Reads a body of text, never more than the limit. Throws `request-invalid`. */
export async function readText(c: Context): Promise<string> {
  const tooLarge = () => refuse(413, `The body is larger than ${MOST_BODY_BYTES} bytes.`);
  const expected = Number(c.req.header('content-length') ?? 0);
  if (expected > MOST_BODY_BYTES) throw tooLarge();
  const stream = bodyOf(c);
  if (stream === undefined) return '';
  const body = await readBounded(stream, { limit: MOST_BODY_BYTES, expected }).catch(() => {
    throw refuse(400, 'The body ended early.');
  });
  if (!body.isComplete) throw tooLarge();
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body.bytes);
  } catch {
    throw refuse(400, 'The body is not a text in UTF-8.');
  }
}

/**
 * The connection's own message where there is one: a web stream costs several promises a piece, and clients can send the body in pieces
 * of one byte.
 */
function bodyOf(c: Context): Readable | undefined {
  const { incoming } = (c.env ?? {}) as { readonly incoming?: unknown };
  if (incoming instanceof Readable) return incoming;
  const { body } = c.req.raw;
  return body === null ? undefined : Readable.fromWeb(body as ReadableStream);
}
