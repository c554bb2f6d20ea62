import { expect, it, vi } from 'vitest';
import { startNode } from '../support/node.js';
import { mediaMessage } from '../support/rtmp-bytes.js';
import { createRtmpClient } from '../support/rtmp-client.js';

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
  await vi.waitFor(async () => {
    const { state, reason } = await node.stream('stage');
    expect({ state, code: reason?.code }).toEqual({ state: 'failed', code: 'source-unsupported' });
    expect(reason?.message).toMatch(/hvc1.*ffmpeg\.path/);
  });
}, 30_000);

it('begins anew where that is asked for while a publisher is still waited for to show its codec', async () => {
  const node = await startNode({
    rtmp: { host: '127.0.0.1', port: 0 },
    streams: [{ name: 'stage', source: 'push', keys: ['first-key-1'] }],
  });
  const client = await createRtmpClient({ port: node.node.rtmpAddresses.rtmp!.port });
  await client.publish('stage?key=first-key-1');
  await vi.waitFor(async () => expect((await node.stream('stage')).state).toBe('starting'), { interval: 5 });
  expect((await node.stream('stage')).ffmpeg.pid).toBeNull();
  const answer = await node.api('POST', 'streams/stage/restart');
  expect(answer.status).toBe(202);
  const pids = new Set<number>();
  const twoProcesses = async () => {
    const { pid } = (await node.stream('stage')).ffmpeg;
    if (pid !== null) pids.add(pid);
    expect(pids.size).toBe(2);
  };
  await vi.waitFor(twoProcesses, { timeout: 20_000, interval: 20 });
}, 30_000);
