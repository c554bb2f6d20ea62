import { Readable } from 'node:stream';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { SidepipeError } from '../../errors.js';
import { readBounded } from '../../io/read-bounded.js';

/** What one call wants of its response. Given to the SDK beside `abortSignal`, which hands it on to the HTTP handler. */
export interface ResponseLimits {
  readonly abortSignal: AbortSignal;
  /** Bytes of the body of a response of 2xx. Default: `documentBytes`. */
  readonly mostBytes?: number;
  /** The head of the response is here: so many bytes are to follow, as far as it says. */
  readonly onHead?: (bytes: number) => void;
}

/** The answers of S3 that are XML: a listing of 1000 keys of 1024 bytes, each escaped, is the longest. */
const documentBytes = 8 * 1024 ** 2;
/** More of an error's body is not read. */
const errorBytes = 64 * 1024;

/** An answer that is not the store's: a proxy's page, a firewall's, a captive portal's. */
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
 * Reads every response itself, up to its limit, before the SDK sees it: a store, or what responds in its place, can be
 * hostile or broken. What is too long ends the connection. Error bodies that are not S3's never reach the XML parser.
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
  /** Give the bytes up to the limit instead of an error. */
  readonly cut: boolean;
}

/** The whole body. Over the limit, the connection ends. */
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

/** S3's errors are XML with an `Error` element, or have no body at all. A document type would be there to attack the parser. */
function isForeign(isError: boolean, headers: Readonly<Record<string, string>>, body: Buffer): boolean {
  if (isPage(headers)) return true;
  if (!isError || body.byteLength === 0) return false;
  const start = body.toString('utf8', 0, 1024);
  return /<!DOCTYPE/i.test(start) || !/<Error[\s>]/.test(start);
}

/** One line for people: the page's title or its first words, and what server it names. */
function describe(status: number, headers: Readonly<Record<string, string>>, text: string): string {
  const title = /<title[^>]*>([^<]{1,200})/i.exec(text)?.[1] ?? text.replace(/<[^>]{0,500}>/g, ' ');
  // What a stranger sends must not control a terminal.
  const clean = (value: string): string =>
    value
      .replace(/[\s\p{Cc}]+/gu, ' ')
      .trim()
      .slice(0, 120);
  const server = clean(headers['server'] ?? '');
  const words = clean(title);
  const kind = isPage(headers) || /^\s*</.test(text) ? 'a web page' : 'an answer that is not from S3';
  return `${kind}${words === '' ? '' : ` "${words}"`}${server === '' ? '' : ` from ${server}`} instead of the store's answer (status ${status})`;
}
