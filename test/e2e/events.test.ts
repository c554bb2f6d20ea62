import { expect, it } from 'vitest';
import { readEvents } from '../support/event-source.js';
import { startNode } from '../support/node.js';
import { until } from '../support/wait.js';

const lively = { intervalSeconds: 0.5, staleAfterSeconds: 5 };

it('tells of states, pictures, segments and figures, and goes on where a client left', async () => {
  const node = await startNode({ streams: [{ name: 'cam', source: 'test', thumbnail: lively }] });
  const response = await node.api('GET', 'events?types=state,thumbnail,segment,stats');
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  const events = readEvents(response);
  const picture = await events.event('thumbnail');
  expect(picture.event).toMatchObject({ stream: 'cam', width: 1280, height: 720, gate: 'good' });
  expect((await events.event('segment')).event).toMatchObject({ rendition: 'source' });
  const measured = await events.event('stats', ({ streams }) => streams[0]?.fps != null && streams[0].bitrate !== null);
  expect(measured.event.streams).toHaveLength(1);
  expect(measured.event.streams[0]).toMatchObject({ state: 'live', restarts: 0, upload: { state: null } });
  const { speed, fps, driftSeconds } = measured.event.streams[0]!;
  expect(speed).toBeGreaterThan(0.2);
  expect(fps).toBeGreaterThan(2);
  expect(Math.abs(driftSeconds!)).toBeLessThan(5);
  await events.cancel();

  const again = readEvents(
    await node.api('GET', 'events?types=thumbnail', undefined, { 'last-event-id': picture.id! }),
  );
  const next = await again.event('thumbnail');
  expect(Number(next.id!.split('-')[1])).toBeGreaterThan(Number(picture.id!.split('-')[1]));
  const lost = readEvents(await node.api('GET', 'events', undefined, { 'last-event-id': 'old-17' }));
  await lost.event('reset');
});

it('is for operators, and names what it does not know', async () => {
  const node = await startNode({});
  expect((await fetch(`${node.url}/api/v1/events`)).status).toBe(401);
  expect((await node.api('GET', 'events?stream=nobody')).status).toBe(404);
  const wrong = await node.api('GET', 'events?types=state,weather');
  expect(wrong.status).toBe(400);
  expect(await wrong.json()).toMatchObject({ field: 'types', errors: [{ in: 'query', pointer: '#/types' }] });
});

it('ends its listeners with the node, at once', async () => {
  const node = await startNode({});
  const events = readEvents(await node.api('GET', 'events'));
  await until('the beginning', () => events.state.text.startsWith('retry: '));
  await node.node.close();
  await until('the end', () => events.state.ended);
});
