import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from './answer.js';

/** Larger bodies are not copied to stand behind their headers: beside sending them the headers cost nothing. */
const MOST_BYTES = 256 * 1024;
const noBytes = new Uint8Array();
const wellFormed = /^[\x20-\x7e]+$/;

/** What all of them together may take: only those of one second are kept. */
const MOST_BYTES_TOGETHER = 8 * 1024 * 1024;

export interface PreparedOptions {
  /** Headers of every answer, names and values in turn. */
  readonly further: readonly string[];
  readonly keepAliveTimeoutMs: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Writes an answer; false: it is not one for this way, and nothing was written. */
export type PreparedWriter = (request: IncomingMessage, response: ServerResponse, answer: Answer) => boolean;

/**
 * Most of what an answer costs is that its headers are checked and joined, and written apart from the body. Of an answer that
 * many get (`isShared`) all bytes are made once a second, and each of them is one write. Requests that want anything
 * but a plain answer on a connection that stays go the usual way.
 */
export function createPreparedWriter({ further, keepAliveTimeoutMs, now }: PreparedOptions): PreparedWriter {
  /** Undefined: the answer was given once in this second. */
  let known = new Map<Answer, Uint8Array | undefined>();
  /** The second that stands in `Date`. */
  let second = 0;
  let date = '';
  let heldBytes = 0;
  const keptOpen = ['Connection: keep-alive', `Keep-Alive: timeout=${Math.floor(keepAliveTimeoutMs / 1000)}`];

  function bytesOf(answer: Answer): Uint8Array | undefined {
    const present = Math.floor(now() / 1000);
    if (present !== second) {
      second = present;
      date = new Date(second * 1000).toUTCString();
      known = new Map();
      heldBytes = 0;
    }
    const before = known.get(answer);
    if (before !== undefined || heldBytes > MOST_BYTES_TOGETHER) return before;
    const bytes = known.has(answer) ? prepare(answer) : undefined;
    known.set(answer, bytes);
    heldBytes += bytes?.byteLength ?? 0;
    return bytes;
  }

  function prepare({ headers, body }: Answer): Uint8Array | undefined {
    const fields = [...headerLines(headers), ...headerLines(further), `Date: ${date}`, ...keptOpen];
    // What must not stand in a header is node:http's to refuse.
    if (!fields.every((line) => wellFormed.test(line))) return undefined;
    const head = `HTTP/1.1 200 OK\r\n${fields.join('\r\n')}\r\n\r\n`;
    return Buffer.concat([
      Buffer.from(head, 'latin1'),
      typeof body === 'string' ? Buffer.from(body) : (body ?? noBytes),
    ]);
  }

  return (request, response, answer) => {
    if (answer.isShared !== true || (answer.body?.length ?? 0) > MOST_BYTES || !isPlain(request)) return false;
    const { socket } = response;
    // No socket yet: answers to earlier requests of the connection come first.
    if (socket === null || !socket.writable || response.headersSent) return false;
    const bytes = bytesOf(answer);
    if (bytes === undefined) return false;
    // There is no body to wait for: a request that was read from is not drained by node:http, which takes three more ticks.
    request.read(0);
    socket.write(bytes);
    // What ends every answer for node:http: the connection is the next request's.
    response.emit('finish');
    return true;
  };
}

/** GET over HTTP/1.1 with no body, on a connection that is to stay. */
function isPlain({ method, httpVersion, headers }: IncomingMessage): boolean {
  if (method !== 'GET' || httpVersion !== '1.1') return false;
  const { connection } = headers;
  if (connection !== undefined && connection !== 'keep-alive') return false;
  return headers['content-length'] === undefined && headers['transfer-encoding'] === undefined;
}

function headerLines(headers: readonly string[]): string[] {
  const lines: string[] = [];
  for (let index = 0; index < headers.length; index += 2) lines.push(`${headers[index]}: ${headers[index + 1]}`);
  return lines;
}
