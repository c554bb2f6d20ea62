import { request as httpRequest, type IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import { connect, type Socket as TcpSocket } from 'node:net';
import { onTestFinished } from 'vitest';
import type WebSocket from 'ws';

const require = createRequire(import.meta.url);
/** The one that the node uses too, wherever it was installed. */
const Socket = createRequire(require.resolve('node-rtsp-stream'))('ws') as typeof WebSocket;

export interface MonitorViewer {
  readonly socket: WebSocket;
  /** Everything that came, in order. */
  readonly messages: readonly Buffer[];
  /** All bytes behind the header. */
  stream(): Buffer;
  /** Settles with the close code. */
  readonly closed: Promise<number>;
}

/** A viewer of a monitor, let in; rejects when it is refused. */
export function openViewer(nodeUrl: string, name = 'cam', origin?: string): Promise<MonitorViewer> {
  return openViewerAt(`${nodeUrl}/live/${name}/monitor`, origin);
}

/** The same at any address. */
export function openViewerAt(url: string, origin?: string): Promise<MonitorViewer> {
  const socket = new Socket(url.replace(/^http/, 'ws'), origin === undefined ? {} : { origin });
  onTestFinished(() => socket.terminate());
  const messages: Buffer[] = [];
  socket.on('message', (data) => messages.push(data as Buffer));
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('open', () => resolve({ socket, messages, stream: () => Buffer.concat(messages.slice(1)), closed }));
  });
}

/** The node's answer to a request to upgrade that it refuses. */
export function refusedUpgrade(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; body: string; headers: IncomingMessage['headers'] }> {
  const upgrade = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': Buffer.alloc(16).toString('base64'),
  };
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { headers: { ...upgrade, ...headers } });
    request.once('error', reject);
    request.once('upgrade', () => reject(new Error('it was upgraded')));
    request.once('response', (response) => {
      let body = '';
      response.on('data', (piece) => {
        body += piece;
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
    });
    request.end();
  });
}

/** A viewer that reads nothing after the handshake. */
export async function openDeafViewer(nodeUrl: string, name = 'cam'): Promise<TcpSocket> {
  const { hostname, port } = new URL(nodeUrl);
  const socket = connect({ host: hostname, port: Number(port) });
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  socket.write(
    `GET /live/${name}/monitor HTTP/1.1\r\nHost: ${hostname}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\n\r\n`,
  );
  await new Promise<void>((resolve) => socket.once('readable', resolve));
  return socket;
}
