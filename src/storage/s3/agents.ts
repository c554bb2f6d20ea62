import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';

export interface AgentsOptions {
  /** Maximum number of open connections; they are reused. */
  readonly connections: number;
  /** From the first packet to the end of the TLS handshake. */
  readonly connectTimeoutMs: number;
  /** PEM certificates that replace Node.js's certificate authorities. */
  readonly ca?: readonly string[];
}

type Connect = (options: unknown, callback?: unknown) => Socket;

/**
 * Connection pools with a connect timeout. The SDK's own timeout includes the wait for a free connection, so on a slow link it would fail
 * calls only because the pool is busy.
 */
export function createAgents({ connections, connectTimeoutMs, ca }: AgentsOptions) {
  const pool = { keepAlive: true, keepAliveMsecs: 10_000, maxSockets: connections, maxFreeSockets: connections };
  const httpAgent = new HttpAgent(pool);
  const httpsAgent = new HttpsAgent({ ...pool, ...(ca === undefined ? {} : { ca: [...ca] }) });
  limitConnecting(httpAgent, 'connect', connectTimeoutMs);
  limitConnecting(httpsAgent, 'secureConnect', connectTimeoutMs);
  return { httpAgent, httpsAgent };
}

function limitConnecting(agent: HttpAgent, connected: 'connect' | 'secureConnect', timeoutMs: number): void {
  // Documented as a method to override, but missing in the types of Node.js 20.
  const connecting = agent as unknown as { createConnection: Connect };
  const connect = connecting.createConnection;
  connecting.createConnection = (options, callback) => {
    const socket = connect.call(agent, options, callback);
    const timer = setTimeout(() => {
      socket.destroy(Object.assign(new Error(`no connection within ${timeoutMs} ms`), { code: 'ETIMEDOUT' }));
    }, timeoutMs);
    const clear = (): void => clearTimeout(timer);
    socket.once(connected, clear).once('close', clear);
    return socket;
  };
}
