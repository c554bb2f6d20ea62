import { connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { Feed } from '../../../src/events/feed.js';
import { createHttpServer } from '../../../src/http/server.js';
import { readEvents } from '../../support/event-source.js';
import { until } from '../../support/wait.js';
import { adminToken, makeApp } from '../make-app.js';

const at = '2027-01-01T00:00:00.000Z';
const authorization = `Bearer ${adminToken}`;
const lines = Array.from({ length: 20 }, () => 'x'.repeat(400));
const restart = (number: number) => ({
  ...({ type: 'restart', stream: 'cam', at, code: 'ffmpeg-failed', message: 'ended' } as const),
  ...{ restarts: number, stderr: lines },
});

async function serve() {
  const feed = new Feed({ run: 'r1', now: Date.now, readers: 2 });
  const { app } = makeApp([], { feed });
  const warnings: string[] = [];
  const log = { info: () => {}, warn: (_: object, message: string) => warnings.push(message), error: () => {} };
  const server = createHttpServer({ fetch: app.fetch, host: '127.0.0.1', port: 0, log });
  const { port } = await server.start();
  onTestFinished(() => {
    feed.close();
    return server.close();
  });
  return { feed, port, url: `http://127.0.0.1:${port}/api/v1/events` };
}

it('drops a client that stops reading, while another gets every event', async () => {
  const { feed, port, url } = await serve();
  const events = readEvents(await fetch(url, { headers: { authorization } }));
  const stuck = connect(port, '127.0.0.1');
  onTestFinished(() => void stuck.destroy());
  stuck.pause();
  stuck.write(`GET /api/v1/events HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\n\r\n`);
  await until('both to listen', () => feed.readers === 2);
  let published = 0;
  await until(
    'the one to be dropped',
    async () => {
      for (const end = published + 200; published < end; published += 1) feed.publish(restart(published + 1));
      await until('the other to have read', () => events.received.length === published);
      return feed.readers === 1;
    },
    { timeoutMs: 60_000, intervalMs: 1 },
  );
  expect(events.received.map(({ id }) => id)).toEqual(
    Array.from({ length: published }, (_, index) => `r1-${index + 1}`),
  );
});

it('lets go of a client that leaves, and has no place for too many', async () => {
  const { feed, url } = await serve();
  const listen = () => fetch(url, { headers: { authorization } });
  const [first] = [readEvents(await listen()), readEvents(await listen())];
  const refused = await listen();
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '10']);
  await first!.cancel();
  await until('a place', () => feed.readers === 1);
  expect((await listen()).status).toBe(200);
});

it('holds no place for who asks for the headers alone', async () => {
  const { feed, url } = await serve();
  const head = await fetch(url, { method: 'HEAD', headers: { authorization } });
  expect([head.status, head.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  expect(feed.readers).toBe(0);
});
