import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createPeerCheck, type PeerCheck } from '../../io/loopback.js';
import { listen } from '../../net/listen.js';
import { failureWords } from '../failure-words.js';
import type { Networks } from '../networks.js';
import { lookupAmong, resolveAddresses } from '../resolve.js';
import { type Concealable, type ConcealedUrl, createConcealedUrls } from './concealed.js';
import { fail, passHead, relayBound } from './http.js';

/**
 * The egress proxy for ffmpeg. A static ffmpeg, such as the embedded one, crashes when it resolves a host name on a system with a
 * different C library. So the node resolves names: HTTP and TLS go through a proxy on loopback whose password only the node's own
 * ffmpeg processes know, and other protocols get an address.
 */
export interface Egress {
  start(): Promise<void>;
  /** The environment variables that make ffmpeg use this proxy. */
  environment(options?: EnvironmentOptions): Readonly<Record<string, string>>;
  /** A loopback URL for ffmpeg's command line that leads to a source: see `ConcealedUrls`. */
  conceal(secret: Concealable): ConcealedUrl;
  /** Checks which processes may connect to servers on loopback. */
  readonly isOwn: PeerCheck;
  close(): Promise<void>;
}

interface EnvironmentOptions {
  /** Whether the stream is subject to a policy, so that every connection is checked. */
  readonly isBound?: boolean;
}

export interface EgressOptions {
  /** The networks that streams under a policy may connect to. */
  readonly networks?: Networks;
  readonly isOwn?: PeerCheck;
}

const MAX_CONNECTIONS = 2000;
/** A tunnel without traffic for this long is considered abandoned. */
const IDLE_TIMEOUT_MS = 120_000;

/** Which kind of ffmpeg sends the request; each has its own password. */
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
    // A second line of defence: the password is in ffmpeg's environment, which other users cannot read.
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
      const failure = 'No loopback port is available for the egress proxy';
      await Promise.all([listen(server, { host: '127.0.0.1', port: 0, failure }), concealed.start()]);
    },
    conceal: (secret) => concealed.conceal(secret),
    environment: ({ isBound = false } = {}) => {
      const { port } = server.address() as AddressInfo;
      const password = passwords[isBound ? 'bound' : 'free'];
      // A stream under a policy must not reach loopback without the proxy, because strangers choose its URLs.
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

/** Identifies the sender by its password; undefined: unknown. */
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

/** Plain HTTP: forwards the request to the host of its absolute URL. */
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

/** Everything else: forwards bytes in both directions. TLS stays end-to-end between ffmpeg and the source. */
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
