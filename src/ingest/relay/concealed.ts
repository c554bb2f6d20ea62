import { randomBytes } from 'node:crypto';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { PeerCheck } from '../../io/loopback.js';
import { listen } from '../../net/listen.js';

/** A secret: a URL that HTTP or RTSP is redirected to, or the text of a playlist that contains a URL of another kind. */
export type Concealable = string | { readonly playlist: string };

/** A URL that replaces a secret one on the command line. */
export interface ConcealedUrl {
  readonly url: string;
  close(): void;
}

/**
 * Redirects on loopback. Every user can read ffmpeg's command line, and a source's URL contains passwords and tokens. So ffmpeg gets a
 * URL of the node, which redirects to the source. That happens once per run; no media passes through here. Only processes of the
 * node's own user get a response.
 */
export interface ConcealedUrls {
  start(): Promise<void>;
  /** Conceals an HTTP, HTTPS, RTSP or RTSPS URL or a playlist. It works until it is closed, because ffmpeg can reconnect. */
  conceal(secret: Concealable): ConcealedUrl;
  /**
   * The loopback host in these URLs. ffmpeg connects to it without the proxy, so a source under a policy must not be able to
   * guess it.
   */
  readonly host: string;
  close(): Promise<void>;
}

const MAX_HEAD_BYTES = 16 * 1024;
/** ffmpeg sends its request immediately. */
const HEAD_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 1000;

export function createConcealedUrls(isOwn: PeerCheck): ConcealedUrls {
  const urls = new Map<string, Concealable>();
  const sockets = new Set<Socket>();
  let host = '127.0.0.1';
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.setTimeout(HEAD_TIMEOUT_MS, () => socket.destroy());
    void isOwn(socket).then((own) => {
      if (own) answerRequests(socket, urls);
      else socket.destroy();
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  return {
    get host() {
      return host;
    },
    async start() {
      const bytes = randomBytes(4);
      const hidden = `127.${[...bytes.subarray(0, 3)].map((each) => 1 + (each % 254)).join('.')}`;
      const failure = 'No loopback port is available for redirects to sources';
      try {
        await listen(server, { host: hidden, port: 0, failure });
        host = hidden;
      } catch {
        await listen(server, { host: '127.0.0.1', port: 0, failure });
        // Other systems than Linux have only this loopback address. The C library reads each part as octal, with any number of leading zeros.
        host = ['0177', '0', '0', '01'].map((part, at) => '0'.repeat(bytes[at]! % 32) + part).join('.');
      }
    },
    conceal(secret) {
      const [, scheme = '', path = ''] =
        /^(http|rtsp)s?:\/\/[^/?#]*([^?#]*)/i.exec(typeof secret === 'string' ? secret : 'http:///.m3u8') ?? [];
      if (scheme === '') throw new TypeError('only HTTP and RTSP have redirects');
      const id = randomBytes(16).toString('hex');
      urls.set(id, secret);
      // Newer versions detect a playlist only by its file extension.
      const ending = /\.[a-z0-9]{1,5}$/i.exec(path)?.[0] ?? '';
      const { port } = server.address() as AddressInfo;
      return {
        url: `${scheme.toLowerCase()}://${host}:${port}/${id}${ending}`,
        close: () => void urls.delete(id),
      };
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Answers requests on one connection until a redirect has been sent. ffmpeg then continues on another connection. */
function answerRequests(socket: Socket, urls: ReadonlyMap<string, Concealable>): void {
  const pieces: Buffer[] = [];
  let bytes = 0;
  socket.on('data', (piece) => {
    pieces.push(piece as Buffer);
    bytes += piece.length;
    if (bytes > MAX_HEAD_BYTES || pieces.length > 100) return void socket.destroy();
    const head = Buffer.concat(pieces).toString('latin1');
    if (!/\r?\n\r?\n/.test(head)) return;
    pieces.length = 0;
    bytes = 0;
    socket.end(answerTo(head, urls), 'latin1');
  });
}

/** The response to an HTTP or RTSP request. */
function answerTo(head: string, urls: ReadonlyMap<string, Concealable>): string {
  const [, target = '', protocol = 'HTTP/1.1'] = /^[A-Z]+ (\S+) (HTTP\/1\.[01]|RTSP\/1\.0)\r?\n/.exec(head) ?? [];
  const id = /\/([0-9a-f]{32})(?:\.[a-zA-Z0-9]{1,5})?$/.exec(target)?.[1] ?? '';
  const url = urls.get(id);
  if (typeof url === 'object') {
    const body = Buffer.from(url.playlist).toString('latin1');
    return `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  }
  // As UTF-8 bytes, like ffmpeg would have sent the URL, regardless of its characters.
  const location = url === undefined ? '' : `Location: ${Buffer.from(url).toString('latin1')}\r\n`;
  const isRtsp = protocol.startsWith('RTSP');
  const sequence = isRtsp ? `CSeq: ${/^CSeq:\s*(\d{1,10})/im.exec(head)?.[1] ?? '1'}\r\n` : 'Connection: close\r\n';
  const status = url === undefined ? '404 Not Found' : '302 Found';
  return `${isRtsp ? protocol : 'HTTP/1.1'} ${status}\r\n${sequence}${location}Content-Length: 0\r\n\r\n`;
}
