import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { Context } from 'hono';
import { isTooDeep } from '../../config/tree.js';
import { SidepipeError } from '../../errors.js';
import { readBounded } from '../../io/read-bounded.js';

/** A stream with every setting is about 5 KB. */
const MOST_BODY_BYTES = 64 * 1024;

/** The error of a rejected body, with its HTTP status. */
function refuse(status: 400 | 413 | 415, message: string): SidepipeError {
  return new SidepipeError(message, { code: 'request-invalid', fault: 'caller', details: { status } });
}

export interface BodyOptions {
  readonly required: boolean;
  readonly contentTypes: readonly string[];
}

/** Reads a JSON body, up to the limit. Throws `request-invalid`. */
export async function readJson(c: Context, { required, contentTypes }: BodyOptions): Promise<unknown> {
  const text = await readText(c);
  if (text === '' && !required) return {};
  const type = c.req.header('content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (!contentTypes.includes(type)) throw refuse(415, `Send the body as ${contentTypes.join(' or ')}.`);
  if (text === '') throw refuse(400, 'The body is empty. Send a JSON object.');
  let value: unknown;
  try {
    value = JSON.parse(text, (key, value) => {
      // This name is special in JavaScript; the node has no such setting.
      if (key === '__proto__') throw new SyntaxError('reserved name');
      return value;
    });
  } catch {
    // The parser's own message quotes the body, which can hold secrets.
    throw refuse(400, 'The body is not valid JSON.');
  }
  if (isTooDeep(value)) throw refuse(400, 'The body is nested too deeply.');
  return value;
}

/** Reads a text body, up to the limit. Throws `request-invalid`. */
export async function readText(c: Context): Promise<string> {
  const tooLarge = () => refuse(413, `The body is larger than ${MOST_BODY_BYTES} bytes.`);
  const expected = Number(c.req.header('content-length') ?? 0);
  if (expected > MOST_BODY_BYTES) throw tooLarge();
  const stream = bodyOf(c);
  if (stream === undefined) return '';
  const body = await readBounded(stream, { limit: MOST_BODY_BYTES, expected }).catch(() => {
    throw refuse(400, 'The body is incomplete.');
  });
  if (!body.isComplete) throw tooLarge();
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body.bytes);
  } catch {
    throw refuse(400, 'The body is not valid UTF-8.');
  }
}

/**
 * Reads from the connection if there is one: a web stream needs several promises per chunk, and clients can send the body in chunks
 * of one byte.
 */
function bodyOf(c: Context): Readable | undefined {
  const { incoming } = (c.env ?? {}) as { readonly incoming?: unknown };
  if (incoming instanceof Readable) return incoming;
  const { body } = c.req.raw;
  return body === null ? undefined : Readable.fromWeb(body as ReadableStream);
}
