import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { type ConfigInput, createNode, type SidepipeNode } from '../../src/index.js';

/** A node as a library, without a listener for HTTP. Its streams wait for publishers, so no ffmpeg runs. */
function makeNode(config: ConfigInput = {}): SidepipeNode {
  const node = createNode(
    { rtmp: { host: '127.0.0.1', port: 0 }, guard: { enabled: false }, ...config },
    { listen: false, log: { write: () => {} } },
  );
  onTestFinished(() => node.close());
  return node;
}

async function startNode(config?: ConfigInput): Promise<SidepipeNode> {
  const node = makeNode(config);
  await node.start();
  return node;
}

/** A request to the node's HTTP API by its operator. */
async function callApi(node: SidepipeNode, method: string, path: string, body?: unknown) {
  const headers = { authorization: `Bearer ${node.config.admin.token}`, 'content-type': 'application/json' };
  const request = new Request(`http://node/api/v1/${path}`, {
    ...{ method, headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const response = await node.fetch(request);
  const text = await response.text();
  return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> };
}

type ApiRequest = [method: string, path: string, body?: unknown];

const gate = { name: 'gate', source: 'push' } as const;

it('creates, changes and removes streams while the node runs', async () => {
  const node = await startNode({ streams: [{ name: 'door', source: 'push', keys: ['door-key'] }] });
  expect(await node.streams.create(gate)).toEqual({
    name: 'gate',
    created: true,
    key: expect.stringMatching(/^.{24}$/),
  });
  expect(await node.streams.create(gate)).toEqual({ name: 'gate', created: false, key: undefined });
  expect(node.streams.list().map(({ name }) => name)).toEqual(['door', 'gate']);
  expect(node.stream('gate')).toBe(node.streams.get('gate'));

  const intervalSeconds = async () => {
    const { body } = await callApi(node, 'GET', 'streams/gate/settings');
    return (body['settings'] as { thumbnail: { intervalSeconds: number } }).thumbnail.intervalSeconds;
  };
  const usual = await intervalSeconds();
  await node.streams.update('gate', { thumbnail: { intervalSeconds: 7 } });
  expect(await intervalSeconds()).toBe(7);
  // Undefined changes nothing, as in JSON; null resets.
  await node.streams.update('gate', { thumbnail: { intervalSeconds: undefined } });
  expect(await intervalSeconds()).toBe(7);
  await node.streams.update('gate', { thumbnail: { intervalSeconds: null } });
  expect(await intervalSeconds()).toBe(usual);

  // Nobody publishes, so nothing runs.
  expect(await node.streams.restart('gate')).toBe(false);
  await node.streams.remove('gate');
  expect(node.streams.list().map(({ name }) => name)).toEqual(['door']);
  expect(() => node.stream('gate')).toThrow(expect.objectContaining({ name: 'SidepipeError', code: 'not-found' }));
});

it('keeps a copy of the settings, which the caller may change later', async () => {
  const node = await startNode();
  const settings = { name: 'gate', source: 'push', keys: ['first-key'], thumbnail: { intervalSeconds: 3 } };
  await node.streams.create(settings);
  settings.thumbnail.intervalSeconds = 30;
  await node.streams.update('gate', { thumbnail: { width: 320 } });
  const { body } = await callApi(node, 'GET', 'streams/gate/settings');
  expect(body['settings']).toMatchObject({ thumbnail: { intervalSeconds: 3, width: 320 } });
});

it('rejects what the HTTP API rejects, with the same codes', async () => {
  const node = await startNode({
    limits: { streams: 2 },
    streams: [{ name: 'door', source: 'push', keys: ['door-key'] }],
  });
  await node.streams.create(gate);
  const calls: readonly [code: string, call: () => Promise<unknown>, request: ApiRequest][] = [
    [
      'request-invalid',
      () => node.streams.create({ ...gate, name: 'B A D' }),
      ['POST', 'streams', { ...gate, name: 'B A D' }],
    ],
    [
      'request-invalid',
      () => node.streams.create({ name: 'a', source: '/a.mp4' }),
      ['POST', 'streams', { name: 'a', source: '/a.mp4' }],
    ],
    [
      'request-invalid',
      () => node.streams.update('gate', { hls: { windowSegments: -1 } }),
      ['PATCH', 'streams/gate', { hls: { windowSegments: -1 } }],
    ],
    [
      'stream-exists',
      () => node.streams.create({ ...gate, audio: 'none' }),
      ['POST', 'streams', { ...gate, audio: 'none' }],
    ],
    [
      'limit-reached',
      () => node.streams.create({ name: 'third', source: 'test' }),
      ['POST', 'streams', { name: 'third', source: 'test' }],
    ],
    [
      'stream-configured',
      () => node.streams.update('door', { audio: 'none' }),
      ['PATCH', 'streams/door', { audio: 'none' }],
    ],
    ['stream-configured', () => node.streams.remove('door'), ['DELETE', 'streams/door']],
    ['not-found', () => node.streams.update('none', {}), ['PATCH', 'streams/none', {}]],
    ['not-found', () => node.streams.remove('none'), ['DELETE', 'streams/none']],
    ['not-found', () => node.streams.restart('none'), ['POST', 'streams/none/restart']],
  ];
  for (const [code, call, request] of calls) {
    await expect(call()).rejects.toMatchObject({ name: 'SidepipeError', code, fault: 'caller' });
    const { body } = await callApi(node, ...request);
    expect(body['code']).toBe(code === 'not-found' ? 'stream-unknown' : code);
  }
  const findings = [{ path: ['hls', 'windowSegments'] }];
  await expect(node.streams.update('gate', { hls: { windowSegments: -1 } })).rejects.toMatchObject({
    details: { findings },
  });
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  await expect(node.streams.update('gate', circle)).rejects.toMatchObject({ code: 'request-invalid' });
});

it('rejects changes of streams before it has started and after it was closed', async () => {
  const node = makeNode();
  const calls = [
    () => node.streams.create(gate),
    () => node.streams.update('gate', {}),
    () => node.streams.remove('gate'),
    () => node.streams.restart('gate'),
  ];
  const aborted = { name: 'SidepipeError', code: 'aborted', fault: 'caller' };
  for (const call of calls) {
    await expect(call()).rejects.toMatchObject({ ...aborted, message: 'the node has not started: call start() first' });
  }
  expect(() => node.stream('gate')).toThrow(expect.objectContaining({ code: 'not-found' }));
  await node.start();
  await node.streams.create(gate);
  await node.close();
  for (const call of calls) await expect(call()).rejects.toMatchObject({ ...aborted, message: 'the node was closed' });
});

it('gives the series of a stream on the stream itself, and ends them with the node', async () => {
  const node = await startNode({ streams: [{ name: 'door', source: 'push', keys: ['door-key'] }] });
  const stream = node.stream('door');
  const series = [stream.frames(), stream.thumbnails(), stream.segments(), stream.states({ limit: 1 })];
  const ends = Promise.all(series.map((each) => each.next()));
  await node.close();
  expect((await ends).map(({ done }) => done)).toEqual([true, true, true, true]);
});

it('logs nothing anywhere by default', async () => {
  const index = new URL('../../src/index.ts', import.meta.url).href;
  const program = `
    import { createNode } from ${JSON.stringify(index)};
    const node = createNode({ rtmp: { host: '127.0.0.1', port: 0 }, streams: [{ name: 'a', source: 'push', keys: ['the-key-of-a'] }] }, { listen: false });
    await node.start();
    await node.close();
  `;
  const args = ['--import', 'tsx', '--input-type=module', '-e', program];
  const cwd = new URL('../..', import.meta.url);
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd });
  expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '' });
});

it('logs to a logger of the program, such as one of pino', async () => {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ base: { app: 'shop' } }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const node = createNode({ log: { level: 'debug' } }, { listen: false, logger });
  await node.start();
  await node.close();
  expect(lines.map(({ msg }) => msg)).toEqual(['node starting', 'shut down']);
  // Its own level and time, once.
  expect(lines[0]).toMatchObject({ app: 'shop', level: 30, time: expect.any(Number), ffmpeg: expect.any(String) });
});
