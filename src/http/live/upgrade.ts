import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import { type Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import type { Context } from 'hono';
import type { HttpLog } from '../context.js';
import { type Problem, problemDocument, problemHeaders, problemOf, refusal } from '../response/problem.js';

/** A connection that its client wants to turn into a WebSocket. The route that does so says that it has. */
export interface UpgradeRequest {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What came behind the request's headers. */
  readonly head: Buffer;
  isTaken: boolean;
}

export interface UpgradeOptions {
  /** The app's `fetch`: a request to upgrade is a request, and goes through the same checks. */
  readonly fetch: (request: Request, env: object) => Response | Promise<Response>;
  readonly urlBytes: number;
  readonly log: HttpLog;
}

/** The upgrade that a request asks for; undefined where it asks for none, or came without a connection. */
export function upgradeOf(c: Context): UpgradeRequest | undefined {
  return (c.env as { readonly upgrade?: UpgradeRequest } | undefined)?.upgrade;
}

/** Lets the app answer requests to upgrade to a WebSocket. Those for any other protocol are answered as if they had not asked. */
export function answerUpgrades(server: Server, newest: NewestResponse, options: UpgradeOptions): void {
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // A client that is gone before its answer; nobody is left to be told. The same connection can come here again and again.
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

/** The newest response of a connection, while it is under way. Those before it on the same connection end first. */
type NewestResponse = (socket: object) => ServerResponse | undefined;

/** Remembers each connection's newest response. */
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
 * A client may send its next request before it has the response to the one before. Node hands the connection over at once, and no longer
 * tells the response that there is room to write, which is done here.
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
    const problem = refusal(414, `The address is longer than ${options.urlBytes} bytes.`);
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
    else
      refuse(
        socket,
        target,
        isBadAddress ? refusal(400, 'The address of the request is not valid.') : problemOf(error),
      );
  }
}

/** Throws a TypeError where host or address make no URL. */
function requestOf({ url = '/', rawHeaders, headers: { host = 'localhost' } }: IncomingMessage): Request {
  const headers = new Headers();
  for (let at = 0; at < rawHeaders.length; at += 2) headers.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '');
  if (!url.startsWith('/') || !/^[A-Za-z0-9.:[\]_-]+$/.test(host)) throw new TypeError('not an address');
  return new Request(new URL(`http://${host}${url}`), { headers });
}

/** A body can be without an end, such as that of events: it is passed on as it comes, until the client is gone. */
async function write(socket: Duplex, response: Response): Promise<void> {
  writeHead(socket, response.status, Object.fromEntries(response.headers));
  // Only who reads hears that the client has gone.
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
 * RFC 9110, 7.8: a server may ignore an Upgrade field, which Node does only where nobody listens for upgrades; and Java's
 * HTTP client asks each server for HTTP/2 in this way. So the request is put back without the field and read again.
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
