import { expect, it } from 'vitest';
import type { MachineReading } from '../../src/load/measures.js';
import { readEvents } from '../support/event-source.js';
import { startNode, type TestNode } from '../support/node.js';
import { until } from '../support/wait.js';

const thumbnail = { intervalSeconds: 0.2, staleAfterSeconds: 20 };

/** A machine that is as busy as a test says. */
function machineWith(state: { busy: number }) {
  let givenMs = 0;
  let usedMs = 0;
  const read = async (): Promise<MachineReading> => {
    givenMs += 1000;
    usedMs += 1000 * state.busy;
    const memory = { availableBytes: 600, totalBytes: 1000 };
    return { cpu: { usedMs, givenMs }, loadPerCore: state.busy * 5, loopDelayMs: 1, memory };
  };
  let closed = 0;
  const close = () => {
    closed += 1;
  };
  return { open: () => ({ read, close }), closed: () => closed };
}

interface NodeAnswer {
  readonly streams: number;
  readonly load: {
    readonly level: string;
    readonly reasons: string[];
    readonly slowing: number;
    readonly takesStreams: boolean;
    readonly picturesSlowed: number;
    readonly streamsRefused: number;
    readonly measures: { readonly cpu: number | null };
  };
}
const loadOf = async (node: TestNode) => ((await (await node.api('GET', 'node')).json()) as NodeAnswer).load;
const reached = (node: TestNode, level: string) =>
  until(`the level ${level}`, async () => {
    const load = await loadOf(node);
    return load.level === level && load;
  });

it('slows pictures, then refuses streams, then goes back, while what runs runs on', async () => {
  const state = { busy: 0.1 };
  const machine = machineWith(state);
  const node = await startNode(
    {
      guard: { enabled: true, intervalSeconds: 0.05, raiseAfterSeconds: 0.3, calmAfterSeconds: 0.3 },
      streams: [{ name: 'fixed', source: 'test', hls: { segmentSeconds: 1 }, thumbnail }],
    },
    { openMachine: machine.open },
  );
  const events = readEvents(await node.api('GET', 'events?types=load'));
  const before = await until('pictures and segments', async () => {
    const stream = await node.stream('fixed');
    return stream.thumbnail.captured > 2 && stream.hls.segments > 0 && stream;
  });
  expect(await loadOf(node)).toMatchObject({ level: 'normal', reasons: [], slowing: 1, picturesSlowed: 0 });

  state.busy = 0.93;
  const slowed = await reached(node, 'slowed');
  expect(slowed).toMatchObject({ reasons: ['cpu'], slowing: 2, takesStreams: true, measures: { cpu: 0.93 } });
  await until('slowed pictures', async () => (await loadOf(node)).picturesSlowed > 2);
  expect((await node.api('POST', 'streams', { name: 'second', source: 'push' })).status).toBe(201);

  state.busy = 1;
  await reached(node, 'refusing');
  const refused = await node.api('POST', 'streams', { name: 'third', source: 'push' });
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '30']);
  expect(refused.headers.get('content-type')).toBe('application/problem+json');
  expect(await refused.json()).toMatchObject({
    code: 'node-overloaded',
    detail: 'The node is overloaded and accepts no further streams: CPU is busy (100 %, 5.0 processes per core).',
  });
  // What is there already is answered, changed and removed as ever.
  expect((await node.api('POST', 'streams', { name: 'second', source: 'push' })).status).toBe(200);
  expect((await node.api('PATCH', 'streams/second', { audio: 'none' })).status).toBe(200);
  expect((await node.api('DELETE', 'streams/second')).status).toBe(204);
  expect((await node.text('/readyz?streams=all')).status).toBe(200);
  const metrics = (await node.text('/metrics')).body;
  expect(metrics).toContain('sidepipe_load_level{level="refusing"} 1');
  expect(metrics).toContain('sidepipe_load_level{level="normal"} 0');
  expect(metrics).toContain('sidepipe_streams_refused_total 1');
  expect(metrics).toMatch(/^sidepipe_pictures_slowed_total [1-9]/m);

  state.busy = 0.1;
  expect(await reached(node, 'normal')).toMatchObject({ slowing: 1, takesStreams: true, streamsRefused: 1 });
  expect((await node.api('POST', 'streams', { name: 'third', source: 'push' })).status).toBe(201);
  await events.event('load', ({ level }) => level === 'normal');
  expect(events.received.map(({ event }) => (event.type === 'load' ? event.level : event.type))).toEqual([
    ...['slowed', 'refusing', 'slowed', 'normal'],
  ]);
  const told = node.log.filter((line) => line['load'] !== undefined);
  expect(told.map(({ load, level }) => [load, level])).toEqual([
    ...[
      ['slowed', 'warn'],
      ['refusing', 'warn'],
      ['slowed', 'info'],
      ['normal', 'info'],
    ],
  ]);
  const after = await node.stream('fixed');
  expect(after.ffmpeg).toMatchObject({ pid: before.ffmpeg.pid, restarts: 0 });
  expect(after.hls).toMatchObject({ discontinuitySequence: before.hls.discontinuitySequence });
  expect(after).toMatchObject({ state: 'live', thumbnail: { state: 'fresh' } });
  await node.node.close();
  expect(machine.closed()).toBe(1);
});

it('begins configured streams however busy the machine is', async () => {
  const machine = machineWith({ busy: 1 });
  const node = await startNode(
    { guard: { enabled: true, intervalSeconds: 0.05, raiseAfterSeconds: 0.05 }, limits: { startsAtOnce: 2 } },
    { openMachine: machine.open },
  );
  await reached(node, 'refusing');
  const streams = ['a', 'b', 'c'].map((name) => ({ name, source: 'test', thumbnail }));
  await node.node.reload({ ...node.node.config, streams });
  await until('all three live', async () => {
    const all = await Promise.all(streams.map(({ name }) => node.stream(name)));
    return all.every(({ state }) => state === 'live');
  });
});

it('leaves the machine alone where it is told to', async () => {
  const machine = machineWith({ busy: 1 });
  const node = await startNode({}, { openMachine: machine.open });
  expect(await loadOf(node)).toMatchObject({ enabled: false, level: 'normal', measures: { cpu: null } });
  await node.node.close();
  expect(machine.closed()).toBe(0);
});
