import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { recordedCamera, startFfmpeg } from '../support/background-ffmpeg.js';
import { makeClip, temporaryFolder } from '../support/clip.js';
import { startNode } from '../support/node.js';
import { until } from '../support/wait.js';

let clip: string;

beforeAll(async () => {
  const path = join(await temporaryFolder(), 'clip.mp4');
  clip = await makeClip({ path, seconds: 4, fps: 25, size: '320x180', keyframes: [0, 1, 2, 3] });
});

const publish = (url: string) => startFfmpeg([...recordedCamera(clip), '-f', 'flv', url]);

it('opens a stream to publishers by the key it showed, and shuts it to them by the next', async () => {
  const node = await startNode({ rtmp: { host: '127.0.0.1', port: 0 } });
  expect(node.node.rtmpAddresses).toEqual({});
  const body = { name: 'stage', source: 'push', hls: { segmentSeconds: 1 }, publish: { graceSeconds: 60 } };
  const send = async () => node.api('POST', 'streams', body, { 'idempotency-key': 'one' });
  const [first, again] = [await send(), await send()];
  const made = (await first.json()) as { key: string; publish: { rtmp: string } };
  expect([first.status, again.status, again.headers.get('idempotency-replayed')]).toEqual([201, 201, 'true']);
  expect(await again.json()).toEqual(made);
  const other = await node.api('POST', 'streams', { ...body, audio: 'none' }, { 'idempotency-key': 'one' });
  expect(other.status).toBe(422);

  const live = (segments: number) =>
    until(
      'the stream to be live',
      async () => {
        const { state, hls } = await node.stream('stage');
        return state === 'live' && hls.segments >= segments;
      },
      { timeoutMs: 60_000, intervalMs: 100 },
    );
  const publisher = publish(`${made.publish.rtmp}/${made.key}`);
  await live(1);
  // What is looked up when it is needed changes nothing of what runs.
  const { ffmpeg: before } = await node.stream('stage');
  expect((await node.api('PATCH', 'streams/stage', { alerts: { enabled: false } })).status).toBe(200);
  expect((await node.stream('stage')).ffmpeg.pid).toBe(before.pid);

  const rotated = await node.api('POST', 'streams/stage/keys');
  const { key } = (await rotated.json()) as { key: string };
  expect([rotated.status, key === made.key]).toEqual([201, false]);
  await publisher.exited;
  const refused = publish(`${made.publish.rtmp}/${made.key}`);
  await refused.exited;
  const { hls } = await node.stream('stage');
  publish(`${made.publish.rtmp}/${key}`);
  await live(hls.segments + 1);
  const text = node.log.map((line) => JSON.stringify(line)).join('\n');
  expect([text.includes(made.key), text.includes(key)]).toEqual([false, false]);
  const settings = await (await node.api('GET', 'streams/stage/settings')).text();
  expect([settings.includes(key), (await node.text('/metrics')).body.includes(key)]).toEqual([false, false]);
});
