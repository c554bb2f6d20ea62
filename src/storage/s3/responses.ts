import { Readable } from 'node:stream';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { SidepipeError } from '../../errors.js';
import { readBounded } from '../../io/read-bounded.js';

/** Options of one call for its response. Passed to the SDK with `abortSignal`, which passes them on to the HTTP handler. */
export interface ResponseLimits {
  readonly abortSignal: AbortSignal;
  /** Maximum body size of a 2xx response. Default: `documentBytes`. */
  readonly mostBytes?: number;
  /** Called when the headers have arrived, with the number of bytes that they announce. */
  readonly onHead?: (bytes: number) => void;
}

/** Limit for XML responses: the largest is a listing of 1,000 escaped keys of 1,024 bytes. */
const documentBytes = 8 * 1024 ** 2;
/** Limit for the body of an error. */
const errorBytes = 64 * 1024;

/** A response that is not from the store, but from a proxy, a firewall or a captive portal. */
export class ForeignAnswer extends Error {
  override readonly name = 'ForeignAnswer';
  readonly foreign = true;
  readonly $metadata: { readonly httpStatusCode: number };
  readonly $response: { readonly statusCode: number; readonly headers: Readonly<Record<string, string>> };

  constructor(statusCode: number, headers: Readonly<Record<string, string>>, text: string) {
    super(describe(statusCode, headers, text));
    this.$metadata = { httpStatusCode: statusCode };
    this.$response = { statusCode, headers };
  }
}

type Handler = Pick<NodeHttpHandler, 'handle' | 'destroy' | 'updateHttpClientConfig' | 'httpHandlerConfigs'>;

/**
 * Reads every response itself, up to a limit, before the SDK sees it: a store, or a server in its place, can be hostile or broken. A body
 * over the limit ends the connection. Error bodies that are not from S3 never reach the XML parser.
 */
export function boundResponses(inner: NodeHttpHandler): Handler {
  return {
    async handle(request, options = {}) {
      const { mostBytes = documentBytes, onHead } = options as Partial<ResponseLimits>;
      const { response } = await inner.handle(request, options);
      const { statusCode } = response;
      const headers = response.headers as Record<string, string>;
      if (request.method === 'HEAD') {
        response.body?.resume?.();
        if (isPage(headers)) throw new ForeignAnswer(statusCode, headers, '');
        return { response };
      }
      const isError = statusCode >= 300;
      const announced = Number(headers['content-length'] ?? 0);
      onHead?.(announced);
      const body = await readBody(response.body, { announced, limit: isError ? errorBytes : mostBytes, cut: isError });
      if (isForeign(isError, headers, body))
        throw new ForeignAnswer(statusCode, headers, body.toString('utf8', 0, 4096));
      response.body = Readable.from(body.byteLength === 0 ? [] : [body], { objectMode: false });
      return { response };
    },
    destroy: () => inner.destroy(),
    updateHttpClientConfig: (key, value) => inner.updateHttpClientConfig(key, value),
    httpHandlerConfigs: () => inner.httpHandlerConfigs(),
  };
}

interface BodyLimits {
  readonly announced: number;
  readonly limit: number;
  /** Return the bytes up to the limit instead of an error. */
  readonly cut: boolean;
}

/** The whole body. Over the limit, it ends the connection. */
async function readBody(stream: Readable, { announced, limit, cut }: BodyLimits): Promise<Buffer> {
  if (announced > limit && !cut) {
    stream.destroy();
    throw tooLarge(announced, limit);
  }
  const { bytes, isComplete } = await readBounded(stream, { limit, expected: announced });
  if (isComplete) return bytes;
  stream.destroy();
  if (cut) return bytes;
  throw tooLarge(undefined, limit);
}

function tooLarge(announced: number | undefined, limit: number): SidepipeError {
  const size = announced === undefined ? `more than ${limit} bytes` : `${announced} bytes`;
  return new SidepipeError(`the response has ${size}; at most ${limit} are accepted`, {
    code: 'storage-failed',
    fault: 'storage',
    details: { bytes: announced ?? limit + 1, limit, remedy: 'delete the object if sidepipe did not write it' },
  });
}

const isPage = (headers: Readonly<Record<string, string>>): boolean =>
  /^text\/html\b/i.test(headers['content-type'] ?? '');

/** S3's errors are XML with an `Error` element, or have no body at all. A document type can only be an attack on the parser. */
function isForeign(isError: boolean, headers: Readonly<Record<string, string>>, body: Buffer): boolean {
  if (isPage(headers)) return true;
  if (!isError || body.byteLength === 0) return false;
  const start = body.toString('utf8', 0, 1024);
  return /<!DOCTYPE/i.test(start) || !/<Error[\s>]/.test(start);
}

/** One line for messages: the page's title or first words, and the server that it names. */
function describe(status: number, headers: Readonly<Record<string, string>>, text: string): string {
  const title = /<title[^>]*>([^<]{1,200})/i.exec(text)?.[1] ?? text.replace(/<[^>]{0,500}>/g, ' ');
  // Text from an unknown server must not control a terminal.
  const clean = (value: string): string =>
    value
      .replace(/[\s\p{Cc}]+/gu, ' ')
      .trim()
      .slice(0, 120);
  const server = clean(headers['server'] ?? '');
  const words = clean(title);
  const kind = isPage(headers) || /^\s*</.test(text) ? 'a web page' : 'a response that is not from S3';
  return `${kind}${words === '' ? '' : ` "${words}"`}${server === '' ? '' : ` from ${server}`} instead of the store's response (status ${status})`;
}
