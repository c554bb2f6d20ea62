import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Answer, writeAnswer } from '../../../src/http/response/answer.js';
import { createPreparedWriter } from '../../../src/http/response/prepared.js';
import { until } from '../../support/wait.js';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const start = Date.UTC(2026, 0, 1);
const further = ['strict-transport-security', 'max-age=60'];
const shared: Answer = { status: 200, headers: ['content-length', '4', 'etag', '"1"'], body: 'body', isShared: true };

interface Setup {
  readonly answers?: Readonly<Record<string, Answer>>;
  readonly now?: () => number;
}

/** A server that answers as the node's own does, and which of its answers were prepared ones. */
async function serving({ answers = { '/': shared }, now = () => start }: Setup = {}) {
  const write = createPreparedWriter({ further, keepAliveTimeoutMs: 5000, now });
  const prepared: boolean[] = [];
  const server = createServer({ keepAliveTimeout: 5000 }, (request: IncomingMessage, response: ServerResponse) => {
    const answer = answers[request.url ?? '']!;
    const isPrepared = write(request, response, answer);
    prepared.push(isPrepared);
    if (!isPrepared) writeAnswer(response, answer, further);
  });
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { port: (server.address() as AddressInfo).port, prepared };
}

/** What comes back for these bytes, until the text has as many bytes or the server ends the connection. */
async function exchange(port: number, text: string, enough: (received: string) => boolean): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  closers.push(() => socket.destroy());
  let received = '';
  let ended = false;
  socket.setEncoding('latin1').on('data', (piece: string) => {
    received += piece;
  });
  socket.once('close', () => {
    ended = true;
  });
  socket.write(text);
  await until('the answers', () => ended || enough(received));
  return received;
}

const get = (path = '/', fields = '') => `GET ${path} HTTP/1.1\r\nhost: a\r\n${fields}\r\n`;
const answersIn = (received: string) => received.split(/(?=HTTP\/1\.1 )/).filter((text) => text !== '');
const withoutDate = (text: string) => text.replace(/^date: .*\r\n/im, '');

describe('prepared answers', () => {
  it('are the same bytes as those that node:http writes, from the second in a second on', async () => {
    const { port, prepared } = await serving();
    const received = await exchange(
      port,
      get().repeat(5),
      (text) => answersIn(text).length === 5 && text.endsWith('body'),
    );
    const [first, ...others] = answersIn(received).map(withoutDate);
    expect(others).toEqual([first, first, first, first]);
    expect(first).toContain('strict-transport-security: max-age=60');
    // Those behind an answer that node:http has not ended yet go its way too.
    expect(prepared[0]).toBe(false);
    expect((await exchange(port, get(), (text) => text.endsWith('body'))).includes('Keep-Alive: timeout=5')).toBe(true);
    expect(prepared.at(-1)).toBe(true);
  });

  it('bear the date of their second', async () => {
    let now = start;
    const { port, prepared } = await serving({ now: () => now });
    const ask = () => exchange(port, get(), (text) => text.endsWith('body'));
    await ask();
    expect(await ask()).toContain('Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n');
    now += 1000;
    await ask();
    expect(await ask()).toContain('Date: Thu, 01 Jan 2026 00:00:01 GMT\r\n');
    expect(prepared).toEqual([false, true, false, true]);
  });

  it.each([
    ['HEAD', 'HEAD / HTTP/1.1\r\nhost: a\r\n\r\n'],
    ['HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n'],
    ['a connection that is to end', get('/', 'connection: close\r\n')],
    ['a request with a body', `${get('/', 'content-length: 2\r\n')}hi`],
  ])('are not for %s', async (_, request) => {
    const { port, prepared } = await serving();
    for (let count = 0; count < 3; count += 1) await exchange(port, request, (text) => text.includes('\r\n\r\n'));
    expect(prepared).toEqual([false, false, false]);
  });

  it('are not made of what is not shared, is large, or has what no header may have', async () => {
    const { isShared: _, ...own } = shared;
    const large = Buffer.alloc(300_000);
    const answers: Record<string, Answer> = {
      '/own': own,
      '/large': { ...shared, headers: ['content-length', String(large.length)], body: large },
      '/injected': { ...shared, headers: ['x-a', 'b\r\nx-c: d'] },
    };
    const { port, prepared } = await serving({ answers });
    for (const path of ['/own', '/own', '/large', '/large']) {
      await exchange(port, get(path), (text) => text.includes('\r\n\r\n'));
    }
    expect(prepared).toEqual([false, false, false, false]);
    const write = createPreparedWriter({ further, keepAliveTimeoutMs: 5000, now: () => start });
    const request = { method: 'GET', httpVersion: '1.1', headers: {} } as IncomingMessage;
    const response = { socket: { writable: true }, headersSent: false } as unknown as ServerResponse;
    for (let count = 0; count < 3; count += 1) expect(write(request, response, answers['/injected']!)).toBe(false);
  });

  it('all come, in order, to a client that sends hundreds of requests before it reads', async () => {
    const picture = Buffer.alloc(50_000, 'picture');
    const answers: Record<string, Answer> = {
      '/': shared,
      '/picture': { ...shared, headers: ['content-length', String(picture.length)], body: picture },
      '/own': { status: 200, headers: ['content-length', '3'], body: 'own' },
    };
    const { port, prepared } = await serving({ answers });
    for (const path of ['/', '/picture']) await exchange(port, get(path), (text) => text.includes('\r\n\r\n'));
    const paths = Array.from({ length: 300 }, (_, index) =>
      index < 150 ? ['/picture', '/'][index % 2]! : ['/picture', '/', '/own'][index % 3]!,
    );
    const socket = connect(port, '127.0.0.1');
    closers.push(() => socket.destroy());
    socket.pause();
    const pieces: Buffer[] = [];
    socket.on('data', (piece) => pieces.push(piece));
    socket.write(paths.map((path) => get(path)).join(''));
    await until('the first requests to be answered', () => prepared.length > 10);
    socket.resume();
    const bodies = () => answersIn(Buffer.concat(pieces).toString('latin1')).map((text) => text.split('\r\n\r\n')[1]);
    await until('all answers', () => bodies().length === 300 && bodies().at(-1) === 'own');
    const names: Record<string, string> = { '/': 'body', '/own': 'own', '/picture': picture.toString('latin1') };
    expect(bodies().every((body, index) => body === names[paths[index]!])).toBe(true);
    expect(prepared.filter(Boolean).length).toBeGreaterThan(100);
  });

  it('leave nothing behind on the connection', async () => {
    const { port } = await serving();
    const socket = connect(port, '127.0.0.1');
    closers.push(() => socket.destroy());
    let received = '';
    socket.setEncoding('latin1').on('data', (piece: string) => {
      received += piece;
    });
    for (let count = 1; count <= 50; count += 1) {
      socket.write(get());
      await until(`answer ${count}`, () => answersIn(received).length === count && received.endsWith('body'), {
        intervalMs: 1,
      });
    }
    expect(new Set(answersIn(received).map(withoutDate)).size).toBe(1);
  });
});
