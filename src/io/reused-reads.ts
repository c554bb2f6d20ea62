import { connect, type OnReadOpts, Socket, type SocketConstructorOpts, type TcpNetConnectOpts } from 'node:net';
import type { Readable } from 'node:stream';

/**
 * What all sockets read into. Without it Node.js takes 64 KB for each read, however little comes: some hundred reads a second of each stream
 * then make V8 collect all garbage several times a second, which was half of the node's work.
 * One is enough: a socket's bytes are handed on before the next one is read. Windows fills buffers beforehand.
 */
const memory = process.platform === 'win32' ? undefined : Buffer.allocUnsafeSlow(65_536);

/** What Node.js keeps in a socket, and takes as `handle` for another. */
interface SocketInside {
  _handle: { readonly useUserBuffer?: unknown } | null;
}

/** Opens a connection that is read as `readReused` reads. */
export function connectReused(to: TcpNetConnectOpts, take: (bytes: Buffer) => void): Socket {
  return memory === undefined ? connect(to).on('data', take) : connect({ ...to, onread: reading(memory, take) });
}

/**
 * Reads a socket that Node.js has opened, a child's pipe or a connection that came in, into memory that is used again and again: `take` must
 * not keep the bytes. Returns the socket to go on with. It ends and closes as the given one would have, which closes with it.
 * Where that socket was read before, or has nothing that could be taken over, it is returned and read as usual.
 */
export function readReused<T extends Readable>(stream: T, take: (bytes: Buffer) => void): T | Socket {
  const inside = stream as unknown as SocketInside;
  const handle = inside._handle;
  const isFresh = !stream.readableDidRead && stream.readableLength === 0 && stream.readableFlowing === null;
  const canMove =
    stream instanceof Socket &&
    !('encrypted' in stream) &&
    !stream.destroyed &&
    typeof handle?.useUserBuffer === 'function';
  if (memory === undefined || !isFresh || !canMove) return stream.on('data', take);
  inside._handle = null;
  const { allowHalfOpen } = stream;
  // Neither Node.js's types nor its documentation have `handle`, by which it opens its own sockets.
  const socket = new Socket({ handle, allowHalfOpen, onread: reading(memory, take) } as SocketConstructorOpts);
  // A child waits for the end of its pipes, and a server for the end of its connections.
  socket.once('close', () => stream.destroy());
  stream.once('close', () => socket.destroy());
  return socket;
}

function reading(buffer: Buffer, take: (bytes: Buffer) => void): OnReadOpts {
  return {
    buffer,
    callback: (length) => {
      take(buffer.subarray(0, length));
      return true;
    },
  };
}
