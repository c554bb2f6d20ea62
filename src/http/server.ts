import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { listen } from '../net/listen.js';
import { limitConnections } from './access/connections.js';
import type { HttpLog } from './context.js';
import { answerUpgrades, trackResponses } from './live/upgrade.js';
import type { HeaderFields } from './response/headers.js';
import {
  type Problem,
  problemDocument,
  problemHeaders,
  problemOf,
  problemResponse,
  refusal,
} from './response/problem.js';

export interface HttpServerOptions {
  /** Handles one request: the app's `fetch`. */
  readonly fetch: (request: Request, env?: object) => Response | Promise<Response>;
  /** Headers of every response. */
  readonly headers?: HeaderFields;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly log: HttpLog;
  /** Addresses and networks of proxies, whose connections carry many clients. */
  readonly trustedProxies?: readonly string[];
  readonly limits?: Partial<HttpLimits>;
  /** Number of connections for which the process currently has file descriptors. */
  readonly connectionBudget?: () => number;
}

/** Limits per client. */
export interface HttpLimits {
  readonly urlBytes: number;
  /** Request line and headers together. */
  readonly headerBytes: number;
  /** From the connection's first byte to the end of the headers. */
  readonly headersTimeoutMs: number;
  /** From the first byte to the end of the body. */
  readonly requestTimeoutMs: number;
  /** Maximum idle time between two requests. */
  readonly keepAliveTimeoutMs: number;
  /** Maximum time without progress while a response is pending, such as when a client stops reading. */
  readonly silenceTimeoutMs: number;
  readonly connections: number;
  /** The same per address (IPv6: per /64). Trusted proxies may use all. */
  readonly connectionsPerAddress: number;
  /** How long `close` waits for pending responses. */
  readonly closeTimeoutMs: number;
}

const defaults: HttpLimits = {
  urlBytes: 2048,
  headerBytes: 16 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 75_000,
  silenceTimeoutMs: 90_000,
  connections: 10_000,
  connectionsPerAddress: 1000,
  closeTimeoutMs: 2_000,
};

export interface HttpServer {
  /** Starts listening. Throws a SidepipeError `port-unavailable` that names host, port and `http.port`. */
  start(): Promise<HttpAddress>;
  /** Stops accepting, waits a bounded time for pending responses, then closes every connection. */
  close(): Promise<void>;
}

/** Where the HTTP listener is. */
export interface HttpAddress {
  readonly host: string;
  readonly port: number;
}

/** One listening HTTP server for the app. It is started once and closed once. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const limits = { ...defaults, ...options.limits };
  // The adapter replaces the global Request and Response by lightweight classes: the platform's own copy every body.
  const answer = getRequestListener(options.fetch, {
    hostname: 'localhost',
    errorHandler: (error) => {
      const problem = problemOfListener(error);
      if (problem.status >= 500) options.log.error({ err: error }, 'request failed');
      return problemResponse(problem, '/');
    },
  });
  const always = Object.entries(options.headers ?? {});
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.min(limits.headersTimeoutMs, 5_000),
    },
    (request, response) => {
      if ((request.url?.length ?? 0) <= limits.urlBytes) {
        for (const [name, value] of always) response.setHeader(name, value);
        answer(request, response);
        return;
      }
      refuseRequest(request, response, refusal(414, `The URL is longer than ${limits.urlBytes} bytes.`));
    },
  );
  server.timeout = limits.silenceTimeoutMs;
  shareDescriptors(server, limits.connections, options.connectionBudget);
  const sockets = trackSockets(server);
  const newest = trackResponses(server);
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const before = newest(socket);
    // The bytes after the current request are invalid, not the request itself.
    if (before?.req.complete) before.once('close', () => socket.destroy());
    else refuseSocket(error, socket);
  });
  answerUpgrades(server, newest, { fetch: options.fetch, urlBytes: limits.urlBytes, log: options.log });
  limitConnections(server, { ...options, most: limits.connectionsPerAddress });
  return {
    start: () => startListening(server, options),
    close: () => closeWithin(server, sockets, limits.closeTimeoutMs),
  };
}

/** Minimum time between logged listener errors. */
const ERROR_EVERY_MS = 60_000;
/** Share of the available connections from which idle ones are closed. */
const CROWDED = 0.8;

/**
 * Connections must not use up the file descriptors that ffmpeg's pipes need. So the limit depends on the number of streams, and when
 * it is nearly reached, idle connections are closed: their clients reconnect when they need to.
 */
function shareDescriptors(server: Server, most: number, budget: () => number = () => most): void {
  let count = 0;
  const adjust = () => {
    const fit = Math.min(most, budget());
    server.maxConnections = fit;
    if (fit < most && count > fit * CROWDED) server.closeIdleConnections();
  };
  server.maxConnections = Math.min(most, budget());
  // A connection whose request was pushed back is emitted again.
  const counted = new WeakSet<Socket>();
  server.on('connection', (socket: Socket) => {
    if (counted.has(socket)) return;
    counted.add(socket);
    count += 1;
    socket.once('close', () => {
      count -= 1;
    });
    adjust();
  });
  server.on('drop', adjust);
}

async function startListening(server: Server, { host, port, log }: HttpServerOptions): Promise<HttpAddress> {
  // Raised when accepting runs out of file descriptors. Without a limit, each rejected connection would be logged.
  let loggedAt = Number.NEGATIVE_INFINITY;
  const onError = (error: Error): void => {
    if (performance.now() - loggedAt < ERROR_EVERY_MS) return;
    loggedAt = performance.now();
    log.error({ err: error }, 'HTTP server error');
  };
  const failure = `http.port: cannot listen on ${host} port ${port}`;
  const settings = { fault: 'caller', hostSetting: 'http.host', details: { path: 'http.port' } } as const;
  return { host, port: await listen(server, { host, port, failure, onError, ...settings }) };
}

/** All connections. Node no longer tracks upgraded connections, so they would outlive `closeAllConnections`. */
function trackSockets(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    // A connection whose request was pushed back is emitted again.
    if (sockets.has(socket)) return;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

async function closeWithin(server: Server, sockets: ReadonlySet<Socket>, timeoutMs: number): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // Sockets that become idle after `close` would stay open until their keep-alive ends.
  const idle = setInterval(() => server.closeIdleConnections(), 50);
  const deadline = setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, timeoutMs);
  await closed;
  clearInterval(idle);
  clearTimeout(deadline);
}

function refuseRequest(request: IncomingMessage, response: ServerResponse, problem: Problem): void {
  const body = problemDocument(problem, request.url ?? '/');
  response.writeHead(problem.status, { ...problemHeaders(problem, body), connection: 'close' });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** Handles errors of the parser and its timers, before there is a request. */
function refuseSocket(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesWritten > 0) {
    // After a first response, these bytes might be read as part of another one.
    socket.destroy();
    return;
  }
  const problem = problemOfParser(error.code);
  const body = problemDocument(problem, '/');
  const fields = Object.entries({ ...problemHeaders(problem, body), connection: 'close' });
  const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.end(`HTTP/1.1 ${problem.status} ${problem.title}\r\n${head}\r\n${body}`);
}

function problemOfParser(code: string | undefined): Problem {
  if (code === 'HPE_HEADER_OVERFLOW') return refusal(431, 'The request headers are too large.');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return refusal(408, 'The request took too long to arrive.');
  return refusal(400, 'Malformed HTTP request.');
}

/** The adapter rejects host headers and paths that do not form a URL; everything else is a failure of the node. */
function problemOfListener(error: unknown): Problem {
  const name = error instanceof Error ? error.name : '';
  return name === 'RequestError' ? refusal(400, 'The host or the URL of the request is not valid.') : problemOf(error);
}
