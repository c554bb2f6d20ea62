import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { endianness } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

/** Whether a connection to a server of this node on loopback comes from a process of the node's own user. */
export type PeerCheck = (socket: Socket) => Promise<boolean>;

export interface PeerCheckOptions {
  /** The kernel's table of TCP connections. Rejects where there is none. */
  readonly readTable?: () => Promise<string>;
  /** The user of this process. Undefined on systems without. */
  readonly uid?: number | undefined;
}

/** How long to wait before each look at the table, where the looks before found no entry: a stranger's is found, and refused, at once. */
const LOOKS_MS = [0, 0, 20, 100, 300];

/**
 * Every user of a machine can connect to its loopback ports, and read in `/proc` which URLs a command line names. So what a
 * loopback server of the node accepts is decided by who connects: Linux lists the user of every connection. Elsewhere every
 * peer is accepted. One read of the table serves all connections that were accepted before it began.
 */
export function createPeerCheck(options: PeerCheckOptions = {}): PeerCheck {
  const { readTable = () => readFile('/proc/self/net/tcp', 'latin1'), uid = process.getuid?.() } = options;
  const known = new WeakMap<Socket, Promise<boolean>>();
  let next: Promise<string | undefined> | undefined;

  async function readSoon(): Promise<string | undefined> {
    await new Promise((resolve) => setImmediate(resolve));
    next = undefined;
    return readTable().catch(() => undefined);
  }

  async function check({ remoteAddress, remotePort, localAddress, localPort }: Socket): Promise<boolean> {
    if (uid === undefined) return true;
    if (remoteAddress === undefined || remotePort === undefined) return false;
    const [from, to] = [entryOf(remoteAddress, remotePort), entryOf(localAddress ?? '', localPort ?? 0)];
    // The kernel does not give the table in one piece: entries are missed while others come and go. The longer it is, the more.
    for (const waitMs of LOOKS_MS) {
      if (waitMs > 0) await delay(waitMs);
      next ??= readSoon();
      const table = await next;
      if (table === undefined) return true;
      const owner = ownerOf(table, from, to);
      if (owner !== undefined) return owner === uid;
    }
    return false;
  }

  return (socket) => {
    const result = known.get(socket) ?? check(socket);
    known.set(socket, result);
    return result;
  };
}

/**
 * The user of the connection from one end to the other, as the table has it; undefined where it is not in the table, or has been
 * closed by its process already, when the kernel names no user any more.
 */
export function ownerOf(table: string, from: string, to: string): number | undefined {
  const at = table.indexOf(` ${from} ${to} `);
  if (at < 0) return undefined;
  const [, , , , , , , uid, , inode] = table.slice(at, table.indexOf('\n', at)).split(/ +/);
  return inode === undefined || inode === '0' ? undefined : Number(uid);
}

/** An IPv4 address and a port as the kernel's table writes them: the address in the processor's order of bytes. */
function entryOf(address: string, port: number): string {
  const bytes = address
    .replace(/^::ffff:/, '')
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'));
  if (endianness() === 'LE') bytes.reverse();
  return `${bytes.join('')}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
}
