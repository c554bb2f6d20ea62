import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { messageOf, SidepipeError } from '../errors.js';
import { createBodyBuffer, type SpareMemory } from './body-buffer.js';

export interface ReceiverOptions {
  /** One whole object. `completedAtMs` is when its last byte came, milliseconds since the epoch. Must not throw. */
  readonly onObject: (file: string, body: Buffer, completedAtMs: number) => void;
  /** Bytes of a body that is still coming in: a sign of life. */
  readonly onProgress?: (bytes: number) => void;
  /** A larger object is refused. */
  readonly maxObjectBytes: number;
  /** Whether the host in the URL is written in a way that nobody can guess: see `hiddenLoopback`. */
  readonly hidden?: boolean;
}

interface ReceiverCounters {
  readonly objects: number;
  readonly bytes: number;
  /** Connections that ended before their object did. */
  readonly aborted: number;
  readonly oversized: number;
}

/** Where one run of ffmpeg sends its segments and playlists. */
export interface SegmentReceiver {
  /** `http://127.0.0.1:{port}/{token}/`, or the host as `hidden` says. The token is a secret: only the ffmpeg that is told can write here. */
  readonly url: string;
  counters(): ReceiverCounters;
  /** Resolves when everything has been taken in that a process sent before it ended. Call it after that process's end. */
  drain(): Promise<void>;
  /** Forgets the URL; objects still coming in are discarded. */
  close(): void;
}

export interface SegmentSink {
  start(): Promise<void>;
  open(options: ReceiverOptions): SegmentReceiver;
  close(): Promise<void>;
}

/** More objects at once than any ffmpeg sends. */
const maxOpenObjects = 16;
/** A connection whose head does not come is none of ffmpeg's, and `drain` must not wait for it for long. */
const headersTimeoutMs = 10_000;
const pathPattern = /^\/([0-9a-f]{32})\/([A-Za-z0-9][A-Za-z0-9._-]{0,127})$/;

interface Receiver {
  readonly options: ReceiverOptions;
  readonly open: Map<Socket, Promise<void>>;
  readonly spare: SpareMemory;
  readonly counters: { objects: number; bytes: number; aborted: number; oversized: number };
  closed: boolean;
}

/** The loopback HTTP server to which every ffmpeg of the node PUTs; one for the whole node. */
export function createSegmentSink(): SegmentSink {
  const receivers = new Map<string, Receiver>();
  /** Connections that have not told their path yet. */
  const arriving = new Map<Socket, { settled: Promise<void>; settle: () => void }>();
  /** Who waits for the connection from a port to be accepted. */
  const arrivals = new Map<number, () => void>();

  const server = createServer(
    { headersTimeout: headersTimeoutMs, connectionsCheckingInterval: 1000, requestTimeout: 0 },
    (request, response) => {
      const [, token = '', file = ''] = pathPattern.exec(request.url ?? '') ?? [];
      const receiver = receivers.get(token);
      if (receiver !== undefined) {
        handle(receiver, file, request, response);
      } else {
        answer(response, 404);
      }
      arriving.get(request.socket)?.settle();
    },
  );
  // No time-out for bodies: a segment trickles in while it is made, for as long as the camera's keyframe interval.
  server.timeout = 0;
  server.on('connection', (socket) => {
    const port = socket.remotePort ?? 0;
    const { promise: settled, resolve: settle } = withResolvers();
    arriving.set(socket, { settled, settle });
    socket.once('close', settle);
    void settled.then(() => arriving.delete(socket));
    arrivals.get(port)?.();
    arrivals.delete(port);
  });
  server.on('clientError', (_error, socket) => socket.destroy());

  return {
    start: () => listen(server),
    open(options) {
      const address = server.address() as AddressInfo | null;
      if (address === null) {
        throw new SidepipeError('The segment sink is not listening.', { code: 'internal', fault: 'node' });
      }
      const token = randomBytes(16).toString('hex');
      const receiver: Receiver = {
        options,
        open: new Map(),
        spare: { memory: undefined },
        counters: { objects: 0, bytes: 0, aborted: 0, oversized: 0 },
        closed: false,
      };
      receivers.set(token, receiver);
      return {
        url: `http://${options.hidden ? hiddenLoopback(randomBytes(4)) : '127.0.0.1'}:${address.port}/${token}/`,
        counters: () => ({ ...receiver.counters }),
        async drain() {
          await passQueue(address.port, (port, accepted) => {
            if ([...arriving.keys()].some((socket) => socket.remotePort === port)) {
              accepted();
            } else {
              arrivals.set(port, accepted);
            }
          });
          await Promise.all([...arriving.values()].map(({ settled }) => settled));
          await Promise.all(receiver.open.values());
        },
        close() {
          receivers.delete(token);
          receiver.closed = true;
          for (const socket of receiver.open.keys()) {
            socket.destroy();
          }
        },
      };
    },
    async close() {
      receivers.clear();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

/**
 * 127.0.0.1, with zeros before its numbers: as many as nobody can guess. ffmpeg goes directly to a host that is written like this
 * one and asks the node's way out for every other, so what a hostile source names never is on loopback.
 */
function hiddenLoopback(secret: Uint8Array): string {
  const parts = ['0177', '0', '0', '01'];
  return parts.map((part, index) => `${'0'.repeat((secret[index] ?? 0) % 128)}${part}`).join('.');
}

function handle(receiver: Receiver, file: string, request: IncomingMessage, response: ServerResponse): void {
  if (request.method === 'DELETE') {
    // The window decides how long a segment lives.
    answer(response, 200);
  } else if (request.method !== 'PUT' && request.method !== 'POST') {
    response.setHeader('allow', 'PUT, POST, DELETE');
    answer(response, 405);
  } else if (receiver.open.size >= maxOpenObjects) {
    answer(response, 503);
  } else {
    const done = receive(receiver, file, request, response);
    receiver.open.set(request.socket, done);
    void done.then(() => receiver.open.delete(request.socket));
  }
}

/** Resolves when the object is complete and handed on, or is known never to be. */
function receive(receiver: Receiver, file: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const body = createBodyBuffer(receiver.spare);
    let result: 'coming' | 'complete' | 'oversized' = 'coming';
    request.on('data', (piece: Buffer) => {
      if (result !== 'coming') {
        return;
      }
      if (body.bytes + piece.length > receiver.options.maxObjectBytes) {
        result = 'oversized';
        receiver.counters.oversized += 1;
        body.take();
        response.writeHead(413, { 'content-length': 0, connection: 'close' }).end(() => request.socket.destroy());
        return;
      }
      body.append(piece);
      receiver.options.onProgress?.(piece.length);
    });
    // Only a body that ended as HTTP says it must has an end: a killed ffmpeg's connection just closes.
    request.on('end', () => {
      answer(response, 200);
      if (result === 'coming' && !receiver.closed) {
        result = 'complete';
        receiver.counters.objects += 1;
        receiver.counters.bytes += body.bytes;
        receiver.options.onObject(file, body.take(), Date.now());
      }
      resolve();
    });
    request.on('close', () => {
      receiver.counters.aborted += result === 'coming' ? 1 : 0;
      resolve();
    });
    request.on('error', () => {});
    response.on('error', () => {});
  });
}

/** Sends no body, and closes: ffmpeg opens a connection for each object anyway. */
function answer(response: ServerResponse, status: number): void {
  if (!response.headersSent) {
    response.writeHead(status, { 'content-length': 0, connection: 'close' }).end();
  }
}

/**
 * Connections are accepted in the order in which they were made. So when this one has been accepted, all have been that a
 * process made before it ended.
 */
async function passQueue(port: number, onAccepted: (port: number, accepted: () => void) => void): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port });
  await new Promise<void>((resolve) => {
    // Refused or closed: the sink is closed, and nothing will arrive any more.
    socket.once('error', () => {});
    socket.once('close', () => resolve());
    socket.once('connect', () => onAccepted(socket.localPort ?? 0, resolve));
  });
  socket.destroy();
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new SidepipeError(`No port for the segment sink: ${messageOf(cause)}`, {
          code: 'port-unavailable',
          fault: 'node',
          cause,
        }),
      ),
    );
    server.listen({ host: '127.0.0.1', port: 0 }, resolve);
  });
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
