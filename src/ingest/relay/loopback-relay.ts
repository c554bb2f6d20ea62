import { createServer, type Socket } from 'node:net';
import type { PeerCheck } from '../../io/loopback.js';
import { listen } from '../../net/listen.js';

/** A loopback port on which one run's ffmpeg finds its source. */
export interface LoopbackRelay {
  readonly port: number;
  close(): void;
}

/** ffmpeg opens one connection, and another one if the first fails. */
const MAX_CONNECTIONS = 4;

/** Passes connections of the node's own user to `serve` until the relay is closed, which closes all connections. */
export async function openLoopbackRelay(isOwn: PeerCheck, serve: (socket: Socket) => void): Promise<LoopbackRelay> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    void isOwn(socket).then((own) => {
      if (own) serve(socket);
      else socket.destroy();
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  const failure = 'No loopback port is available for the relay to the source';
  const port = await listen(server, { host: '127.0.0.1', port: 0, failure });
  return {
    port,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
