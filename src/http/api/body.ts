import { isTooDeep } from '../../config/tree.js';
import { SidepipeError } from '../../errors.js';

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
export async function readJson(request: Request, { required, contentTypes }: BodyOptions): Promise<unknown> {
  const text = await readText(request);
  if (text === '' && !required) return {};
  const type = request.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
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
export async function readText(request: Request): Promise<string> {
  const tooLarge = () => refuse(413, `The body is larger than ${MOST_BODY_BYTES} bytes.`);
  if (Number(request.headers.get('content-length') ?? 0) > MOST_BODY_BYTES) throw tooLarge();
  if (request.body === null) return '';
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of request.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += part.byteLength;
    if (bytes > MOST_BODY_BYTES) throw tooLarge();
    parts.push(part);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts));
  } catch {
    throw refuse(400, 'The body is not a text in UTF-8.');
  }
}
