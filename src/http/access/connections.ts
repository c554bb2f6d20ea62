import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpLog } from '../context.js';
import { addressGroup, createNetworks } from './client.js';

export interface ConnectionLimitOptions {
  /** Connections of one address at a time. */
  readonly most: number;
  /** Addresses and networks that may have more. */
  readonly trustedProxies?: readonly string[];
  readonly log: HttpLog;
}

/** How often the log tells of connections that were not taken. */
const TELL_EVERY_MS = 60_000;

/** Closes the connections of an address that has too many, and tells of those that did not fit at all. */
export function limitConnections(server: Server, { most, trustedProxies = [], log }: ConnectionLimitOptions): void {
  const isTrusted = createNetworks(trustedProxies);
  const open = new Map<string, number>();
  // A connection whose request was put back comes here again.
  const counted = new WeakSet<Socket>();
  let toldAt = Number.NEGATIVE_INFINITY;
  const tell = (address: string | undefined, why: string): void => {
    const now = performance.now();
    if (now - toldAt < TELL_EVERY_MS) return;
    toldAt = now;
    log.warn({ address }, `a connection was closed: ${why}`);
  };

  server.on('connection', (socket: Socket) => {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined || isTrusted(remoteAddress) || counted.has(socket)) return;
    counted.add(socket);
    const group = addressGroup(remoteAddress);
    const count = (open.get(group) ?? 0) + 1;
    if (count > most) {
      tell(remoteAddress, 'its address has too many');
      socket.destroy();
      return;
    }
    open.set(group, count);
    socket.once('close', () => {
      const left = (open.get(group) ?? 1) - 1;
      if (left > 0) open.set(group, left);
      else open.delete(group);
    });
  });
  server.on('drop', (dropped) => tell(dropped?.remoteAddress, 'there are too many'));
}
