import { randomBytes, timingSafeEqual } from 'node:crypto';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { messageOf, SidepipeError } from '../../errors.js';
import { createPeerCheck, type PeerCheck } from '../../io/loopback.js';
import { failureWords } from '../failure-words.js';
import type { Networks } from '../networks.js';
import { lookupAmong, resolveAddresses } from '../resolve.js';
import { type Concealable, type ConcealedUrl, createConcealedUrls } from './concealed.js';
import { fail, passHead, relayBound } from './http.js';

/**
 * The way out for ffmpeg. A static ffmpeg, such as the embedded one, crashes as soon as it looks up a host name on a system
 * whose C library is not the one that it was built with. So the node looks names up: HTTP and TLS go through a proxy on
 * loopback that only the node's own ffmpeg processes know the password of, and other protocols get an address.
 */
export interface Egress {
  start(): Promise<void>;
  /** The environment variables that lead ffmpeg here. */
  environment(options?: EnvironmentOptions): Readonly<Record<string, string>>;
  /** A URL on loopback, for ffmpeg's command line, that leads to a source: see `ConcealedUrls`. */
  conceal(secret: Concealable): ConcealedUrl;
  /** Who may connect to servers on loopback. */
  readonly isOwn: PeerCheck;
  close(): Promise<void>;
}

interface EnvironmentOptions {
  /** Whether the stream is under the policy: then every connection is checked. */
  readonly isBound?: boolean;
}

export interface EgressOptions {
  /** Where streams under the policy may lead. */
  readonly networks?: Networks;
  readonly isOwn?: PeerCheck;
}

const MAX_CONNECTIONS = 2000;
/** A tunnel on which nothing moves for this long is nobody's. */
const IDLE_TIMEOUT_MS = 120_000;

/** Whose ffmpeg asks: each has a password of its own. */
type Asker = 'free' | 'bound';

export function createEgress({ networks = {}, isOwn = createPeerCheck() }: EgressOptions = {}): Egress {
  const passwords: Readonly<Record<Asker, string>> = {
    free: randomBytes(16).toString('hex'),
    bound: randomBytes(16).toString('hex'),
  };
  const sockets = new Set<Socket>();
  const concealed = createConcealedUrls(isOwn);
  const server = createServer((request, response) => {
    const asker = askerOf(request, passwords);
    if (asker === undefined) refuse(response);
    else if (asker === 'bound') void relayBound(request, response, networks);
    else forward(request, response);
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.requestTimeout = 0;
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.setTimeout(IDLE_TIMEOUT_MS, () => socket.destroy());
    // The password is in the environment of ffmpeg, which others cannot read; this is a second lock.
    void isOwn(socket).then((own) => own || socket.destroy());
  });
  server.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const asker = askerOf(request, passwords);
    if (asker === undefined) {
      socket.end(
        'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="sidepipe"\r\nContent-Length: 0\r\n\r\n',
      );
    } else void tunnel(request.url ?? '', socket, head, asker === 'bound' ? networks : undefined);
  });
  server.on('clientError', (_error, socket) => socket.destroy());
  return {
    isOwn,
    start: async () => {
      await Promise.all([listen(server), concealed.start()]);
    },
    conceal: (secret) => concealed.conceal(secret),
    environment: ({ isBound = false } = {}) => {
      const { port } = server.address() as AddressInfo;
      const password = passwords[isBound ? 'bound' : 'free'];
      // Who goes to loopback by himself must not be who is told where to go by strangers.
      const direct = isBound ? concealed.host : `127.0.0.1,${concealed.host}`;
      return { http_proxy: `http://node:${password}@127.0.0.1:${port}`, no_proxy: direct };
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      for (const socket of sockets) socket.destroy();
      await Promise.all([closed, concealed.close()]);
    },
  };
}

/** Who knows which password; undefined: a stranger. */
function askerOf(request: IncomingMessage, passwords: Readonly<Record<Asker, string>>): Asker | undefined {
  const given = Buffer.from(request.headers['proxy-authorization'] ?? '');
  return (['free', 'bound'] as const).find((asker) => {
    const expected = Buffer.from(`Basic ${Buffer.from(`node:${passwords[asker]}`).toString('base64')}`);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
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
    answer.on('error', () => response.destroy());
    if (passHead(response, answer.statusCode, { ...answer.headers, connection: 'close' })) answer.pipe(response);
  });
  onward.on('upgrade', (_answer, socket) => fail(response, socket.destroy()));
  onward.on('error', (error) => fail(response, error));
  response.on('close', () => onward.destroy());
  request.pipe(onward);
}

/** Everything else: bytes to and fro, TLS untouched between ffmpeg and the source. */
async function tunnel(authority: string, socket: Socket, head: Buffer, networks: Networks | undefined): Promise<void> {
  const end = ({ status, reason }: ReturnType<typeof failureWords>) =>
    socket.end(`HTTP/1.1 ${status} ${reason}\r\nContent-Length: 0\r\n\r\n`);
  socket.on('error', () => socket.destroy());
  const target = URL.canParse(`http://${authority}`) ? new URL(`http://${authority}`) : undefined;
  if (target === undefined) {
    end({ status: 400, reason: 'Bad Request' });
    return;
  }
  const host = target.hostname.replace(/^\[|\]$/g, '');
  const addresses = await resolveAddresses(host, networks).catch((error: unknown) => void end(failureWords(error)));
  if (addresses === undefined || socket.destroyed) return;
  const onward = connect({ host, port: Number(target.port || 443), lookup: lookupAmong(addresses) });
  let isOpen = false;
  onward.once('connect', () => {
    isOpen = true;
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    onward.write(head);
    socket.pipe(onward).pipe(socket);
  });
  onward.on('error', (error) => (isOpen ? socket.destroy() : end(failureWords(error))));
  onward.on('close', () => socket.destroy());
  socket.on('close', () => onward.destroy());
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new SidepipeError(`no port for the way out: ${messageOf(cause)}`, {
          code: 'port-unavailable',
          fault: 'node',
          cause,
        }),
      ),
    );
    // Running out of file descriptors while accepting is an event too.
    server.on('error', () => {});
    server.listen({ host: '127.0.0.1', port: 0 }, resolve);
  });
}
