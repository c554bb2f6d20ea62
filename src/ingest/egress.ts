import { randomBytes, timingSafeEqual } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { SidepipeError } from '../errors.js';

/**
 * The way out for ffmpeg. A static ffmpeg, such as the embedded one, crashes as soon as it looks up a host name on a system
 * whose C library is not the one that it was built with. So the node looks names up: HTTP and TLS go through a proxy on
 * loopback that only the node's own ffmpeg processes know the password of, and other protocols get an address.
 */
export interface Egress {
  start(): Promise<void>;
  /** The environment variables that lead ffmpeg here. Loopback addresses, such as the segment sink's, need no proxy. */
  environment(): Readonly<Record<string, string>>;
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 2000;
/** A tunnel on which nothing moves for this long is nobody's. */
const IDLE_TIMEOUT_MS = 120_000;

export function createEgress(): Egress {
  const password = randomBytes(16).toString('hex');
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    if (!isOurs(request, password)) refuse(response);
    else forward(request, response);
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.requestTimeout = 0;
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.setTimeout(IDLE_TIMEOUT_MS, () => socket.destroy());
  });
  server.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    if (!isOurs(request, password)) {
      socket.end(
        'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="sidepipe"\r\nContent-Length: 0\r\n\r\n',
      );
    } else tunnel(request.url ?? '', socket, head);
  });
  server.on('clientError', (_error, socket) => socket.destroy());
  return {
    start: () => listen(server),
    environment: () => {
      const { port } = server.address() as AddressInfo;
      return { http_proxy: `http://node:${password}@127.0.0.1:${port}`, no_proxy: '127.0.0.1' };
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** The address of a host, for protocols that no proxy carries. Throws `source-unavailable`. */
export async function resolveHost(host: string): Promise<string> {
  try {
    const { address, family } = await lookup(host.replace(/^\[|\]$/g, ''));
    return family === 6 ? `[${address}]` : address;
  } catch (cause) {
    throw new SidepipeError("the source's host name is not known", {
      code: 'source-unavailable',
      fault: 'source',
      retryable: true,
      cause,
    });
  }
}

function isOurs(request: IncomingMessage, password: string): boolean {
  const expected = Buffer.from(`Basic ${Buffer.from(`node:${password}`).toString('base64')}`);
  const given = Buffer.from(request.headers['proxy-authorization'] ?? '');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function refuse(response: ServerResponse): void {
  response.writeHead(407, { 'proxy-authenticate': 'Basic realm="sidepipe"', 'content-length': 0 }).end();
}

/** Plain HTTP: the same request, to the host that its absolute URL names. */
function forward(request: IncomingMessage, response: ServerResponse): void {
  const target = request.url ?? '';
  if (!URL.canParse(target) || !target.startsWith('http://')) {
    response.writeHead(400, { 'content-length': 0 }).end();
    return;
  }
  const { 'proxy-authorization': _password, 'proxy-connection': _hop, ...headers } = request.headers;
  const onward = httpRequest(target, {
    method: request.method ?? 'GET',
    headers: { ...headers, connection: 'close' },
    agent: false,
  });
  onward.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, { ...answer.headers, connection: 'close' });
    answer.pipe(response);
    answer.on('error', () => response.destroy());
  });
  onward.on('error', (error) =>
    response.headersSent ? response.destroy() : response.writeHead(502, reasonOf(error), { 'content-length': 0 }).end(),
  );
  response.on('close', () => onward.destroy());
  request.pipe(onward);
}

/** Everything else: bytes to and fro, TLS untouched between ffmpeg and the source. */
function tunnel(authority: string, socket: Socket, head: Buffer): void {
  const target = URL.canParse(`http://${authority}`) ? new URL(`http://${authority}`) : undefined;
  if (target === undefined) {
    socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
    return;
  }
  const host = target.hostname.replace(/^\[|\]$/g, '');
  const onward = connect({ host, port: Number(target.port || 443) });
  let isOpen = false;
  onward.once('connect', () => {
    isOpen = true;
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    onward.write(head);
    socket.pipe(onward).pipe(socket);
  });
  onward.on('error', (error) =>
    isOpen ? socket.destroy() : socket.end(`HTTP/1.1 502 ${reasonOf(error)}\r\nContent-Length: 0\r\n\r\n`),
  );
  onward.on('close', () => socket.destroy());
  socket.on('error', () => onward.destroy());
  socket.on('close', () => onward.destroy());
}

/** Why a source cannot be reached, in the words of the C library: ffmpeg logs the answer's reason phrase. */
function reasonOf({ code }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'Name or service not known';
    case 'ECONNREFUSED':
      return 'Connection refused';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'No route to host';
    case 'ETIMEDOUT':
      return 'Connection timed out';
    case 'ECONNRESET':
      return 'Connection reset';
    default:
      return 'Bad Gateway';
  }
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new SidepipeError('no port for the way out', { code: 'port-unavailable', fault: 'node', cause })),
    );
    server.listen({ host: '127.0.0.1', port: 0 }, resolve);
  });
}
