import { expect, it, onTestFinished } from 'vitest';
import { cam, listedFiles, observePlaylist, startBucket, watchLocally } from '../support/bucket.js';
import { startNginx } from '../support/nginx.js';
import { startNode, type TestNode } from '../support/node.js';
import { until } from '../support/wait.js';

/** The whole node with its store behind a real nginx, whose `client_max_body_size` many people meet for the first time here. */

const patience = { timeoutMs: 180_000, intervalMs: 100 };
const playlist = 'cam/source/index.m3u8';
const refusedSegments = 20;

const events = (node: TestNode, event: string) => node.log.filter((line) => line['event'] === event);

it('a body limit below the size of segments costs no segment: one report, an alert, and all is listed once it is raised', async () => {
  const bucket = await startBucket();
  const nginx = await startNginx(bucket.server.endpoint);
  onTestFinished(() => nginx.close());
  const observed = observePlaylist(bucket);
  const listed = new Set<string>();
  bucket.server.observe(({ key, items }) => {
    if (!key.endsWith(playlist)) return;
    for (const file of listedFiles(items.get(key)?.body.toString() ?? '').files) listed.add(file);
  });
  const node = await startNode({
    storage: { type: 's3', required: true, s3: { ...bucket.s3, endpoint: nginx.endpoint } },
    alerts: { refusedAfterSeconds: 0 },
    streams: [cam],
  });
  await until('a remote playlist', () => bucket.text(playlist) !== undefined, patience);
  const local = watchLocally(node);
  const made = new Set<string>();
  const sizes: number[] = [];
  const gather = async (): Promise<void> => {
    for (const url of await node.segments('cam')) {
      const file = url.split('/').at(-1)!;
      if (made.has(file)) continue;
      made.add(file);
      sizes.push((await (await fetch(url)).arrayBuffer()).byteLength);
    }
  };

  await nginx.limitBodies('16k');
  const playlists = observed.playlists;
  const since = (await node.stream('cam')).hls.mediaSequence;
  await until(
    `${refusedSegments} segments that are refused`,
    async () => {
      await gather();
      return (await node.stream('cam')).hls.mediaSequence >= since + refusedSegments;
    },
    patience,
  );
  expect(Math.min(...sizes)).toBeGreaterThan(16 * 1024);
  const { storage } = await node.stream('cam');
  expect(storage).toMatchObject({ state: 'refused', failed: 0 });
  expect(storage.lastError).toContain('client_max_body_size');
  expect(storage.playlistLagSeconds).toBeGreaterThan(refusedSegments / 2);
  expect((await node.text('/readyz?streams=all')).status).toBe(503);
  const metrics = (await node.text('/metrics')).body;
  expect(metrics).toMatch(/^sidepipe_publication_state\{stream="cam",state="refused"\} 1$/m);
  expect(metrics).toMatch(/^sidepipe_alerts_total\{stream="cam",alert="refused",state="raised"\} 1$/m);
  expect(observed.playlists - playlists).toBeLessThanOrEqual(3);

  const atReturn = [...made].at(-1)!;
  await nginx.limitBodies('8m');
  await until('the newest segment of before the change', () => listed.has(atReturn), patience);
  await until(
    'the state to be right again',
    async () => (await node.stream('cam')).storage.state === 'publishing',
    patience,
  );
  await until('the end to be logged', () => events(node, 'uploads-accepted').length > 0, patience);
  await local.stop();
  expect([...made].slice(0, -1).filter((file) => !listed.has(file) && file <= atReturn)).toEqual([]);
  expect((await node.stream('cam')).storage.failed).toBe(0);
  expect([observed.gaps, observed.problems]).toEqual([0, []]);
  expect(events(node, 'uploads-refused').map(({ status, vendorCode }) => ({ status, vendorCode }))).toEqual([
    { status: 413, vendorCode: 'HTTP413' },
  ]);
  expect(String(events(node, 'uploads-refused')[0]?.['remedy'])).toContain('client_max_body_size');
  for (const event of ['segments-given-up', 'store-down', 'store-refused']) expect(events(node, event)).toEqual([]);
  expect((await node.text('/metrics')).body).toMatch(
    /^sidepipe_alerts_total\{stream="cam",alert="refused",state="cleared"\} 1$/m,
  );
}, 600_000);
