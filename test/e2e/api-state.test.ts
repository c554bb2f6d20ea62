import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { ConfigInput } from '../../src/config/schema/schema.js';
import { startBucket } from '../support/bucket.js';
import { emptyFolder } from '../support/child-node.js';
import { startNode, type TestNode } from '../support/node.js';
import { until } from '../support/wait.js';

const token = 'token-of-the-state-test';
const names = async (node: TestNode) => {
  const { streams } = (await (await node.api('GET', 'streams')).json()) as { streams: { name: string }[] };
  return streams.map(({ name }) => name);
};

it('saves streams on the store, sealed, and reads them again', async () => {
  const path = await emptyFolder();
  const config: ConfigInput = {
    ...{ admin: { token }, state: { store: true }, storage: { type: 'directory', directory: { path } } },
    rtmp: { host: '127.0.0.1', port: 0 },
  };
  const first = await startNode(config);
  const made = await first.api('POST', 'streams', { name: 'stage', source: 'push', keys: ['key-of-the-stage'] });
  expect(made.status).toBe(201);
  await first.node.close();
  const sealed = await readFile(join(path, '_state/streams.sealed'));
  expect(sealed.toString('latin1')).not.toMatch(/stage|push/);

  const second = await startNode(config);
  expect(await names(second)).toEqual(['stage']);
  await second.node.close();
  const stranger = await startNode({ ...config, admin: { token: 'another token of sixteen' } });
  expect(await names(stranger)).toEqual([]);
  expect(stranger.log.map(({ problem }) => problem).join()).toMatch(/encrypted with another admin\.token/);
  expect((await readdir(join(path, '_state'))).filter((name) => name.includes('unreadable'))).toHaveLength(1);
});

it('two nodes on one store follow each other: made, changed and removed on either, also at one moment', async () => {
  const bucket = await startBucket();
  const config: ConfigInput = {
    ...{ admin: { token }, state: { store: true }, storage: { type: 's3', s3: bucket.s3 } },
    rtmp: { host: '127.0.0.1', port: 0 },
  };
  const [one, two] = [await startNode(config), await startNode(config)];
  const patience = { timeoutMs: 40_000, intervalMs: 100 };
  const both = async (wanted: readonly string[]) => {
    const sorted = async (node: TestNode) => (await names(node)).sort().join();
    await until(`${wanted} on one`, async () => (await sorted(one)) === wanted.join(), patience);
    await until(`${wanted} on two`, async () => (await sorted(two)) === wanted.join(), patience);
  };
  const make = (node: TestNode, name: string) => node.api('POST', 'streams', { name, source: 'push' });
  expect((await make(one, 'a')).status).toBe(201);
  expect((await make(two, 'b')).status).toBe(201);
  await both(['a', 'b']);
  const made = await Promise.all(['c', 'd', 'e', 'f'].map((name, index) => make(index % 2 === 0 ? one : two, name)));
  for (const answer of made) expect(answer.status, await answer.clone().text()).toBe(201);
  await both(['a', 'b', 'c', 'd', 'e', 'f']);

  // Different settings of one stream: both stay.
  const changes = await Promise.all([
    one.api('PATCH', 'streams/a', { publish: { graceSeconds: 7 } }),
    two.api('PATCH', 'streams/a', { thumbnail: { intervalSeconds: 3 } }),
  ]);
  expect(changes.every(({ ok }) => ok)).toBe(true);
  const settings = async (node: TestNode) => JSON.stringify(await (await node.api('GET', 'streams/a/settings')).json());
  for (const node of [one, two]) {
    await until(
      'both changes',
      async () => {
        const text = await settings(node);
        return text.includes('"graceSeconds":7') && text.includes('"intervalSeconds":3');
      },
      patience,
    );
  }

  // What is removed on one does not come back by a change on the other.
  const [removed, another] = await Promise.all([one.api('DELETE', 'streams/b'), make(two, 'g')]);
  expect([removed.status, another.status]).toEqual([204, 201]);
  await both(['a', 'c', 'd', 'e', 'f', 'g']);
  expect((await make(two, 'c')).status).not.toBe(503);
  const sealed = bucket.server.objects('live').get('site/_state/streams.sealed')!.body.toString('latin1');
  expect(sealed).not.toMatch(/push|"name"/);
});

it('changes nothing that it cannot save, and says so', async () => {
  const folder = await emptyFolder();
  const node = await startNode({ admin: { token }, state: { file: join(folder, 'missing', 'streams.json') } });
  const response = await node.api('POST', 'streams', { name: 'cam', source: 'test' });
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '10']);
  expect(await response.json()).toMatchObject({
    code: 'state-unavailable',
    detail: expect.stringContaining('state.file'),
  });
  expect(await names(node)).toEqual([]);
});

it('names a saved stream that it cannot use, and keeps it', async () => {
  const file = join(await emptyFolder(), 'streams.json');
  const streams = [
    { input: { name: 'old', source: 'test', colour: 'red' } },
    { input: { name: 'here', source: 'rtsp://127.0.0.1/1' } },
    { input: { name: 'first', source: 'push', keys: ['a-key-of-two'] } },
    { input: { name: 'second', source: 'push', keys: ['a-key-of-two'] } },
  ];
  await writeFile(file, JSON.stringify({ format: 'sidepipe-streams', version: 1, streams }));
  const node = await startNode({ admin: { token }, state: { file } });
  const told = await until('log lines', () => {
    const lines = node.log.filter(({ msg }) => String(msg).startsWith('saved stream is invalid'));
    return lines.length === 3 && lines;
  });
  expect(told.map(({ stream, problems }) => [stream, String(problems).split(':')[0]])).toEqual([
    ['old', 'colour'],
    ['here', 'source'],
    ['second', 'keys'],
  ]);
  expect(await names(node)).toEqual(['first']);
  expect((await node.api('POST', 'streams', { name: 'cam', source: 'push' })).status).toBe(201);
  const saved = JSON.parse(await readFile(file, 'utf8')) as { streams: { input: { name: string } }[] };
  expect(saved.streams.map(({ input }) => input.name)).toEqual(['old', 'here', 'first', 'second', 'cam']);
});
