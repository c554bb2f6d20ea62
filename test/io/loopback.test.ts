import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { createPeerCheck, ownerOf, type PeerCheckOptions } from '../../src/io/loopback.js';

const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const row = (from: string, to: string, uid: number, inode: number) =>
  `   0: ${from} ${to} 01 00000000:00000000 00:00000000 00000000 ${String(uid).padStart(5)}        0 ${inode} 1 0000 20 4\n`;

/** A server on loopback and one connection to it, as the server sees it. */
async function connection(): Promise<Socket> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => {});
  const [socket] = (await once(server, 'connection')) as [Socket];
  onTestFinished(() => {
    client.destroy();
    socket.destroy();
    server.close();
  });
  return socket;
}

it('loopback: accepts a process of the same user', async () => {
  expect(await createPeerCheck()(await connection())).toBe(true);
});

it.each<[string, PeerCheckOptions]>([
  ['another user', { uid: (process.getuid?.() ?? 0) + 1 }],
  ['a peer that the kernel does not list', { readTable: async () => HEAD }],
])('loopback: refuses %s', async (_, options) => {
  expect(await createPeerCheck(options)(await connection())).toBe(false);
});

it('loopback: accepts everyone where the system has no users or no table', async () => {
  expect(await createPeerCheck({ readTable: () => Promise.reject(new Error('ENOENT')) })(await connection())).toBe(
    true,
  );
});

it('loopback: reads the table once for connections that come together, and asks once about each', async () => {
  const sockets = await Promise.all(Array.from({ length: 20 }, connection));
  let reads = 0;
  const isOwn = createPeerCheck({
    readTable: async () => {
      reads += 1;
      return HEAD;
    },
  });
  await Promise.all(sockets.flatMap((socket) => [isOwn(socket), isOwn(socket)]));
  // Again for those that are not listed.
  expect(reads).toBeLessThan(sockets.length);
});

it('loopback: looks again for a connection that reads of the table missed', async () => {
  const socket = await connection();
  const entry = (port = 0) => `0100007F:${port.toString(16).padStart(4, '0').toUpperCase()}`;
  const listed = HEAD + row(entry(socket.remotePort), entry(socket.localPort), 1000, 5);
  const tables = [HEAD, HEAD, HEAD, HEAD, listed];
  const isOwn = createPeerCheck({ uid: 1000, readTable: async () => tables.shift() ?? '' });
  expect(await isOwn(socket)).toBe(true);
});

it('loopback: reads the user of one end of a connection, not of the other', () => {
  const [client, server] = ['0100007F:9C40', '0100007F:1F90'];
  const table = HEAD + row(server, client, 1000, 5) + row(client, server, 1001, 6);
  expect(ownerOf(table, client, server)).toBe(1001);
  expect(ownerOf(table, server, client)).toBe(1000);
  expect(ownerOf(table, client, '0100007F:1F91')).toBeUndefined();
});

it('loopback: does not take a connection whose process has closed it for one of root', () => {
  expect(ownerOf(HEAD + row('0100007F:9C40', '0100007F:1F90', 0, 0), '0100007F:9C40', '0100007F:1F90')).toBeUndefined();
});
