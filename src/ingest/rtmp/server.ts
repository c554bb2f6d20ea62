import { createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { steadyNow } from '../../clock.js';
import { createDeadline } from '../../deadline.js';
import { messageOf, SidepipeError } from '../../errors.js';
import { addressGroup } from '../../net/address.js';
import { listen } from '../../net/listen.js';
import type { PublishDecision, PublishRequest } from '../publisher.js';
import { createAddressLimits } from './address-limits.js';
import { type ConnectionHost, RtmpConnection } from './connection.js';
import type {
  ListenAddress,
  RtmpPublisher,
  RtmpServer,
  RtmpServerEvent,
  RtmpServerLimits,
  RtmpServerOptions,
} from './server-types.js';
import { defaultSessionLimits } from './session-types.js';

const defaultRtmpServerLimits: RtmpServerLimits = {
  ...defaultSessionLimits,
  connections: 1024,
  connectionsPerAddress: 128,
  failuresPerAddress: 20,
  failureWindowMs: 60_000,
  rememberedAddresses: 10_000,
  decisionTimeoutMs: 10_000,
  unreadBytes: 256 * 1024,
};

/** Accepts publishers over RTMP and RTMPS. Throws `config-invalid` if the certificate cannot be used. */
export function createRtmpServer(options: RtmpServerOptions): RtmpServer {
  const limits: RtmpServerLimits = { ...defaultRtmpServerLimits, ...options.limits };
  const now = options.now ?? steadyNow;
  const addressLimits = createAddressLimits({
    connections: limits.connectionsPerAddress,
    failures: limits.failuresPerAddress,
    failureWindowMs: limits.failureWindowMs,
    remembered: limits.rememberedAddresses,
  });
  const secureContext = options.tls && secureContextOf(options.tls);
  const listeners: Server[] = [];
  const addresses: { rtmp?: ListenAddress; rtmps?: ListenAddress } = {};
  /** Sockets that are not closed yet, including those that are closing. */
  const open = new Set<RtmpConnection>();
  /** Connections that have not published, oldest first. */
  const pending = new Set<RtmpConnection>();
  /** Connections whose session has ended, oldest first. */
  const ending = new Set<RtmpConnection>();
  const publishers = new Map<string, { connection: RtmpConnection; publisher: RtmpPublisher }>();
  let isClosing = false;

  const host: ConnectionHost = {
    limits,
    apps: options.apps ?? ['live'],
    fourCcs: options.fourCcs,
    reads: (codec) => options.reads?.(codec) ?? true,
    tooLarge: (codec, configuration) => options.tooLarge?.(codec, configuration),
    now,
    decide,
    publisher: (stream) => options.current?.(stream) ?? publishers.get(stream)?.publisher,
    published(connection, publisher) {
      pending.delete(connection);
      publishers.set(publisher.stream, { connection, publisher });
      try {
        options.onPublish(publisher);
        return true;
      } catch (cause) {
        report({ type: 'failed', connection, reason: 'unavailable', cause });
        return false;
      }
    },
    badKey: (address) => addressLimits.fail(address, now()),
    ended(connection, reason) {
      const { stream } = connection;
      pending.delete(connection);
      ending.add(connection);
      if (stream !== undefined && publishers.get(stream)?.connection === connection) publishers.delete(stream);
      report({ type: 'ended', connection, reason });
    },
  };

  type Report = Pick<RtmpServerEvent, 'type' | 'reason' | 'cause'> & {
    connection: { address: string; secure: boolean; stream?: string | undefined };
  };

  function report({ connection, ...what }: Report): void {
    const { address, secure, stream } = connection;
    options.observe?.({ ...what, address, secure, stream });
  }

  async function decide(request: PublishRequest): Promise<PublishDecision> {
    const refusal: PublishDecision = { accept: false, reason: 'unavailable' };
    const deadline = createDeadline(limits.decisionTimeoutMs);
    try {
      return await Promise.race([Promise.resolve(options.authorise(request)), deadline.reached]);
    } catch (cause) {
      if (deadline.expired) return refusal;
      // The publisher is only told to try again later.
      report({ type: 'failed', connection: request, reason: 'unavailable', cause });
      return refusal;
    } finally {
      deadline.clear();
    }
  }

  function take(raw: Socket, secure: boolean): void {
    const address = raw.remoteAddress;
    raw.on('error', () => raw.destroy());
    if (address === undefined || isClosing) return void raw.destroy();
    const refusal = admit(address);
    if (refusal !== undefined) {
      report({ type: 'refused', connection: { address, secure }, reason: refusal });
      return void raw.resetAndDestroy();
    }
    raw.setNoDelay(true);
    raw.setKeepAlive(true, 15_000);
    const socket = secureContext && secure ? new TLSSocket(raw, { isServer: true, secureContext }) : raw;
    const connection = new RtmpConnection(socket, { address, secure, host });
    open.add(connection);
    pending.add(connection);
    raw.once('close', () => socket.destroy());
    void connection.closed.then(() => forget(connection));
  }

  function forget(connection: RtmpConnection): void {
    ending.delete(connection);
    if (open.delete(connection)) addressLimits.release(connection.address);
  }

  /** Reserves a slot for the address. If all are taken, the oldest connection that is closing or has not published yet is dropped. */
  function admit(address: string): 'too-many-connections' | 'too-many-failures' | undefined {
    if (open.size >= limits.connections && !evictOldest(() => true)) return 'too-many-connections';
    let answer = addressLimits.admit(address, now());
    if (answer === 'too-many-connections') {
      const group = addressGroup(address);
      if (!evictOldest((connection) => addressGroup(connection.address) === group)) return answer;
      answer = addressLimits.admit(address, now());
    }
    return answer === 'admitted' ? undefined : answer;
  }

  function evictOldest(matches: (connection: RtmpConnection) => boolean): boolean {
    for (const candidates of [ending, pending]) {
      for (const connection of candidates) {
        if (!matches(connection)) continue;
        connection.drop('evicted');
        forget(connection);
        return true;
      }
    }
    return false;
  }

  async function startListening(kind: 'rtmp' | 'rtmps', host: string, port: number): Promise<void> {
    const listener = createServer((socket) => take(socket, kind === 'rtmps'));
    listeners.push(listener);
    const failure = `Cannot listen for ${kind.toUpperCase()} on ${host}:${port}`;
    addresses[kind] = { host, port: await listen(listener, { host, port, failure }) };
  }

  async function close(): Promise<void> {
    isClosing = true;
    const stopped = listeners.map((listener) => new Promise<void>((resolve) => listener.close(() => resolve())));
    const closed = [...open].map((connection) => {
      if (pending.has(connection)) connection.drop('shutdown');
      else connection.close('shutdown');
      return connection.closed;
    });
    await Promise.all([...stopped, ...closed]);
  }

  return {
    addresses,
    get connections() {
      return open.size;
    },
    publisher: (stream) => publishers.get(stream)?.publisher,
    async start() {
      try {
        if (options.port !== undefined) await startListening('rtmp', options.host, options.port);
        if (options.tls) await startListening('rtmps', options.tls.host ?? options.host, options.tls.port);
      } catch (error) {
        await close();
        throw error;
      }
    },
    close,
  };
}

function secureContextOf({ cert, key }: { cert: string | Buffer; key: string | Buffer }): SecureContext {
  try {
    return createSecureContext({ cert, key, minVersion: 'TLSv1.2' });
  } catch (cause) {
    // The cause's message describes the defect (a key that does not match, a truncated PEM), never the key.
    const message = `The RTMPS certificate or key cannot be used: ${messageOf(cause)}`;
    throw new SidepipeError(message, { code: 'config-invalid', fault: 'caller', cause });
  }
}
