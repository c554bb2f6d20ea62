import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type Bucket, type Commit, createBucket } from './bucket.js';
import { corsHeaders, preflight } from './cors.js';
import { S3Error } from './errors.js';
import { createFaultPlan, type Fault } from './faults.js';
import { handle } from './handle.js';
import { errorResponse } from './operations.js';
import { parseTarget, type S3Request, type S3Response } from './request.js';
import { defaultSettings, type ServerSettings } from './settings.js';
import type { Credentials } from './signature.js';
import { readThrottled, writeThrottled } from './throttle.js';
import type { LogEntry, S3Server, S3ServerOptions } from './types.js';

export type { S3Server, S3ServerOptions };

const testCredentials: Credentials = {
  accessKeyId: 'TESTACCESSKEYID00000',
  secretAccessKey: 'test/secret+key-do-not-print',
};

/**
 * An S3 server in memory for tests: as strict as the real ones about signatures, digests and conditions, with faults on
 * demand. Path style only. A put is committed whole, at one moment, after everything about it was checked.
 */
export async function startS3Server(options: S3ServerOptions = {}): Promise<S3Server> {
  const { region = 'us-east-1', credentials = [testCredentials], tls } = options;
  const settings: ServerSettings = { ...defaultSettings, ...options.settings };
  const faults = createFaultPlan(options.seed ?? 1);
  const log: LogEntry[] = [];
  const observers = new Set<(commit: Commit) => void>();
  const sockets = new Set<Socket>();
  const connections = { total: 0, peak: 0 };
  const hidden = new Map<string, number>();
  const lastWrite = new Map<string, number>();
  const closing = new AbortController();
  const now = (): number => Date.now() + settings.clockSkewMs;

  const buckets = new Map(
    (options.buckets ?? ['live']).map((name) => {
      const onCommit = (commit: Commit): void => observers.forEach((observer) => void observer(commit));
      return [name, createBucket({ name, now, minPartBytes: options.minPartBytes ?? 5 * 1024 ** 2, onCommit })];
    }),
  );

  const mayWrite = (target: string): boolean => {
    if (!settings.oneWriteASecond) return true;
    const at = performance.now();
    if (at - (lastWrite.get(target) ?? Number.NEGATIVE_INFINITY) < 1000) return false;
    lastWrite.set(target, at);
    return true;
  };

  /** The answer, or undefined to cut the connection. */
  const answer = async (request: S3Request, chosen: readonly Fault[], note: { operation?: string; code?: string }) => {
    const error = chosen.find((fault) => fault.kind === 'error');
    const reset = chosen.find((fault) => fault.kind === 'reset');
    const faultError = error && new S3Error(error.status, error.code, 'A fault on demand.');
    try {
      for (const fault of chosen)
        if (fault.kind === 'latency') await delay(fault.ms, undefined, { signal: closing.signal });
      if (reset && reset.when !== 'after-commit') return undefined;
      const page = chosen.find((fault) => fault.kind === 'page');
      if (page) {
        const { status, body, headers = { 'content-type': 'text/html' } } = page;
        return { status, body, headers };
      }
      if (faultError && error.when !== 'after-commit') throw faultError;
      const target = `${request.bucket}/${request.key}`;
      const stillHidden = hidden.get(target) ?? 0;
      if (['GET', 'HEAD'].includes(request.method) && request.key !== undefined && stillHidden > 0) {
        hidden.set(target, stillHidden - 1);
        throw new S3Error(404, 'NoSuchKey', 'The specified key does not exist.');
      }
      if (request.method === 'OPTIONS') return preflight(settings.cors, request.headers);
      const { name, response } = handle(request, {
        buckets,
        settings,
        credentials,
        region,
        now: now(),
        mayWrite: () => mayWrite(target),
      });
      note.operation = name;
      const hide = chosen.find((fault) => fault.kind === 'hide');
      if (hide && name === 'PutObject') hidden.set(target, hide.reads);
      if (reset) return undefined;
      if (faultError) throw faultError;
      return response;
    } catch (thrown) {
      if (!(thrown instanceof S3Error)) throw thrown;
      note.code = thrown.code;
      const response = errorResponse(thrown, request);
      return thrown === faultError ? { ...response, headers: { ...response.headers, ...error?.headers } } : response;
    }
  };

  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const target = parseTarget(incoming.url ?? '/');
    const headers = Object.fromEntries(
      Object.entries(incoming.headers).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.join(',') : (value ?? ''),
      ]),
    );
    const method = incoming.method ?? 'GET';
    const chosen = faults.choose(method, target.key ?? '');
    const note: { operation?: string; code?: string } = {};
    const trickle = chosen.find((fault) => fault.kind === 'trickle')?.bytesPerSecond;
    let received = 0;
    let status: number | undefined;
    try {
      const cutAfter = chosen.some((fault) => fault.kind === 'reset' && fault.when === 'during-body')
        ? Math.floor(Number(headers['content-length'] ?? 0) / 2)
        : undefined;
      const body = await readThrottled(incoming, { bytesPerSecond: trickle, cutAfter, signal: closing.signal });
      received = body?.length ?? cutAfter ?? 0;
      if (!body) return void outgoing.destroy();
      if (chosen.some((fault) => fault.kind === 'stall')) {
        await new Promise<void>((resolve) => incoming.socket.once('close', () => resolve()));
        return;
      }
      const response = await answer({ ...target, method, headers, body }, chosen, note);
      if (!response) return void incoming.socket.resetAndDestroy();
      status = response.status;
      await send(outgoing, method, response, corsHeaders(settings.cors, headers, method), trickle);
    } catch (error) {
      outgoing.destroy();
      // The client's or the server's end in the middle is no news; anything else is a bug of this server.
      if (!incoming.destroyed && !closing.signal.aborted) note.code = `BUG ${String(error)}`;
    } finally {
      log.push({
        at: Date.now(),
        method,
        operation: note.operation,
        bucket: target.bucket,
        key: target.key,
        query: incoming.url?.split('?')[1] ?? '',
        headers,
        requestBytes: received,
        status,
        code: note.code,
        faults: chosen.map((fault) => fault.kind),
      });
    }
  };

  const send = async (
    outgoing: ServerResponse,
    method: string,
    response: S3Response,
    cors: Readonly<Record<string, string>>,
    bytesPerSecond: number | undefined,
  ): Promise<void> => {
    const body = Buffer.from(response.body ?? '');
    const headers: Record<string, string> = {
      server: 'test-s3',
      date: new Date(now()).toUTCString(),
      'x-amz-request-id': `${log.length}`,
      ...cors,
      ...response.headers,
    };
    if (method !== 'HEAD' && ![204, 304].includes(response.status)) headers['content-length'] = String(body.length);
    outgoing.writeHead(response.status, headers);
    await writeThrottled(outgoing, method === 'HEAD' ? Buffer.alloc(0) : body, {
      bytesPerSecond,
      signal: closing.signal,
    });
  };

  const listener = (incoming: IncomingMessage, outgoing: ServerResponse): void => void serve(incoming, outgoing);
  const server = tls ? createHttpsServer(tls, listener) : createHttpServer(listener);
  // Faults decide how long a request may take, not Node's defaults.
  server.requestTimeout = 0;
  if (options.keepAliveMs !== undefined) server.keepAliveTimeout = options.keepAliveMs;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    connections.total += 1;
    connections.peak = Math.max(connections.peak, sockets.size);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const bucketOf = (name: string): Bucket => {
    const bucket = buckets.get(name);
    if (!bucket) throw new Error(`the test server has no bucket ${name}`);
    return bucket;
  };

  return {
    endpoint: `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    // A copy: the SDK notes on the object where it got credentials from.
    credentials: { ...credentials[0]! },
    region,
    settings,
    faults,
    log,
    connections,
    objects: (bucket = 'live') => bucketOf(bucket).items,
    uploads: (bucket = 'live') => bucketOf(bucket).uploads,
    observe(observer) {
      observers.add(observer);
      return () => void observers.delete(observer);
    },
    clearLog() {
      log.length = 0;
    },
    async close() {
      closing.abort();
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
