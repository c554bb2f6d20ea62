import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { onTestFinished } from 'vitest';

interface SourceRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
}

export type Route = (request: IncomingMessage, response: ServerResponse) => void;

export interface HttpSource {
  /** By the name `localhost`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** Every request so far. */
  readonly requests: readonly SourceRequest[];
  close(): Promise<void>;
}

export interface HttpSourceOptions {
  /** By path, without the query. Anything else is 404. */
  readonly routes: Readonly<Record<string, Route>>;
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Where it listens, which is then in its URL. */
  readonly host?: string;
}

/** A server of media for one test, on a free port of both loopback addresses' name. */
export async function startHttpSource({ routes, tls, host = 'localhost' }: HttpSourceOptions): Promise<HttpSource> {
  const requests: SourceRequest[] = [];
  const sockets = new Set<Socket>();
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    const { method = '', url = '', headers } = request;
    requests.push({ method, url, headers });
    const route = routes[new URL(url, 'http://localhost').pathname];
    if (route === undefined) response.writeHead(404).end('nothing here');
    else route(request, response);
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  onTestFinished(close);
  const { port } = server.address() as AddressInfo;
  return { url: `${tls === undefined ? 'http' : 'https'}://${host}:${port}`, port, requests, close };
}

/** Serves a file with ranges, as a web server does. */
export function fileRoute(path: string, contentType: string): Route {
  return (request, response) =>
    void readFile(path).then((body) => {
      const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
      const from = Number(range?.[1] ?? 0);
      const to = range?.[2] ? Number(range[2]) : body.length - 1;
      response.writeHead(range === null ? 200 : 206, {
        'content-type': contentType,
        'accept-ranges': 'bytes',
        'content-length': to - from + 1,
        ...(range === null ? {} : { 'content-range': `bytes ${from}-${to}/${body.length}` }),
      });
      response.end(body.subarray(from, to + 1));
    });
}

export function textRoute(status: number, body = '', headers: Readonly<Record<string, string>> = {}): Route {
  return (_request, response) => void response.writeHead(status, headers).end(body);
}
