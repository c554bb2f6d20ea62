import { onTestFinished } from 'vitest';
import type { ConfigInput } from '../../src/config/schema/schema.js';
import { createNode, type SidepipeNode } from '../../src/node/node.js';
import type { NodeOptions } from '../../src/node/node-options.js';
import type { StreamDescription } from '../../src/stream/description.js';

type Body<T> = { readonly status: number; readonly headers: Headers; readonly body: T };

/** A real node for one test, on a free port, closed at the test's end. */
export interface TestNode {
  readonly node: SidepipeNode;
  readonly url: string;
  /** Parsed log lines so far. */
  readonly log: readonly Record<string, unknown>[];
  text(path: string): Promise<Body<string>>;
  bytes(path: string): Promise<Body<Buffer>>;
  stream(name: string): Promise<StreamDescription>;
  /** Calls the API as its operator: a path behind `/api/v1/`. */
  api(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  /** The absolute URLs of the segments that a stream's media playlist lists now. */
  segments(name: string, rendition?: string): Promise<string[]>;
}

export async function startNode(config: ConfigInput, options: NodeOptions = {}): Promise<TestNode> {
  const log: Record<string, unknown>[] = [];
  const node = createNode(
    {
      ...config,
      http: { host: '127.0.0.1', port: 0, ...config.http },
      // Opened by the first stream of publishers, also by one that a test makes later.
      rtmp: { host: '127.0.0.1', port: 0, ...config.rtmp },
      // Tests run on machines that are busy with other tests.
      guard: { enabled: false, ...config.guard },
    },
    {
      restart: { minDelayMs: 50, maxDelayMs: 500 },
      log: { write: (line) => void log.push(JSON.parse(line)) },
      ...options,
    },
  );
  onTestFinished(() => node.close(), 20_000);
  await node.start();
  const url = `http://127.0.0.1:${node.address?.port}`;
  const get = (path: string) => fetch(new URL(path, url), { signal: AbortSignal.timeout(30_000) });
  const api: TestNode['api'] = (method, path, body, headers) =>
    fetch(new URL(`/api/v1/${path}`, url), {
      method,
      headers: {
        authorization: `Bearer ${node.config.admin.token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  const text: TestNode['text'] = async (path) => {
    const response = await get(path);
    return { status: response.status, headers: response.headers, body: await response.text() };
  };
  return {
    node,
    url,
    log,
    api,
    text,
    async bytes(path) {
      const response = await get(path);
      return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
    },
    async stream(name) {
      return (await api('GET', `streams/${name}`)).json() as Promise<StreamDescription>;
    },
    async segments(name, rendition = 'source') {
      const path = `/live/${name}/${rendition}/index.m3u8`;
      const { status, body } = await text(path);
      if (status !== 200) return [];
      return body
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => new URL(line, new URL(path, url)).href);
    },
  };
}
