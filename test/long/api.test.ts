import { expect, it } from 'vitest';
import { readEvents } from '../support/event-source.js';
import { startNode, type TestNode } from '../support/node.js';
import { isRunning, until } from '../support/wait.js';

const lively = { intervalSeconds: 0.5, staleAfterSeconds: 5 };
const live = async (node: TestNode, name: string) =>
  until(
    `${name} is live and playable`,
    async () => {
      const stream = await node.stream(name);
      return stream.state === 'live' && stream.ffmpeg.pid !== null && stream.hls.segments > 0 && stream;
    },
    { timeoutMs: 60_000, intervalMs: 100 },
  );
const names = async (node: TestNode) => {
  const { streams } = (await (await node.api('GET', 'streams')).json()) as { streams: { name: string }[] };
  return streams.map(({ name }) => name);
};

it('makes, changes and removes streams while others run untouched', async () => {
  const node = await startNode({ streams: [{ name: 'fixed', source: 'test', thumbnail: lively }] });
  const events = readEvents(await node.api('GET', 'events?types=stream,state'));
  const fixed = await live(node, 'fixed');
  const body = { name: 'cam', source: 'test', thumbnail: lively };
  const [made, again] = [await node.api('POST', 'streams', body), await node.api('POST', 'streams', body)];
  expect([made.status, again.status]).toEqual([201, 200]);
  expect(made.headers.get('location')).toBe('/api/v1/streams/cam');
  expect(await made.json()).toMatchObject({ name: 'cam', origin: 'api', publish: null });
  const other = await node.api('POST', 'streams', { ...body, audio: 'none' });
  expect([other.status, ((await other.json()) as { code: string }).code]).toEqual([409, 'stream-exists']);
  expect((await events.event('stream', ({ stream }) => stream === 'cam')).event.change).toBe('added');

  const first = await live(node, 'cam');
  expect((await node.segments('cam')).length).toBeGreaterThan(0);
  const before = await node.text('/live/cam/source/index.m3u8');
  const patched = await node.api('PATCH', 'streams/cam', { thumbnail: { width: 640 }, hls: { segmentSeconds: 1 } });
  expect(patched.status).toBe(200);
  const second = await live(node, 'cam');
  expect(second.ffmpeg.pid).not.toBe(first.ffmpeg.pid);
  expect(await isRunning(first.ffmpeg.pid!)).toBe(false);
  const after = await node.text('/live/cam/source/index.m3u8');
  const number = ({ body: text }: { body: string }) => Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]);
  expect(number(after)).toBeGreaterThan(number(before));
  expect(after.body).not.toContain('ENDLIST');
  const settings = (await (await node.api('GET', 'streams/cam/settings')).json()) as { settings: object };
  expect(settings.settings).toMatchObject({
    hls: { segmentSeconds: 1 },
    thumbnail: { width: 640, intervalSeconds: 0.5 },
  });

  const restarted = await node.api('POST', 'streams/cam/restart');
  expect([restarted.status, await restarted.json()]).toEqual([202, { restarted: true }]);
  await until('another ffmpeg', async () => {
    const { ffmpeg } = await node.stream('cam');
    return ffmpeg.pid !== null && ffmpeg.pid !== second.ffmpeg.pid;
  });
  const third = await live(node, 'cam');

  expect((await node.api('DELETE', 'streams/cam')).status).toBe(204);
  expect(await isRunning(third.ffmpeg.pid!)).toBe(false);
  expect(await names(node)).toEqual(['fixed']);
  expect((await node.text('/live/cam/source/index.m3u8')).body).toContain('#EXT-X-ENDLIST');
  expect((await node.api('DELETE', 'streams/cam')).status).toBe(404);
  expect((await node.text('/metrics')).body).not.toContain('"cam"');
  await events.event('stream', ({ stream, change }) => stream === 'cam' && change === 'removed');
  expect((await node.stream('fixed')).ffmpeg).toMatchObject({ pid: fixed.ffmpeg.pid, restarts: 0 });
});

it('leaves what stands in the configuration to the configuration', async () => {
  const node = await startNode({ streams: [{ name: 'stage', source: 'push', keys: ['abcdefgh'] }] });
  for (const [method, path, body] of [
    ['PATCH', 'streams/stage', { audio: 'none' }],
    ['DELETE', 'streams/stage', undefined],
    ['POST', 'streams/stage/keys', undefined],
  ] as const) {
    const response = await node.api(method, path, body);
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([409, 'stream-configured']);
  }
  const nothing = await node.api('PATCH', 'streams/stage', null);
  expect([nothing.status, ((await nothing.json()) as { code: string }).code]).toEqual([400, 'request-invalid']);
  const taken = await node.api('POST', 'streams', { name: 'stage', source: 'test' });
  expect(((await taken.json()) as { code: string }).code).toBe('stream-exists');
  const clash = await node.api('POST', 'streams', { name: 'other', source: 'push', keys: ['abcdefgh'] });
  expect(await clash.json()).toMatchObject({ status: 400, field: 'keys' });
});

it('shows process ids to operators only', async () => {
  const node = await startNode({ streams: [{ name: 'cam', source: 'test' }] });
  await live(node, 'cam');
  const open = (await (await fetch(`${node.url}/api/v1/streams/cam`)).json()) as { ffmpeg: { pid: unknown } };
  const list = (await (await fetch(`${node.url}/api/v1/streams`)).json()) as { streams: (typeof open)[] };
  expect([open.ffmpeg.pid, list.streams[0]!.ffmpeg.pid]).toEqual([null, null]);
});

it('lets go of everything that a hundred streams had', async () => {
  const node = await startNode({}, { endedForMs: 0 });
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const series = async () =>
    (await node.text('/metrics')).body.split('\n').filter((line) => /stream="|^sidepipe_streams/.test(line));
  const round = async (index: number) => {
    const name = `light-${index}`;
    expect((await node.api('POST', 'streams', { name, source: 'push' })).status).toBe(201);
    return name;
  };
  await node.api('DELETE', `streams/${await round(-0)}`);
  const before = { timers: timers(), series: await series() };
  const made = await Promise.all(Array.from({ length: 100 }, (_, index) => round(index + 1)));
  expect(await names(node)).toHaveLength(100);
  expect(await series()).not.toEqual(before.series);
  const gone = await Promise.all(made.map((name) => node.api('DELETE', `streams/${name}`)));
  expect(new Set(gone.map(({ status }) => status))).toEqual(new Set([204]));
  expect(await names(node)).toEqual([]);
  expect(await series()).toEqual(before.series);
  await until('timers are back', () => timers() <= before.timers + 2);
});

it('takes no more streams than it may', async () => {
  const node = await startNode({
    limits: { streams: 2 },
    streams: [{ name: 'a', source: 'push', keys: ['abcdefgh'] }],
  });
  const push = (name: string) => node.api('POST', 'streams', { name, source: 'push' });
  expect([(await push('b')).status, (await push('c')).status]).toEqual([201, 409]);
  expect((await node.api('DELETE', 'streams/b')).status).toBe(204);
  expect((await push('c')).status).toBe(201);
});
