import { connect, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { Feed } from '../../../src/events/feed.js';
import { createHttpServer, type HttpLimits } from '../../../src/http/server.js';
import { FakeStream } from '../../support/fake-streams.js';
import { until } from '../../support/wait.js';
import { adminToken, makeApp } from '../make-app.js';

async function serve(limits: Partial<HttpLimits> = {}) {
  const feed = new Feed({ run: 'r1', now: Date.now });
  const { app } = makeApp([new FakeStream('cam')], { feed });
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const server = createHttpServer({ fetch: app.fetch, host: '127.0.0.1', port: 0, log, limits });
  const { port } = await server.start();
  onTestFinished(() => server.close());
  return { feed, port, server };
}

/** A connection, and all that has come back on it. */
function dial(port: number): { socket: Socket; heard: () => string } {
  let text = '';
  const socket = connect(port, '127.0.0.1');
  // A character can be cut by the edge of a piece.
  socket.setEncoding('utf8');
  socket.on('data', (piece: string) => {
    text += piece;
  });
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  return { socket, heard: () => text };
}

const asking = (line: string, protocol: string, ...headers: string[]) =>
  [`${line} HTTP/1.1`, 'Host: localhost', 'Connection: Upgrade', `Upgrade: ${protocol}`, ...headers, '', ''].join(
    '\r\n',
  );

it('counts a connection once, however often it asks for another protocol', async () => {
  const { port } = await serve({ connectionsPerAddress: 2 });
  const warnings: Error[] = [];
  const warn = (warning: Error) => warnings.push(warning);
  process.on('warning', warn);
  onTestFinished(() => void process.off('warning', warn));
  const { socket, heard } = dial(port);
  for (let count = 1; count <= 30; count += 1) {
    socket.write(asking('GET /healthz', 'h2c'));
    await until(`answer ${count}`, () => heard().split('HTTP/1.1 200 OK').length === count + 1 && !socket.destroyed);
  }
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
  expect(warnings.map(({ message }) => message)).toEqual([]);
});

it('passes on events as they come to who asked for a WebSocket, and lets go of them with the client', async () => {
  const { feed, port } = await serve();
  const { socket, heard } = dial(port);
  socket.write(asking('GET /api/v1/events', 'websocket', `Authorization: Bearer ${adminToken}`));
  await until('the beginning', () => heard().includes('retry: '));
  feed.publish({ type: 'stream', stream: 'cam', at: '2027-01-01T00:00:00.000Z', change: 'changed' });
  await until('the event', () => heard().includes('event: stream'));
  expect(heard()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  socket.destroy();
  await until('nobody to listen', () => feed.readers === 0);
});

it('reads a request by its own method, whatever protocol it asks for', async () => {
  const { port } = await serve();
  const { socket, heard } = dial(port);
  socket.write(asking('HEAD /healthz', 'websocket'));
  await until('the answer', () => heard().endsWith('\r\n\r\n'));
  socket.write(asking('DELETE /api/v1/streams/cam', 'websocket'));
  await until('the other answer', () => heard().includes('HTTP/1.1 401 Unauthorized'));
});

const responses = (text: string) => text.match(/HTTP\/1\.1 \d\d\d /g) ?? [];

it('answers all of five requests for HTTP/2 that come at once, in order, and more on the same connection', async () => {
  const { port } = await serve();
  for (const methods of [
    ['GET', 'GET', 'GET', 'GET', 'GET'],
    ['GET', 'HEAD', 'GET', 'HEAD', 'GET'],
  ]) {
    const { socket, heard } = dial(port);
    socket.write(methods.map((method, index) => asking(`${method} /not-there-${index}`, 'h2c')).join(''));
    await until('five responses', () => responses(heard()).length === 5);
    const named = [...heard().matchAll(/"instance":"\/not-there-(\d)"/g)].map(([, index]) => Number(index));
    expect(named).toEqual([0, 1, 2, 3, 4].filter((index) => methods[index] === 'GET'));
    socket.write(asking('GET /healthz', 'h2c'));
    await until('a sixth', () => responses(heard()).length === 6);
    expect(responses(heard()).at(-1)).toBe('HTTP/1.1 200 ');
  }
});

it('answers a request for a WebSocket only after the one before it on the connection', async () => {
  const { port } = await serve();
  const { socket, heard } = dial(port);
  const plain = 'GET /not-there HTTP/1.1\r\nHost: localhost\r\n\r\n';
  socket.write(`${plain}${asking('GET /nor-this', 'websocket')}`);
  await until('both', () => heard().includes('/nor-this'));
  expect(responses(heard())).toEqual(['HTTP/1.1 404 ', 'HTTP/1.1 404 ']);
  expect(heard().indexOf('/not-there')).toBeLessThan(heard().indexOf('/nor-this'));
});

it('sends a large response whole though the next request asks for another protocol meanwhile', async () => {
  const { port } = await serve();
  const { socket, heard } = dial(port);
  const whole = await (await fetch(`http://127.0.0.1:${port}/api/v1/openapi.json`)).text();
  socket.pause();
  const plain = 'GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n';
  socket.write(`${plain.repeat(60)}${asking('GET /healthz', 'h2c')}`);
  socket.resume();
  await until('the last response', () => responses(heard()).length === 61);
  expect(heard().split(whole)).toHaveLength(61);
});

it('closes in time although a request waits behind a response without an end', async () => {
  const { port, server } = await serve({ closeTimeoutMs: 50 });
  const { socket, heard } = dial(port);
  const events = `GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${adminToken}\r\n\r\n`;
  socket.write(`${events}${asking('GET /healthz', 'h2c')}`);
  await until('the beginning', () => heard().includes('retry: '));
  expect(responses(heard())).toHaveLength(1);
  await server.close();
  await until('the end', () => socket.destroyed || socket.readableEnded);
});

it('answers a request before it says anything of malformed bytes behind it', async () => {
  const { port } = await serve();
  const { socket, heard } = dial(port);
  socket.write('GET /not-there HTTP/1.1\r\nHost: localhost\r\n\r\n\u0001\u0002\r\n\r\n');
  await until('the end', () => socket.destroyed || socket.readableEnded);
  expect(responses(heard())).toEqual(['HTTP/1.1 404 ']);
});
