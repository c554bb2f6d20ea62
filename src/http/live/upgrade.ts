import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import { type Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import type { Context } from 'hono';
import type { HttpLog } from '../context.js';
import { type Problem, problemDocument, problemHeaders, problemOf, refusal } from '../response/problem.js';

/** A connection whose client requests a WebSocket. The route that accepts it reports so. */
export interface UpgradeRequest {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** Bytes that followed the request's headers. */
  readonly head: Buffer;
  isTaken: boolean;
}

export interface UpgradeOptions {
  /** The app's `fetch`: upgrade requests pass the same checks as others. */
  readonly fetch: (request: Request, env: object) => Response | Promise<Response>;
  readonly urlBytes: number;
  readonly log: HttpLog;
}

/** The upgrade of a request; undefined if it requests none, or has no connection. */
export function upgradeOf(c: Context): UpgradeRequest | undefined {
  return (c.env as { readonly upgrade?: UpgradeRequest } | undefined)?.upgrade;
}

/** Lets the app handle WebSocket upgrades. Requests for any other protocol are handled as if they had no Upgrade header. */
export function answerUpgrades(server: Server, newest: NewestResponse, options: UpgradeOptions): void {
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // The client disconnected before the response, so the error cannot be reported. The same connection can be emitted repeatedly.
    if (socket.listenerCount('error') === 0) socket.on('error', () => {});
    const isWebSocket = request.method === 'GET' && request.headers.upgrade?.toLowerCase() === 'websocket';
    const goOn = () => {
      if (socket.destroyed) return;
      if (isWebSocket) void answer({ request, socket, head, options });
      else handBack(server, request, socket, head);
    };
    const before = newest(socket);
    if (before === undefined) goOn();
    else afterResponse(before, socket, goOn);
  });
}

/** The newest unfinished response of each connection. Earlier responses on the same connection end first. */
type NewestResponse = (socket: object) => ServerResponse | undefined;

/** Records each connection's newest response. */
export function trackResponses(server: Server): NewestResponse {
  const responses = new WeakMap<object, ServerResponse>();
  server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    responses.set(socket, response);
  });
  return (socket) => {
    const response = responses.get(socket);
    return response === undefined || response.destroyed ? undefined : response;
  };
}

/**
 * A client may send its next request before it has the previous response. Node hands the connection over at once, and no longer
 * emits `drain` on that response, so this function does.
 */
function afterResponse(response: ServerResponse, socket: Duplex, goOn: () => void): void {
  const onDrain = () => response.emit('drain');
  socket.on('drain', onDrain);
  response.once('close', () => {
    socket.off('drain', onDrain);
    goOn();
  });
}

async function answer(upgrading: {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly options: UpgradeOptions;
}): Promise<void> {
  const { request, socket, head, options } = upgrading;
  const target = request.url ?? '/';
  if (target.length > options.urlBytes) {
    const problem = refusal(414, `The URL is longer than ${options.urlBytes} bytes.`);
    return refuse(socket, target, problem);
  }
  const upgrade: UpgradeRequest = { request, socket, head, isTaken: false };
  try {
    const response = await options.fetch(requestOf(request), { incoming: request, upgrade });
    if (!upgrade.isTaken) await write(socket, response);
  } catch (error) {
    const isBadAddress = error instanceof TypeError;
    if (!isBadAddress) options.log.error({ err: error }, 'request failed');
    if (upgrade.isTaken) socket.destroy();
    else refuse(socket, target, isBadAddress ? refusal(400, 'The URL of the request is not valid.') : problemOf(error));
  }
}

/** Throws a TypeError if host and path do not form a URL. */
function requestOf({ url = '/', rawHeaders, headers: { host = 'localhost' } }: IncomingMessage): Request {
  const headers = new Headers();
  for (let at = 0; at < rawHeaders.length; at += 2) headers.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '');
  if (!url.startsWith('/') || !/^[A-Za-z0-9.:[\]_-]+$/.test(host)) throw new TypeError('not a URL');
  return new Request(new URL(`http://${host}${url}`), { headers });
}

/** Streams a body, which may be endless, such as that of events, until the client disconnects. */
async function write(socket: Duplex, response: Response): Promise<void> {
  writeHead(socket, response.status, Object.fromEntries(response.headers));
  // A disconnect is only noticed while the socket is read.
  socket.once('end', () => socket.destroy()).resume();
  if (response.body === null) socket.end();
  else await pipeline(Readable.fromWeb(response.body as ReadableStream), socket).catch(() => {});
}

function refuse(socket: Duplex, target: string, problem: Problem): void {
  const body = problemDocument(problem, target);
  writeHead(socket, problem.status, problemHeaders(problem, body));
  socket.end(body);
}

function writeHead(socket: Duplex, status: number, headers: Readonly<Record<string, string>>): void {
  const fields = Object.entries({ ...headers, connection: 'close' });
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines}\r\n`);
}

/**
 * RFC 9110, 7.8: a server may ignore an Upgrade field. Node does so only without an upgrade listener, and Java's HTTP client
 * requests HTTP/2 in this way. So the request is pushed back without the field and parsed again.
 */
function handBack(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const { method, url, httpVersion, rawHeaders } = request;
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    if (!/^(?:upgrade|connection|http2-settings)$/i.test(name)) lines.push(`${name}: ${rawHeaders[at + 1]}`);
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  server.emit('connection', socket);
}
