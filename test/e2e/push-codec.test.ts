import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { emptyFolder } from '../support/child-node.js';
import { embedded } from '../support/ffmpeg.js';
import { startNode } from '../support/node.js';
import { avcRecord, hevcRecord } from '../support/parameter-sets.js';
import { mediaMessage } from '../support/rtmp-bytes.js';
import { createRtmpClient } from '../support/rtmp-client.js';
import { until } from '../support/wait.js';

/** A keyframe's tag of Enhanced RTMP: a sequence header of HEVC, or coded frames. */
const hevc = (packetType: number) =>
  Uint8Array.of(0x90 | packetType, ...Buffer.from('hvc1'), ...new Uint8Array(64).fill(1));

it('sends a publisher away whose codec this ffmpeg cannot read, and tells both sides', async () => {
  const node = await startNode({
    rtmp: { host: '127.0.0.1', port: 0 },
    streams: [{ name: 'stage', source: 'push', keys: ['first-key-1'] }],
  });
  const client = await createRtmpClient({ port: node.node.rtmpAddresses.rtmp!.port });
  expect(await client.publish('stage?key=first-key-1')).toBe('NetStream.Publish.Start');
  await client.send(mediaMessage('video', 0, hevc(0)));
  for (let frame = 1; frame < 20; frame++) await client.send(mediaMessage('video', frame * 40, hevc(1)));
  await client.waitFor('NetStream.Failed');
  await client.closed;
  await vi.waitFor(
    async () => {
      const { state, reason } = await node.stream('stage');
      expect({ state, code: reason?.code }).toEqual({ state: 'failed', code: 'source-unsupported' });
      expect(reason?.message).toMatch(/hvc1.*ffmpeg\.path/);
    },
    { timeout: 60_000, interval: 100 },
  );
});

it.each([
  ['H.264', Uint8Array.of(0x17, 0, 0, 0, 0, ...avcRecord(16_000, 16_000))],
  ['HEVC', Uint8Array.of(0x90, ...Buffer.from('hvc1'), ...hevcRecord(16_000, 16_000))],
])('sends a publisher of 16000×16000 in %s away before ffmpeg starts, and tells both sides', async (_, header) => {
  const folder = await emptyFolder();
  const [path, runs] = [join(folder, 'ffmpeg'), join(folder, 'runs')];
  await writeFile(path, `#!/bin/sh\necho "$@" >> ${runs}\nexec ${embedded.path} "$@"\n`, { mode: 0o755 });
  const node = await startNode({
    ffmpeg: { path },
    streams: [{ name: 'stage', source: 'push', keys: ['first-key-1'] }],
  });
  const started = async () => (await readFile(runs, 'utf8')).split('\n').filter((line) => line.includes('-f flv'));
  const described = () => node.node.streams.get('stage')!.describe();
  const client = await createRtmpClient({ port: node.node.rtmpAddresses.rtmp!.port });
  expect(await client.publish('stage?key=first-key-1')).toBe('NetStream.Publish.Start');
  await client.send(mediaMessage('video', 0, header));
  await client.waitFor('NetStream.Failed');
  await until('the reason', () => described().reason !== null);
  const { reason } = await node.stream('stage');
  expect(reason).toMatchObject({ code: 'source-unsupported' });
  expect(reason?.message).toMatch(/16000×16000.*ffmpeg\.maxPixels/);
  expect(node.log).toContainEqual(
    expect.objectContaining({ msg: 'stream failed', reason: expect.stringContaining('16000×16000') }),
  );
  expect(node.log).toContainEqual(expect.objectContaining({ reason: 'picture-too-large', stream: 'stage' }));
  expect(await started()).toEqual([]);
  // The same stream takes the next publisher, with a process that is counted.
  const next = await createRtmpClient({ port: node.node.rtmpAddresses.rtmp!.port });
  expect(await next.publish('stage?key=first-key-1')).toBe('NetStream.Publish.Start');
  await next.send(mediaMessage('video', 0, Uint8Array.of(0x17, 0, 0, 0, 0, ...avcRecord(320, 192))));
  await until('ffmpeg', async () => (await started()).length > 0);
});

it('begins anew where that is asked for while a publisher is still waited for to show its codec', async () => {
  const node = await startNode({
    rtmp: { host: '127.0.0.1', port: 0 },
    streams: [{ name: 'stage', source: 'push', keys: ['first-key-1'] }],
  });
  const client = await createRtmpClient({ port: node.node.rtmpAddresses.rtmp!.port });
  await client.publish('stage?key=first-key-1');
  // Not over HTTP, which limits how often anyone may ask.
  const described = () => node.node.streams.get('stage')!.describe();
  await vi.waitFor(() => expect(described().state).toBe('starting'), { timeout: 60_000, interval: 5 });
  expect(described().ffmpeg.pid).toBeNull();
  const answer = await node.api('POST', 'streams/stage/restart');
  expect(answer.status).toBe(202);
  const pids = new Set<number>();
  const twoProcesses = () => {
    const { pid } = described().ffmpeg;
    if (pid !== null) pids.add(pid);
    expect(pids.size).toBe(2);
  };
  await vi.waitFor(twoProcesses, { timeout: 60_000, interval: 5 });
});
