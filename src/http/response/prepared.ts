import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from './answer.js';

/** Larger bodies are not copied behind their headers: compared with sending them, the headers cost nothing. */
const MOST_BYTES = 256 * 1024;
const noBytes = new Uint8Array();
const wellFormed = /^[\x20-\x7e]+$/;

/** Limit for all prepared responses together: only those of one second are kept. */
const MOST_BYTES_TOGETHER = 8 * 1024 * 1024;

export interface PreparedOptions {
  /** Headers of every response, names and values alternating. */
  readonly further: readonly string[];
  readonly keepAliveTimeoutMs: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Writes a response; false if it cannot be prepared, then nothing was written. */
export type PreparedWriter = (request: IncomingMessage, response: ServerResponse, answer: Answer) => boolean;

/**
 * Most of the cost of a response is checking and joining its headers, and writing them separately from the body. For a response
 * that many clients get (`isShared`), all bytes are built once per second, and each response is one write. Requests that need
 * anything but a plain response on a keep-alive connection are handled by node:http.
 */
export function createPreparedWriter({ further, keepAliveTimeoutMs, now }: PreparedOptions): PreparedWriter {
  /** Undefined: the response was sent only once in this second. */
  let known = new Map<Answer, Uint8Array | undefined>();
  /** The second in the `Date` header. */
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
    // node:http rejects characters that are invalid in a header.
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
    // No socket yet: responses to earlier requests of the connection come first.
    if (socket === null || !socket.writable || response.headersSent) return false;
    const bytes = bytesOf(answer);
    if (bytes === undefined) return false;
    // read(0) marks the empty body as consumed; otherwise node:http drains it, three ticks later.
    request.read(0);
    socket.write(bytes);
    // Ends the response for node:http: the connection is free for the next request.
    response.emit('finish');
    return true;
  };
}

/** GET over HTTP/1.1 without a body, on a keep-alive connection. */
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
