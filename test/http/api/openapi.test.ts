import { Validator } from '@seriousme/openapi-schema-validator';
import fc from 'fast-check';
import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse.js';
import { checkPatch, checkStream } from '../../../src/config/stream-check.js';
import type { ApiDocument, ApiOperation, ApiSchema } from '../../../src/web/api-description.js';
import { rowsOf } from '../../../src/web/api-schema.js';
import { FakeStream } from '../../support/fake-streams.js';
import { jsonOf, spoiled } from '../../support/json-schema.js';
import { startNode } from '../../support/node.js';
import { adminToken, makeApp, problemIn } from '../make-app.js';

const { get } = makeApp([]);
const document = (await (await get('/api/v1/openapi.json')).json()) as ApiDocument;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ id: operation.operationId, path, method, operation })),
);
const schema = (name: string) => document.components!.schemas![name]!;

describe('openapi.json', () => {
  it('is a valid description of version 3.1, with validators for caches', async () => {
    const response = await get('/api/v1/openapi.json');
    expect(await new Validator().validate((await response.json()) as Record<string, unknown>)).toMatchObject({
      valid: true,
    });
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    const again = await get('/api/v1/openapi.json', { 'if-none-match': response.headers.get('etag')! });
    expect(again.status).toBe(304);
  });

  it('describes every route of the API, and no other', async () => {
    const { app } = makeApp([]);
    const routes = app.routes
      .filter(({ path, method }) => path.startsWith('/api/v1/') && method !== 'ALL')
      .map(({ path, method }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
    const described = operations.map(({ path, method }) => `${method.toUpperCase()} ${path}`);
    expect(new Set(routes)).toEqual(new Set([...described, 'GET /api/v1/openapi.json']));
  });
});

describe('streams as the document has them', () => {
  it('tells what each setting means, without links into docs/', () => {
    for (const name of ['StreamInput', 'StreamPatch']) {
      const rows = rowsOf(schema(name));
      expect(rows.length).toBeGreaterThan(90);
      for (const { path, schema: each } of rows) expect(each.description, path).toMatch(/^(?!.*\]\().{10,}\.$/);
    }
  });

  const config = parseConfig({});
  const settings = Object.entries(schema('StreamInput').properties!).filter(([name]) => name !== 'name');

  it.each(settings)(
    '%s: what the document allows is taken or refused with words of its own, what it does not is refused',
    (name, each) => {
      const base = { name: 'a', source: 'test' };
      fc.assert(
        fc.property(jsonOf(each, document), (value) => {
          const { findings } = checkStream({ ...base, [name]: value }, config);
          // The document cannot tell what settings mean to each other; a value's own kind is never what is wrong.
          for (const { message } of findings)
            expect(message).not.toMatch(/^(?:expected a |required(?:$|: )|unknown)|Invalid input/);
        }),
        { numRuns: 60 },
      );
      fc.assert(
        fc.property(spoiled(each, document), (value) => {
          const { findings } = checkStream({ ...base, [name]: value }, config);
          expect(findings.length, JSON.stringify(value)).toBeGreaterThan(0);
          expect(findings[0]!.path[0]).toBe(name);
          expect(checkPatch({ [name]: value }).length, JSON.stringify(value)).toBeGreaterThan(0);
        }),
        { numRuns: 60 },
      );
    },
  );
});

/** A request for an operation, from its description: its own example, on a stream that there is. */
function requestOf(
  { path, method, operation }: { path: string; method: string; operation: ApiOperation },
  stream: string,
) {
  const [type, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  return {
    url: path.replace('{stream}', stream),
    init: {
      method: method.toUpperCase(),
      headers: { authorization: `Bearer ${adminToken}`, ...(type && { 'content-type': type }) },
      ...(content && { body: JSON.stringify(content.example) }),
    },
  };
}

describe.each(operations)('$id', (each) => {
  const { operation } = each;
  const isForOperators = !operation.security.some((way) => Object.keys(way).length === 0);
  const call = (
    stream: string,
    change: (init: RequestInit & { headers: Record<string, string> }) => void = () => {},
  ) => {
    const { url, init } = requestOf(each, stream);
    const changed = { ...init, headers: { ...init.headers } as Record<string, string> };
    change(changed);
    return makeApp([new FakeStream('cam')]).app.request(url, changed);
  };
  const described = (status: number) => expect(Object.keys(operation.responses)).toContain(String(status));

  it('asks for the token where it is for operators', async () => {
    const response = await call('cam', (init) => delete init.headers['authorization']);
    if (!isForOperators) return expect(response.status).toBe(200);
    expect(await problemIn(response)).toMatchObject({ status: 401 });
    described(401);
  });

  it.runIf(each.path.includes('{stream}'))('knows its streams', async () => {
    expect(await problemIn(await call('nobody'))).toMatchObject({ status: 404, code: 'stream-unknown' });
    described(404);
  });

  it.runIf(operation.requestBody?.required)('refuses bodies that are none', async () => {
    const bodies: [Partial<RequestInit>, Record<string, string>, number][] = [
      [{ body: '{ half' }, {}, 400],
      [{ body: '' }, {}, 400],
      [{ body: '[]' }, {}, 400],
      [{ body: '"text"' }, {}, 400],
      [{ body: '{"__proto__": {}}' }, {}, 400],
      [{ body: `${'{"hls":'.repeat(50)}1${'}'.repeat(50)}` }, {}, 400],
      [{ body: `${'{"hls":'.repeat(2000)}1${'}'.repeat(2000)}` }, {}, 400],
      [{ body: Buffer.from([0xff, 0x22]) }, {}, 400],
      [{}, { 'content-type': 'text/plain' }, 415],
      [{ body: JSON.stringify({ name: 'x'.repeat(70_000) }) }, {}, 413],
    ];
    for (const [part, headers, status] of bodies) {
      const response = await call('cam', (init) => {
        Object.assign(init, part);
        Object.assign(init.headers, headers);
      });
      // Without a node behind it a body of the right kind is as far as it gets.
      const { status: answered } = await problemIn(response);
      expect([status, 503]).toContain(answered);
      if (part.body !== '[]' && part.body !== '"text"') expect(answered).toBe(status);
      described(answered);
    }
  });

  it('refuses parameters that are not as described', async () => {
    for (const { name, in: where, schema: kind = {} } of operation.parameters ?? []) {
      if (where !== 'query' || (kind.type === 'string' && !kind.pattern && !kind.enum && !kind.maxLength)) continue;
      const { url, init } = requestOf(each, 'cam');
      const response = await makeApp([new FakeStream('cam')]).app.request(`${url}?${name}=%21${'x'.repeat(300)}`, init);
      const problem = await problemIn(response);
      expect(problem).toMatchObject({
        status: 400,
        field: name,
        errors: [{ in: 'query', path: name, pointer: `#/${name}` }],
      });
      described(400);
    }
  });
});

it('answers as described, operation by operation, on a real node', async () => {
  const node = await startNode({ admin: { token: adminToken }, streams: [{ name: 'fixed', source: 'test' }] });
  const asked = async (id: string, stream: string, body?: unknown) => {
    const found = operations.find((each) => each.id === id)!;
    const { url, init } = requestOf(found, stream);
    const response = await fetch(node.url + url, {
      ...init,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    expect(Object.keys(found.operation.responses), id).toContain(String(response.status));
    return { status: response.status, response };
  };
  const checked = async (id: string, stream: string, name: string, body?: unknown) => {
    const { status, response } = await asked(id, stream, body);
    const value = (await response.json()) as Record<string, unknown>;
    conforms(value, schema(name), id);
    return { status, value };
  };
  const push = { name: 'stage', source: 'push' };
  const made = await checked('createStream', '', 'CreatedStream', push);
  expect([made.status, typeof made.value['key'], made.value['publish']]).toMatchObject([
    201,
    'string',
    { rtmps: null },
  ]);
  expect((await checked('createStream', '', 'CreatedStream', push)).value['key']).toBeUndefined();
  expect((await checked('createStream', '', 'Problem', { ...push, audio: 'none' })).status).toBe(409);
  const wrong = await checked('createStream', '', 'Problem', {
    name: 'Bad',
    source: 'rtsp://127.0.0.1/1',
    hls: { segmentSecond: 1 },
    loop: 'true',
  });
  expect(wrong.value['errors']).toEqual(
    ['name', 'hls.segmentSecond', 'loop'].map((path) =>
      expect.objectContaining({ in: 'body', path, pointer: `#/${path.replace('.', '/')}` }),
    ),
  );
  const local = await checked('createStream', '', 'Problem', { name: 'here', source: 'rtsp://127.0.0.1/1' });
  expect(local.value).toMatchObject({ status: 400, field: 'source' });
  const files = await checked('createStream', '', 'Problem', {
    name: 'here',
    source: 'test',
    thumbnail: { offline: '/etc/passwd' },
  });
  expect(files.value).toMatchObject({ field: 'thumbnail.offline' });
  await checked('listStreams', '', 'StreamList');
  await checked('getNode', '', 'Node');
  await checked('getStream', 'stage', 'Stream');
  expect(
    (await checked('updateStream', 'stage', 'Stream', { audio: 'none', publish: { graceSeconds: 5 } })).status,
  ).toBe(200);
  expect((await checked('updateStream', 'stage', 'Problem', { name: 'other' })).status).toBe(400);
  expect((await checked('createStream', '', 'Problem', [])).status).toBe(400);
  expect((await checked('updateStream', 'stage', 'Problem', { source: null, keys: null })).value).toMatchObject({
    field: 'source',
  });
  expect((await checked('updateStream', 'stage', 'Problem', { source: 'rtsp://user:***@camera/1' })).status).toBe(400);
  expect((await checked('readSettings', 'stage', 'StreamSettings')).value).toMatchObject({
    keys: 1,
    settings: { audio: 'none' },
  });
  await checked('restartStream', 'stage', 'Restarted');
  expect((await checked('rotateKey', 'stage', 'StreamKey')).status).toBe(201);
  expect((await checked('rotateKey', 'stage', 'Problem', { keepPublishers: true })).value).toMatchObject({
    field: 'keepPublishers',
  });
  await checked('diagnoseStream', 'stage', 'Diagnosis');
  await checked('readHistory', 'stage', 'History');
  await checked('listRejected', 'stage', 'RejectedFrames');
  await checked('listStills', 'stage', 'Stills');
  expect((await asked('takeSnapshot', 'stage')).status).toBeGreaterThanOrEqual(500);
  expect((await asked('deleteStream', 'stage')).status).toBe(204);
  const events = await asked('listen', '');
  expect(events.status).toBe(200);
  await events.response.body?.cancel();
});

/** Members that a schema asks for are there, and no others are. */
function conforms(value: Record<string, unknown>, { properties = {}, required = [] }: ApiSchema, what: string): void {
  expect(Object.keys(properties), what).toEqual(expect.arrayContaining(Object.keys(value)));
  expect(Object.keys(value), what).toEqual(expect.arrayContaining([...required]));
}

describe('/api/docs', () => {
  it('shows every operation and every schema, each of its links leads somewhere, and nothing is inline', async () => {
    const response = await get('/api/docs');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    const { document: page } = parseHTML(await response.text());
    for (const { id } of operations) expect(page.querySelector(`#${id} pre`)?.textContent, id).toContain('curl');
    for (const name of Object.keys(document.components!.schemas!))
      expect(page.querySelector(`#schema-${name}`), name).not.toBeNull();
    const anchors = [...page.querySelectorAll('a[href^="#"]')].map((link) => link.getAttribute('href')!.slice(1));
    expect(anchors.filter((anchor) => page.getElementById(anchor) === null)).toEqual([]);
    expect(page.querySelectorAll('script, style, [style], [onclick]')).toHaveLength(0);
    const addresses = [...page.querySelectorAll('[href], [src]')].map(
      (each) => each.getAttribute('href') ?? each.getAttribute('src'),
    );
    expect(addresses.filter((address) => /^(?:https?:)?\/\//.test(address ?? ''))).toEqual([]);
  });
});
