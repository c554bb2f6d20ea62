import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { addressGroup } from '../../net/address.js';
import type { HttpLog } from '../context.js';
import { createNetworks } from './client.js';

export interface ConnectionLimitOptions {
  /** Maximum simultaneous connections per address. */
  readonly most: number;
  /** Addresses and networks without this limit. */
  readonly trustedProxies?: readonly string[];
  readonly log: HttpLog;
}

/** Minimum time between log lines about rejected connections. */
const TELL_EVERY_MS = 60_000;

/** Closes connections beyond the limit of an address, and logs those that exceed the limit of the server. */
export function limitConnections(server: Server, { most, trustedProxies = [], log }: ConnectionLimitOptions): void {
  const isTrusted = createNetworks(trustedProxies);
  const open = new Map<string, number>();
  // A connection whose request was pushed back is emitted again.
  const counted = new WeakSet<Socket>();
  let toldAt = Number.NEGATIVE_INFINITY;
  const tell = (address: string | undefined, why: string): void => {
    const now = performance.now();
    if (now - toldAt < TELL_EVERY_MS) return;
    toldAt = now;
    log.warn({ address, reason: why }, 'connection rejected');
  };

  server.on('connection', (socket: Socket) => {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined || isTrusted(remoteAddress) || counted.has(socket)) return;
    counted.add(socket);
    const group = addressGroup(remoteAddress);
    const count = (open.get(group) ?? 0) + 1;
    if (count > most) {
      tell(remoteAddress, 'too many connections from this address');
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
  server.on('drop', (dropped) => tell(dropped?.remoteAddress, 'too many connections'));
}
