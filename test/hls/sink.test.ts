import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createSegmentSink, type ReceiverOptions, type SegmentSink } from '../../src/hls/sink.js';

let sink: SegmentSink;
beforeEach(async () => {
  sink = createSegmentSink();
  await sink.start();
});
afterEach(() => sink.close());

function open(options: Partial<ReceiverOptions> = {}) {
  const objects: { file: string; body: Buffer; completedAtMs: number }[] = [];
  const receiver = sink.open({
    maxObjectBytes: 1_000_000,
    onObject: (file, body, completedAtMs) => objects.push({ file, body, completedAtMs }),
    ...options,
  });
  return { objects, receiver };
}

function send(url: string, method: string, body?: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request(url, { method, agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    call.on('error', reject).end(body);
  });
}

/** A connection that has sent a request's head and waits, as ffmpeg does while a segment is being made. */
async function begin(url: string, head = 'transfer-encoding: chunked'): Promise<Socket> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(`PUT ${pathname} HTTP/1.1\r\nhost: x\r\n${head}\r\n\r\n`);
  return socket;
}

const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

describe('createSegmentSink', () => {
  it('takes PUT and POST, each body in exact memory of its own', async () => {
    const { objects, receiver } = open();
    const before = Date.now();
    expect(receiver.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\/$/);
    expect(await send(`${receiver.url}0.ts`, 'PUT', Buffer.alloc(300_000, 7))).toBe(200);
    expect(await send(`${receiver.url}1.ts`, 'POST', Buffer.from('one'))).toBe(200);
    expect(await send(`${receiver.url}2.ts`, 'PUT')).toBe(200);
    expect(objects.map(({ file, body }) => [file, body.length])).toEqual([
      ['0.ts', 300_000],
      ['1.ts', 3],
      ['2.ts', 0],
    ]);
    expect(objects[0]?.body.equals(Buffer.alloc(300_000, 7))).toBe(true);
    for (const { body, completedAtMs } of objects) {
      expect(body.buffer.byteLength).toBe(body.length);
      expect(completedAtMs).toBeGreaterThanOrEqual(before);
    }
    expect(receiver.counters()).toEqual({ objects: 3, bytes: 300_003, aborted: 0, oversized: 0 });
  });

  it('answers DELETE and does nothing, and refuses other methods', async () => {
    const { objects, receiver } = open();
    expect(await send(`${receiver.url}0.ts`, 'DELETE')).toBe(200);
    expect(await send(`${receiver.url}0.ts`, 'GET')).toBe(405);
    expect(await send(`${receiver.url}0.ts`, 'PATCH', Buffer.from('x'))).toBe(405);
    expect(objects).toEqual([]);
  });

  it('tells nothing to who does not know the token', async () => {
    const { objects, receiver } = open();
    const { origin, pathname } = new URL(receiver.url);
    const paths = [
      '/',
      '/0.ts',
      `/${'0'.repeat(32)}/0.ts`,
      pathname,
      `${pathname}a/b.ts`,
      `${pathname}..%2fx`,
      `${pathname}.ts`,
    ];
    for (const path of paths) {
      expect(await send(`${origin}${path}`, 'PUT', Buffer.from('x'))).toBe(404);
    }
    expect(objects).toEqual([]);
    expect(open().receiver.url).not.toBe(receiver.url);
  });

  it('discards a body that does not end as HTTP says it must', async () => {
    const { objects, receiver } = open();
    for (const [head, text] of [
      ['transfer-encoding: chunked', chunk('half')],
      ['content-length: 9', 'half'],
    ] as const) {
      const socket = await begin(`${receiver.url}0.ts`, head);
      socket.end(text);
    }
    await vi.waitUntil(() => receiver.counters().aborted === 2);
    expect(objects).toEqual([]);
  });

  it('reports a trickling body as it comes', async () => {
    const progress = vi.fn();
    const { objects, receiver } = open({ onProgress: progress });
    const socket = await begin(`${receiver.url}0.ts`);
    for (let count = 1; count <= 3; count += 1) {
      socket.write(chunk('piece'));
      await vi.waitUntil(() => progress.mock.calls.length === count);
    }
    expect(objects).toEqual([]);
    socket.write('0\r\n\r\n');
    await vi.waitUntil(() => objects.length === 1);
    expect(objects[0]?.body.toString()).toBe('piecepiecepiece');
    expect(progress.mock.calls).toEqual([[5], [5], [5]]);
    socket.destroy();
  });

  it('refuses a body beyond the limit before its end, and counts it', async () => {
    const { objects, receiver } = open({ maxObjectBytes: 100 });
    const socket = await begin(`${receiver.url}0.ts`);
    let answer = '';
    socket.on('data', (data) => {
      answer += data;
    });
    socket.write(chunk('x'.repeat(60)) + chunk('x'.repeat(60)));
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
    expect(objects).toEqual([]);
    expect(receiver.counters()).toEqual({ objects: 0, bytes: 0, aborted: 0, oversized: 1 });
    expect(await send(`${receiver.url}1.ts`, 'PUT', Buffer.alloc(100))).toBe(200);
  });

  it('takes a bounded number of objects at once', async () => {
    const { receiver } = open();
    const sockets = await Promise.all(Array.from({ length: 16 }, (_, number) => begin(`${receiver.url}${number}.ts`)));
    // All heads have been read once a request that came after them is answered.
    await vi.waitUntil(async () => (await send(`${receiver.url}x.ts`, 'PUT')) === 503);
    for (const socket of sockets) {
      socket.destroy();
    }
    await vi.waitUntil(() => receiver.counters().aborted === 16);
    expect(await send(`${receiver.url}x.ts`, 'PUT')).toBe(200);
  });

  it('drains what was sent before, though nothing of it was accepted yet', async () => {
    const { objects, receiver } = open();
    const { hostname, port, pathname } = new URL(receiver.url);
    const sockets = Array.from({ length: 10 }, (_, number) => {
      const socket = connect({ host: hostname, port: Number(port) });
      socket.end(`PUT ${pathname}${number}.ts HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody`);
      return once(socket, 'connect');
    });
    await Promise.all(sockets);
    await receiver.drain();
    expect(objects).toHaveLength(10);
    await receiver.drain();
  });

  it('forgets a closed receiver at once, whole and half objects', async () => {
    const { objects, receiver } = open();
    const other = open();
    const socket = await begin(`${receiver.url}0.ts`);
    socket.write(chunk('half'));
    receiver.close();
    await receiver.drain();
    expect(await send(`${receiver.url}1.ts`, 'PUT', Buffer.from('x'))).toBe(404);
    expect(await send(`${other.receiver.url}1.ts`, 'PUT', Buffer.from('x'))).toBe(200);
    expect(objects).toEqual([]);
    socket.destroy();
  });

  it('closes with requests open, and drains nothing after that', async () => {
    const { receiver } = open();
    const socket = await begin(`${receiver.url}0.ts`);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await sink.close();
    await closed;
    await receiver.drain();
    expect(() => open()).toThrow(/not listening/);
  });
});
