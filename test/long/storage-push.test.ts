import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { type BackgroundFfmpeg, recordedCamera, startFfmpeg } from '../support/background-ffmpeg.js';
import { observePlaylist, startBucket, type TestBucket } from '../support/bucket.js';
import { makeClip, temporaryFolder } from '../support/clip.js';
import { startNode, type TestNode } from '../support/node.js';
import { until } from '../support/wait.js';

const patience = { timeoutMs: 60_000, intervalMs: 50 };
const key = 'first-key-1';
const stream = {
  name: 'stage',
  source: 'push',
  keys: [key],
  publish: { graceSeconds: 1 },
  hls: { segmentSeconds: 1, windowSegments: 3 },
};

let clip: string;

beforeAll(async () => {
  const path = join(await temporaryFolder(), 'clip.mp4');
  clip = await makeClip({ path, seconds: 8, fps: 25, size: '320x180', keyframes: [0, 1, 2, 3, 4, 5, 6, 7] });
});

const startPushNode = ({ s3 }: TestBucket) =>
  startNode({
    storage: { type: 's3', s3, required: true },
    alerts: { unpublishedAfterSeconds: 0, clearedAfterSeconds: 0 },
    streams: [stream],
  });

function publish(node: TestNode): BackgroundFfmpeg {
  const { port } = node.node.rtmpAddresses.rtmp!;
  return startFfmpeg([...recordedCamera(clip), '-f', 'flv', `rtmp://127.0.0.1:${port}/live/stage?key=${key}`]);
}

const stateOf = async (node: TestNode) => {
  const { state, storage } = await node.stream('stage');
  return `${state}, ${storage.state}`;
};
const becomes = (node: TestNode, state: string) =>
  until(`the state ${state}`, async () => (await stateOf(node)) === state, patience);
const readiness = async (node: TestNode) => (await node.text('/readyz')).status;

it('a publisher reaches the store over whichever of two idle nodes it connects to', async () => {
  const bucket = await startBucket();
  const observed = observePlaylist(bucket, { stream: 'stage' });
  const nodes = [await startPushNode(bucket), await startPushNode(bucket)] as const;
  for (const node of nodes) expect([await stateOf(node), await readiness(node)]).toEqual(['idle, idle', 200]);
  // Who has nothing to publish keeps no other from it.
  expect(bucket.keys().filter((each) => each.endsWith('lease.json'))).toEqual([]);
  for (const [node, other] of [nodes, [nodes[1], nodes[0]]] as const) {
    const before = observed.playlists;
    const publisher = publish(node);
    await becomes(node, 'live, publishing');
    await until('its playlists on the store', () => observed.playlists > before + 3, patience);
    await until('the node to be ready', async () => (await readiness(node)) === 200, patience);
    expect([await stateOf(other), await readiness(other)]).toEqual(['idle, idle', 200]);
    const own = new Set((await node.segments('stage')).map((url) => url.split('/').at(-1)!.split('-')[0]));
    expect([...own]).toEqual([observed.sessions.at(-1)]);
    publisher.kill();
    await becomes(node, 'idle, idle');
    await until(
      'the end on the store',
      () => bucket.text('stage/source/index.m3u8')?.includes('#EXT-X-ENDLIST'),
      patience,
    );
  }
  expect(observed.sessions).toHaveLength(2);
  expect([...observed.problems, ...observed.short]).toEqual([]);
  for (const node of nodes) expect(alertsOf(node)).toEqual([]);
});

it('a publisher that cannot reach the store is visible, until the other node has nothing more to publish', async () => {
  const bucket = await startBucket();
  const observed = observePlaylist(bucket, { stream: 'stage' });
  const [first, second] = [await startPushNode(bucket), await startPushNode(bucket)];
  const publisher = publish(first);
  await becomes(first, 'live, publishing');
  publish(second);
  await becomes(second, 'live, standby');
  await until('the alert', () => alertsOf(second).length === 1, patience);
  await until('the node not to be ready', async () => (await readiness(second)) === 503, patience);
  const { body } = await second.text('/readyz');
  expect(JSON.parse(body)).toMatchObject({
    code: 'not-ready',
    detail: 'stage: another node publishes this stream to the store',
  });
  expect((await second.text('/metrics')).body).toMatch(
    /^sidepipe_alerts_total\{stream="stage",alert="unpublished",state="raised"\} 1$/m,
  );
  expect([await stateOf(first), await readiness(first), alertsOf(first)]).toEqual(['live, publishing', 200, []]);
  expect(observed.sessions).toHaveLength(1);
  publisher.kill();
  await becomes(second, 'live, publishing');
  await until('the node to be ready', async () => (await readiness(second)) === 200, patience);
  await until('the alert to be over', () => alertsOf(second).length === 2, patience);
  expect(alertsOf(second)).toEqual(['raised', 'cleared']);
  await until('the other session on the store', () => observed.sessions.length === 2, patience);
  expect([...observed.problems, ...observed.short]).toEqual([]);
});

/** What became of the alert `unpublished` on a node. */
function alertsOf({ log }: TestNode): unknown[] {
  return log.filter(({ alert }) => alert === 'unpublished').map(({ alertState }) => alertState);
}
