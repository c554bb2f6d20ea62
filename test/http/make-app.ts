import type { Hono } from 'hono';
import { type AppOptions, createApp } from '../../src/http/app.js';
import type { HttpLog } from '../../src/http/context.js';
import type { WebAssets } from '../../src/web/assets.js';
import { type FakeStream, fakeDirectory } from '../support/fake-streams.js';

/** Assets without the build: what they hold is not what these tests are about. */
const stubAssets: WebAssets = {
  hash: 'abc123',
  files: new Map([
    [
      'home.js',
      {
        body: Buffer.from('export const answer = 42;'),
        gzip: Buffer.from('zipped'),
        contentType: 'text/javascript; charset=utf-8',
        etag: '"home"',
      },
    ],
  ]),
  imports: new Map([['home.js', ['chunk-1.js']]]),
  icons: new Map(),
  modifiedAt: 0,
};

export const adminToken = 'the-token-of-this-test';

export interface TestApp {
  readonly app: Hono;
  /** What was logged as an error. */
  readonly errors: object[];
  get(path: string, headers?: Record<string, string>): Promise<Response>;
}

export function makeApp(streams: FakeStream[], options: Partial<AppOptions> = {}): TestApp {
  const errors: object[] = [];
  const log: HttpLog = { info: () => {}, warn: () => {}, error: (fields) => errors.push(fields) };
  const app = createApp({
    streams: fakeDirectory(streams),
    metrics: { render: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'sidepipe_streams 1\n' }) },
    adminToken,
    version: '1.2.3',
    log,
    assets: stubAssets,
    ...options,
  });
  return { app, errors, get: async (path, headers = {}) => app.request(path, { headers }) };
}

export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly code: string;
  readonly field?: string;
}

/** The problem document of a response, after a look at what all of them have in common. */
export async function problemIn(response: Response): Promise<ProblemDocument> {
  const text = await response.text();
  const problem = JSON.parse(text) as ProblemDocument;
  const wrong = [
    response.headers.get('content-type') !== 'application/problem+json' && 'content-type',
    response.headers.get('content-length') !== String(Buffer.byteLength(text)) && 'content-length',
    response.headers.get('x-content-type-options') !== 'nosniff' && 'nosniff',
    response.headers.get('cache-control') !== 'no-store' && 'cache-control',
    problem.status !== response.status && 'status',
    problem.type !== `urn:sidepipe:problem:${problem.code}` && 'type',
    !(problem.title && problem.detail && problem.instance.startsWith('/')) && 'members',
  ].filter(Boolean);
  if (wrong.length > 0) throw new Error(`not a proper problem document (${wrong.join(', ')}): ${text}`);
  return problem;
}
