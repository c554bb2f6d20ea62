import { createHook } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** What a task costs where it cannot count its own work. */
export interface Work {
  /** Bytes that were copied from one array to another. */
  readonly copiedBytes: number;
  readonly promises: number;
}

/** Counts the copies and promises of all that happens until the task has settled: times say nothing on a busy machine. */
export async function countWork(task: () => Promise<unknown>): Promise<Work> {
  const { copy } = Buffer.prototype;
  const { concat } = Buffer;
  const { set } = Uint8Array.prototype;
  let copiedBytes = 0;
  let promises = 0;
  const hook = createHook({
    init: (_id, type) => {
      if (type === 'PROMISE') promises += 1;
    },
  });
  Buffer.prototype.copy = function counted(this: Buffer, ...args: Parameters<typeof copy>) {
    const count = copy.apply(this, args);
    copiedBytes += count;
    return count;
  };
  Buffer.concat = ((...args: Parameters<typeof concat>) => {
    const joined = concat(...args);
    copiedBytes += joined.length;
    return joined;
  }) as typeof concat;
  Uint8Array.prototype.set = function counted(this: Uint8Array, ...args: Parameters<typeof set>) {
    copiedBytes += args[0].length;
    set.apply(this, args);
  };
  hook.enable();
  try {
    await task();
  } finally {
    hook.disable();
    Object.assign(Buffer.prototype, { copy });
    Object.assign(Buffer, { concat });
    // Assigned to the prototype that it was found on: typed arrays share one.
    Reflect.deleteProperty(Uint8Array.prototype, 'set');
  }
  return { copiedBytes, promises };
}

/** Bytes that come in one turn of the event loop: what waits for a reader stays little. */
const BYTES_A_TURN = 250;

/** Hands bytes to a socket one by one, as if each had come in a packet of its own. Ends early where the socket is closed. */
export async function deliver(socket: Socket, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length && !socket.destroyed; at += 1) {
    socket.push(bytes.subarray(at, at + 1));
    if (at % BYTES_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The other end of the next connection to a server of this process, and a client that does not read. */
export async function accepted(port: number): Promise<{ readonly socket: Socket; readonly client: Socket }> {
  const first = nextOf('net.server.socket');
  const client = connect(port, '127.0.0.1');
  client.on('error', () => {});
  onTestFinished(() => void client.destroy());
  await new Promise<void>((resolve) => client.once('connect', resolve));
  return { socket: await first, client };
}

/** A server that answers the first request of each connection with bytes that the client receives one by one. Returns its port. */
export async function answering(bytes: () => Uint8Array): Promise<number> {
  const clients = new Map<number | undefined, Socket>();
  const onClient = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket };
    socket.once('connect', () => clients.set(socket.localPort, socket));
  };
  subscribe('net.client.socket', onClient);
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      const client = clients.get(socket.remotePort);
      if (client !== undefined) void deliver(client, bytes());
    });
    onTestFinished(() => void socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    unsubscribe('net.client.socket', onClient);
    server.close();
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function nextOf(channel: string): Promise<Socket> {
  return new Promise((resolve) => {
    const take = (message: unknown): void => {
      unsubscribe(channel, take);
      resolve((message as { readonly socket: Socket }).socket);
    };
    subscribe(channel, take);
  });
}
