import { writeFile } from 'node:fs/promises';
import { beforeAll, expect, it } from 'vitest';
import type { ConfigInput } from '../../src/config/schema/schema.js';
import type { StreamDescription } from '../../src/stream/description.js';
import { builtProgram, configFile, startChild } from '../support/child-node.js';
import { until } from '../support/wait.js';

let program: string;
beforeAll(async () => {
  program = await builtProgram();
});

const token = 'token-of-the-reload-test';
const base: ConfigInput = { http: { host: '127.0.0.1', port: 0 }, admin: { token } };
const test = (name: string, more: object = {}) => ({ name, source: 'test', ...more });

async function start(config: ConfigInput) {
  const file = await configFile(config);
  const child = await startChild({ program, args: ['serve', '--config', file] });
  const url = await child.url();
  const api = async (method: string, path: string, body?: unknown) =>
    fetch(`${url}/api/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  const streams = async () => {
    const { streams: all } = (await (await api('GET', 'streams')).json()) as { streams: StreamDescription[] };
    return new Map(all.map((stream) => [stream.name, stream]));
  };
  return {
    ...{ child, url, api, streams, file },
    live: (...names: string[]) =>
      until(
        `${names.join(' and ')} to be live`,
        async () => {
          child.mustRun();
          const all = await streams();
          return names.every((name) => all.get(name)?.state === 'live' && all.get(name)?.ffmpeg.pid) && all;
        },
        { timeoutMs: 60_000, intervalMs: 200 },
      ),
    logged: (text: string | RegExp) =>
      until(
        `a log line of ${text}`,
        () => child.log().find(({ msg }) => (typeof text === 'string' ? msg === text : text.test(String(msg)))),
        { timeoutMs: 30_000 },
      ),
  };
}

it('takes the streams of a new file, and leaves those alone that stay as they are', async () => {
  const node = await start({ ...base, streams: [test('stays'), test('changes'), test('goes')] });
  const before = await node.live('stays', 'changes', 'goes');

  const broken = 'http: { port: eighty }\nstreams:\n  - { name: stays, sorce: test }\n';
  await writeFile(node.file, broken);
  node.child.kill('SIGHUP');
  await node.logged('configuration unchanged');
  const errors = node.child.log().filter(({ level }) => level === 'error');
  expect(errors.map(({ setting }) => setting)).toEqual(['http.port', 'streams[0].source', 'streams[0].sorce']);
  expect([...(await node.streams()).keys()]).toEqual(['stays', 'changes', 'goes']);

  const changed = test('changes', { hls: { segmentSeconds: 1 } });
  const next = { ...base, log: { level: 'debug' }, streams: [test('stays'), changed, test('comes')] };
  await writeFile(node.file, JSON.stringify(next));
  node.child.kill('SIGHUP');
  await node.logged('configuration reloaded');
  expect(await node.logged(/need a restart/)).toMatchObject({ settings: ['log.level'] });
  const after = await node.live('stays', 'changes', 'comes');
  expect([...after.keys()]).toEqual(['stays', 'changes', 'comes']);
  expect(after.get('stays')!.ffmpeg).toMatchObject({ pid: before.get('stays')!.ffmpeg.pid, restarts: 0 });
  expect(after.get('changes')!.ffmpeg.pid).not.toBe(before.get('changes')!.ffmpeg.pid);
  const ended = await (await fetch(`${node.url}/live/goes/source/index.m3u8`)).text();
  expect(ended).toContain('#EXT-X-ENDLIST');
});

it('keeps streams of the API over a kill, behind those of the file', async () => {
  const folder = await configFile({}).then((file) => file.replace(/\/[^/]*$/, ''));
  const config: ConfigInput = { ...base, state: { file: `${folder}/streams.json` } };
  const first = await start(config);
  expect((await first.api('POST', 'streams', test('made'))).status).toBe(201);
  expect((await first.api('POST', 'streams', test('both'))).status).toBe(201);
  const pushed = (await (await first.api('POST', 'streams', { name: 'stage', source: 'push' })).json()) as {
    key: string;
  };
  expect((await first.api('PATCH', 'streams/made', { audio: 'none' })).status).toBe(200);
  first.child.kill('SIGKILL');
  await first.child.exited;
  expect(first.child.stdout()).not.toContain(pushed.key);

  const second = await start({ ...config, streams: [test('both', { audio: 'none' })] });
  const all = await second.live('made', 'both');
  expect([...all].map(([name, { origin }]) => [name, origin])).toEqual([
    ['both', 'config'],
    ['made', 'api'],
    ['stage', 'api'],
  ]);
  const { settings } = (await (await second.api('GET', 'streams/made/settings')).json()) as { settings: object };
  expect(settings).toMatchObject({ audio: 'none' });
  await second.logged('saved stream not started: the configuration has a stream with this name');
  expect((await second.api('DELETE', 'streams/both')).status).toBe(409);
  // Without the one in the file, the saved one is there again.
  await writeFile(second.file, JSON.stringify(config));
  second.child.kill('SIGHUP');
  await second.logged('configuration reloaded');
  expect((await second.streams()).get('both')?.origin).toBe('api');
});
