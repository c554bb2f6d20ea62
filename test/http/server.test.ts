import { request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createHttpServer, type HttpLimits, type HttpServer, type HttpServerOptions } from '../../src/http/server.js';
import { FakeStream, mediaOf, pictureOf } from '../support/fake-streams.js';
import { until } from '../support/wait.js';
import { makeApp } from './make-app.js';

const body = Buffer.alloc(300_000, 'sidepipe');
const servers: HttpServer[] = [];
const closers: (() => void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) close();
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function startServer(
  limits: Partial<HttpLimits> = {},
  fetch = appFetch(),
  more: Partial<HttpServerOptions> = {},
): Promise<{ server: HttpServer; port: number }> {
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const server = createHttpServer({ fetch, host: '127.0.0.1', port: 0, log, limits, ...more });
  servers.push(server);
  return { server, port: (await server.start()).port };
}

function appFetch(): (request: Request, env?: object) => Response | Promise<Response> {
  const stream = new FakeStream('cam');
  stream.media.set('source/a-1.ts', mediaOf(body));
  stream.pictures.set('jpg', pictureOf(body));
  const { app } = makeApp([stream]);
  return (incoming) => app.fetch(incoming);
}

/** Writes bytes to the port and gives everything that comes back until the other side ends. */
function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    const pieces: Buffer[] = [];
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    socket.on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(pieces).toString('latin1')));
  });
}

function closing(requestLine: string, ...headers: string[]): string {
  return [requestLine, 'Host: localhost', 'Connection: close', ...headers, '', ''].join('\r\n');
}

/** The bodies of the complete responses in a text. */
function bodiesIn(received: string): string[] {
  const bodies: string[] = [];
  let at = 0;
  for (;;) {
    const start = received.indexOf('\r\n\r\n', at) + 4;
    if (start < 4) return bodies;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(received.slice(at, start))?.[1]);
    if (received.length < start + length) return bodies;
    at = start + length;
    bodies.push(received.slice(start, at));
  }
}

describe('serving', () => {
  it('writes bodies with their length, whole and in parts', async () => {
    const { port } = await startServer();
    const url = `http://127.0.0.1:${port}/live/cam/source/a-1.ts`;
    const whole = await fetch(url);
    expect(whole.headers.get('content-length')).toBe('300000');
    expect(Buffer.from(await whole.arrayBuffer()).equals(body)).toBe(true);
    const part = await fetch(url, { headers: { range: 'bytes=10-19' } });
    expect([part.status, await part.text()]).toEqual([206, body.subarray(10, 20).toString()]);
  });

  it('hands a segment on at once and without a copy', async () => {
    const answers: unknown[] = [];
    const fetchApp = appFetch();
    const { port } = await startServer({}, (incoming) => {
      const response = fetchApp(incoming);
      answers.push(response);
      return response;
    });
    await (await fetch(`http://127.0.0.1:${port}/live/cam/source/a-1.ts`)).arrayBuffer();
    const [response] = answers as [Record<symbol, unknown>];
    // The adapter's own response, not a promise and not the platform's, which would copy: it holds the very bytes.
    const held = Object.getOwnPropertySymbols(response).flatMap((symbol) => response[symbol]);
    expect(held.some((part) => part === body)).toBe(true);
  });

  it.each([
    ['/live/cam/source/a-1.ts', '300000'],
    ['/live/cam/thumbnail.jpg', '300000'],
  ])('answers HEAD %s with the length and no body', async (path, length) => {
    const { port } = await startServer();
    const answer = await exchange(port, closing(`HEAD ${path} HTTP/1.1`));
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer.toLowerCase()).toContain(`content-length: ${length}\r\n`);
    expect(answer.endsWith('\r\n\r\n')).toBe(true);
  });

  it('answers 304 without a body or a length', async () => {
    const { port } = await startServer();
    const answer = await exchange(port, closing('GET /live/cam/thumbnail.jpg HTTP/1.1', 'If-None-Match: *'));
    expect(answer).toMatch(/^HTTP\/1\.1 304 /);
    expect(answer.toLowerCase()).not.toContain('\r\ncontent-length');
    expect(answer.toLowerCase()).toContain('sidepipe-captured-at: ');
    expect(answer.endsWith('\r\n\r\n')).toBe(true);
  });

  it('answers HTTP/1.0 without a host', async () => {
    const { port } = await startServer();
    expect(await exchange(port, 'GET /healthz HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('answers pipelined requests in their order to a client that reads late', async () => {
    const bodies = { 'thumbnail.jpg': 'picture'.repeat(10_000), 'source/a-1.ts': 'segment'.repeat(20_000) };
    const stream = new FakeStream('cam');
    stream.pictures.set('jpg', pictureOf(Buffer.from(bodies['thumbnail.jpg'])));
    stream.media.set('source/a-1.ts', mediaOf(Buffer.from(bodies['source/a-1.ts'])));
    const { app } = makeApp([stream]);
    let requests = 0;
    const { port } = await startServer({}, (incoming, env) => {
      requests += 1;
      return app.fetch(incoming, env);
    });
    const files = Array.from(
      { length: 90 },
      (_, index) => (['thumbnail.jpg', 'source/a-1.ts', 'none.txt'] as const)[index % 3]!,
    );
    const socket = connect(port, '127.0.0.1');
    closers.push(() => socket.destroy());
    socket.pause();
    const pieces: Buffer[] = [];
    socket.on('data', (piece) => pieces.push(piece));
    socket.write(files.map((file) => `GET /live/cam/${file} HTTP/1.1\r\nHost: x\r\n\r\n`).join(''));
    await until('the first requests', () => requests > 5);
    socket.resume();
    const bodiesSoFar = () => bodiesIn(Buffer.concat(pieces).toString('latin1'));
    await until('all responses', () => bodiesSoFar().length === files.length);
    const expected = files.map((file) => (file === 'none.txt' ? 'application/problem+json' : bodies[file]));
    const received = bodiesSoFar().map((each) => (each.startsWith('{') ? 'application/problem+json' : each));
    expect(received.every((each, index) => each === expected[index])).toBe(true);
  });

  it('sends the same bytes for each of many requests on one connection', async () => {
    const { port } = await startServer();
    const socket = connect(port, '127.0.0.1');
    closers.push(() => socket.destroy());
    let received = '';
    socket.setEncoding('latin1').on('data', (piece: string) => {
      received += piece;
    });
    const responses = new Set<string>();
    for (let count = 0; count < 50; count += 1) {
      received = '';
      socket.write('GET /live/cam/thumbnail.jpg HTTP/1.1\r\nHost: x\r\nRange: bytes=0-99\r\n\r\n');
      await until('the response', () => bodiesIn(received).length === 1, { intervalMs: 1 });
      responses.add(received.replace(/^date: .*\r\n/im, '').replace(/^last-modified: .*\r\n/im, ''));
    }
    expect(responses.size).toBe(1);
  });
});

describe('refusing', () => {
  it.each([
    ['an address that is too long', closing(`GET /${'a'.repeat(3000)} HTTP/1.1`), 414],
    ['headers that are too large', closing('GET / HTTP/1.1', `X-Large: ${'a'.repeat(20_000)}`), 431],
    ['what is no HTTP', 'hello\r\n\r\n', 400],
    ['a host that is none', 'GET / HTTP/1.1\r\nHost: a b/c?d\r\nConnection: close\r\n\r\n', 400],
    ['a second host in the target', closing('GET http://[bad/ HTTP/1.1'), 400],
    ['a line break in a header', 'GET / HTTP/1.1\r\nHost: x\r\nIf-None-Match: "a\rb"\r\n\r\n', 400],
    ['two lengths', closing('POST / HTTP/1.1', 'Content-Length: 3', 'Content-Length: 4'), 400],
    ['a backslash in the path', closing('GET /live\\cam HTTP/1.1'), 400],
  ])('%s, as a problem', async (_what, text, status) => {
    const { port } = await startServer();
    const answer = await exchange(port, text);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer.toLowerCase()).toContain('content-type: application/problem+json');
    const problem = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as { status: number };
    expect(problem.status).toBe(status);
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
  });

  it.each([
    '/../../etc/passwd',
    '/live/../../etc/passwd',
    '/live/%2e%2e/%2e%2e/etc/passwd',
    '/assets/x/../../package.json',
  ])('the way out of the tree: %s', async (path) => {
    const { port } = await startServer();
    expect(await exchange(port, closing(`GET ${path} HTTP/1.1`))).toMatch(/^HTTP\/1\.1 404 /);
  });

  it.each(['TRACE', 'PROPFIND', 'PUT'])('the method %s', async (method) => {
    const { port } = await startServer();
    const answer = await exchange(port, closing(`${method} /live/cam/index.m3u8 HTTP/1.1`));
    expect(answer).toMatch(/^HTTP\/1\.1 405 /);
    expect(answer.toLowerCase()).toContain('allow: get, head, options\r\n');
  });

  it('a request that does not come to its end', async () => {
    const { port } = await startServer({ headersTimeoutMs: 100, requestTimeoutMs: 100 });
    expect(await exchange(port, 'GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ')).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('a client that stops reading', async () => {
    let cancelled = false;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(1 << 20)),
      cancel: () => {
        cancelled = true;
      },
    });
    const { port } = await startServer({ silenceTimeoutMs: 200 }, () => new Response(endless));
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
    socket.on('error', () => undefined);
    socket.once('data', () => socket.pause());
    // Seen from the server: the connection is gone although the client keeps it open.
    await expect.poll(() => cancelled, { timeout: 10_000 }).toBe(true);
    socket.destroy();
  });

  it('a body that nobody wants, without keeping it', async () => {
    const { port } = await startServer();
    const response = await fetch(`http://127.0.0.1:${port}/live/cam/index.m3u8`, {
      method: 'POST',
      body: Buffer.alloc(5_000_000),
    });
    expect(response.status).toBe(405);
    await response.arrayBuffer();
  });
});

describe('rare parts of HTTP are answered or closed, never left waiting', () => {
  it('Expect: 100-continue is told to go on, and then answered', async () => {
    const { port } = await startServer();
    const head = closing('POST /live/cam/index.m3u8 HTTP/1.1', 'Expect: 100-continue', 'Content-Length: 4');
    const answer = await exchange(port, `${head}body`);
    expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 405 /);
  });

  it('any other expectation is refused', async () => {
    const { port } = await startServer();
    expect(await exchange(port, closing('GET /healthz HTTP/1.1', 'Expect: the-unexpected'))).toMatch(
      /^HTTP\/1\.1 417 /,
    );
  });

  it('CONNECT opens no tunnel: the connection is closed', async () => {
    const asked: string[] = [];
    const { port } = await startServer({}, (incoming) => {
      asked.push(incoming.url);
      return new Response('no');
    });
    const answer = await exchange(port, 'CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n');
    expect([answer, asked]).toEqual(['', []]);
  });

  it('trailers of a chunked body are read and forgotten: the next request is answered', async () => {
    const read: string[] = [];
    const { port } = await startServer({}, async (incoming) => {
      read.push(`${incoming.method} ${await incoming.text()} ${incoming.headers.get('x-trailer')}`);
      return new Response('read');
    });
    const chunked = 'POST /live/cam/index.m3u8 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
    const trailers = '0\r\nX-Trailer: 1\r\nHost: other\r\n\r\n';
    const answer = await exchange(port, `${chunked}4\r\nbody\r\n${trailers}${closing('GET /healthz HTTP/1.1')}`);
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200']);
    expect(read).toEqual(['POST body null', 'GET  null']);
  });

  it('trailers without an end close the connection', async () => {
    const { port } = await startServer();
    const chunked = 'POST /live/cam/index.m3u8 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n';
    // Node may close while the rest is on its way.
    const answer = await exchange(port, `${chunked}${'X-Trailer: 1\r\n'.repeat(20_000)}`).catch(() => '');
    expect(answer.match(/HTTP\/1\.1 \d+/g) ?? []).not.toContain('HTTP/1.1 200');
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
  });

  it.each([
    ['head', 'GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: '],
    ['body', 'POST /live/cam/index.m3u8 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n'],
    ['chunk', 'POST /live/cam/index.m3u8 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n'],
  ])('a %s that comes byte by byte has as long as any other', async (_part, start) => {
    const { port } = await startServer({ headersTimeoutMs: 200, requestTimeoutMs: 200 });
    let drip: ReturnType<typeof setInterval> | undefined;
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(start);
      drip = setInterval(() => socket.write('x'), 20);
    });
    closers.push(() => socket.destroy());
    let answer = '';
    socket.on('data', (piece) => {
      answer += piece.toString('latin1');
    });
    // What is written to a closed connection is reset.
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(drip);
    // The reset can overtake the answer.
    expect(answer).toMatch(/^(?:HTTP\/1\.1 (?:405|408) |$)/);
  });
});

describe('starting and closing', () => {
  it('says which port is taken and where it is configured', async () => {
    const { port } = await startServer();
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    const second = createHttpServer({ fetch: appFetch(), host: '127.0.0.1', port, log });
    const failure = second.start();
    await expect(failure).rejects.toMatchObject({
      code: 'port-unavailable',
      fault: 'caller',
      details: { path: 'http.port', host: '127.0.0.1', port },
    });
    await expect(failure).rejects.toThrow(new RegExp(`http\\.port: .*127\\.0\\.0\\.1 port ${port}.*already`));
    await second.close();
  });

  it('names an address that the machine does not have', async () => {
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    const server = createHttpServer({ fetch: appFetch(), host: '192.0.2.1', port: 0, log });
    await expect(server.start()).rejects.toMatchObject({ code: 'port-unavailable' });
  });

  it('ends resting connections at once', async () => {
    const { server, port } = await startServer();
    const ended = new Promise<void>((resolve, reject) => {
      const resting = connect(port, '127.0.0.1', () => resting.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'));
      resting.once('data', () => void server.close().catch(reject));
      resting.on('close', () => resolve());
    });
    await ended;
    await server.close();
  });

  it('lets an answer under way end, and cuts off one that does not', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const asked: string[] = [];
    const { server, port } = await startServer({ closeTimeoutMs: 300 }, async (incoming) => {
      asked.push(incoming.url);
      await (incoming.url.endsWith('/ends') ? held : new Promise(() => undefined));
      return new Response('done');
    });
    const get = (path: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const outgoing = request({ port, host: '127.0.0.1', path }, (response) => {
          response.setEncoding('utf8').on('data', resolve);
        });
        outgoing.on('error', reject).end();
      });
    const ends = get('/ends');
    const hangs = get('/hangs');
    const hung = expect(hangs).rejects.toThrow();
    await expect.poll(() => asked.length).toBe(2);
    const closed = server.close();
    release();
    expect(await ends).toBe('done');
    await closed;
    await hung;
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
  });
});

describe('file descriptors', () => {
  it('are kept for streams: idle connections leave when nearly all that fit are taken, and new ones are served', async () => {
    let fit = 50;
    const { port } = await startServer({}, appFetch(), { connectionBudget: () => fit });
    const idle = () =>
      new Promise<{ isClosed: () => boolean }>((resolve) => {
        let isClosed = false;
        const socket = connect(port, '127.0.0.1', () =>
          socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'),
        );
        socket.on('error', () => {});
        socket.on('close', () => {
          isClosed = true;
        });
        socket.once('data', () => resolve({ isClosed: () => isClosed }));
        closers.push(() => socket.destroy());
      });
    const first = await Promise.all(Array.from({ length: 30 }, idle));
    expect(first.filter(({ isClosed }) => isClosed())).toHaveLength(0);
    // Streams came.
    fit = 10;
    for (let times = 0; times < 40; times++) {
      const answer = await exchange(port, closing('GET /healthz HTTP/1.1')).catch(() => '');
      if (answer.startsWith('HTTP/1.1 200')) return expect(first.every(({ isClosed }) => isClosed())).toBe(true);
    }
    throw new Error('no connection was served');
  });
});

it('a client that leaves in the middle of its body is no failure of the node', async () => {
  const { app, errors } = makeApp([]);
  const statuses: number[] = [];
  const { port } = await startServer({}, async (request, env) => {
    const response = await app.fetch(request, env);
    statuses.push(response.status);
    return response;
  });
  const type = 'content-type: application/x-www-form-urlencoded';
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(`POST /login HTTP/1.1\r\nhost: x\r\n${type}\r\ncontent-length: 100\r\n\r\ntoken=`, () =>
    socket.destroy(),
  );
  await until('an answer', () => statuses.length > 0);
  expect({ statuses, errors }).toEqual({ statuses: [400], errors: [] });
});
