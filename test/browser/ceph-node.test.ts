import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { createS3Store } from '../../src/storage/s3.js';
import type { ObjectStore } from '../../src/storage/store.js';
import { cam, listedFiles, watchLocally } from '../support/bucket.js';
import { type Ceph, startCeph } from '../support/ceph.js';
import { builtProgram, configFile, runChild } from '../support/child-node.js';
import { startNode, type TestNode } from '../support/node.js';
import { watchRemote } from '../support/remote-watch.js';
import { s3ConfigFor } from '../support/s3/config.js';
import { until } from '../support/wait.js';

/** The whole node against a real S3 server. */

/** Each test has a few such waits, of which none is likely to take a third: it fails with what it waited for. */
const patience = { timeoutMs: 60_000, intervalMs: 100 };
const playlist = 'cam/source/index.m3u8';

let ceph: Ceph;
let buckets = 0;

beforeAll(async () => {
  ceph = await startCeph();
}, 300_000);
afterAll(() => ceph?.close());

async function newBucket() {
  buckets += 1;
  const bucket = `node-${buckets}`;
  const { endpoint } = ceph;
  // The SDK writes on what it is given.
  const credentials = { ...ceph.credentials };
  const client = new S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: bucket }), { abortSignal: AbortSignal.timeout(60_000) });
  client.destroy();
  const s3 = {
    ...ceph.credentials,
    vendor: 'ceph' as const,
    endpoint,
    bucket,
    prefix: 'site/',
    acl: 'public-read' as const,
  };
  const store = await createS3Store(s3ConfigFor(ceph, { bucket, prefix: 'site/' }), { requestTimeoutMs: 3000 });
  onTestFinished(() => store.close());
  return { s3: { ...s3, publicUrl: `${endpoint}/${bucket}/site` }, store };
}

async function textOf(store: ObjectStore, key: string): Promise<string> {
  return Buffer.from((await store.get(key))?.body ?? []).toString();
}

const lists = (store: ObjectStore, file: string) => async () =>
  (await textOf(store, playlist).catch(() => '')).includes(file);
const newestOf = async (node: TestNode) => (await node.segments('cam')).at(-1)!.split('/').at(-1)!;
const events = (node: TestNode, event: string) => node.log.filter((line) => line['event'] === event);

it.each([
  ['is killed and started again', () => ceph.outage(), () => ceph.resume()],
  ['hangs', async () => ceph.stall(true), async () => ceph.stall(false)],
] as const)(
  'a gateway that %s: playback goes on, and the store is right after',
  async (_, begin, end) => {
    const { s3, store } = await newBucket();
    const node = await startNode({ storage: { type: 's3', s3 }, streams: [cam] }, { endStreams: true });
    await until('a playlist on the store', async () => (await textOf(store, playlist)) !== '', patience);
    const local = watchLocally(node);
    const remote = watchRemote(store, playlist);
    // Also when the test fails: the next one needs it.
    let over = false;
    onTestFinished(() => (over ? undefined : end()));
    await begin();
    const { mediaSequence } = (await node.stream('cam')).hls;
    await until(
      'more than a window of segments',
      async () => (await node.stream('cam')).hls.mediaSequence > mediaSequence + 6,
      patience,
    );
    expect((await node.stream('cam')).storage.backlogBytes).toBeGreaterThan(0);
    const newest = await newestOf(node);
    await end();
    over = true;
    await until('the newest of the outage on the store', lists(store, newest), patience);
    const polls = remote.polls;
    await until('the playlist to be read some times', () => remote.polls > polls + 10, patience);
    await remote.stop();
    const { polls: localPolls, problems } = await local.stop();
    expect(problems).toEqual([]);
    expect(localPolls).toBeGreaterThan(5);
    expect(remote.problems).toEqual([]);
    const { storage } = await node.stream('cam');
    expect(storage).toMatchObject({ state: 'publishing', failed: 0 });
    expect(listedFiles(await textOf(store, playlist)).gaps).toBe(0);
    expect(events(node, 'segments-given-up')).toEqual([]);
    await node.node.close();
    expect(await textOf(store, playlist)).toContain('#EXT-X-ENDLIST');
    const open = await fetch(`${s3.publicUrl}/cam/index.m3u8`);
    expect(await open.text()).toContain('source/index.m3u8');
  },
  300_000,
);

it('a gateway that answers 503 SlowDown gets fewer requests, and everything in the end', async () => {
  const { s3, store } = await newBucket();
  const names = ['cam', 'door', 'yard'];
  const short = { ...cam, hls: { segmentSeconds: 0.5, windowSegments: 4 } };
  const node = await startNode({
    storage: { type: 's3', s3 },
    streams: names.map((name) => ({ ...short, name })),
  });
  const listing = async (name: string) => listedFiles(await textOf(store, `${name}/source/index.m3u8`).catch(() => ''));
  for (const name of names)
    await until(`a playlist of ${name}`, async () => (await listing(name)).files.length > 0, patience);
  const failed = async () =>
    [...(await node.text('/metrics')).body.matchAll(/^sidepipe_uploads_total\{.*result="failed"\} (\d+)$/gm)]
      .map(([, count]) => Number(count))
      .reduce((sum, count) => sum + count, 0);
  await ceph.limitRequests(1);
  onTestFinished(() => ceph.limitRequests(1024));
  const before = await failed();
  await until('uploads to be refused', async () => (await failed()) > before, patience);
  await ceph.limitRequests(1024);
  const newest = await newestOf(node);
  await until('the newest of then on the store', lists(store, newest), patience);
  for (const name of names) {
    const { storage } = await node.stream(name);
    expect(storage).toMatchObject({ state: 'publishing', failed: 0 });
    expect((await listing(name)).gaps).toBe(0);
  }
}, 300_000);

it('two nodes with one stream name: the second stands by, and takes over', async () => {
  const { s3, store } = await newBucket();
  const remote = watchRemote(store, playlist);
  const first = await startNode({ storage: { type: 's3', s3 }, streams: [cam] });
  await until('a playlist on the store', async () => (await textOf(store, playlist)) !== '', patience);
  const second = await startNode({ storage: { type: 's3', s3 }, streams: [cam] });
  await until('the second to stand by', async () => (await second.stream('cam')).storage.state === 'standby', patience);
  await until('the second to be live', async () => (await second.segments('cam')).length >= 4, patience);
  expect((await second.stream('cam')).storage.uploaded).toBe(0);
  await first.node.close();
  await until('the second to publish', async () => lists(store, await newestOf(second))(), patience);
  await remote.stop();
  expect(remote.problems).toEqual([]);
}, 300_000);

it('doctor proves the bucket, and says what to do about a wrong secret', async () => {
  const program = await builtProgram();
  const { s3, store } = await newBucket();
  const examine = async (more: Record<string, unknown>) => {
    const config = { http: { host: '127.0.0.1', port: 0 }, storage: { type: 's3', s3: { ...s3, ...more } } };
    return runChild({ program, args: ['doctor', '--config', await configFile(config)] });
  };
  const right = await examine({});
  expect(right.code, right.stdout).toBe(0);
  expect(right.stdout).toMatch(/conditional put +.*supported/);
  expect(right.stdout).toMatch(/→ .*CORS rule/);
  const keys = [];
  for await (const { key } of store.list('')) keys.push(key);
  expect(keys).toEqual([]);

  const wrong = await examine({ secretAccessKey: 'not-the-secret' });
  expect(wrong.code).toBe(1);
  expect(wrong.stdout).toMatch(/put .*SignatureDoesNotMatch/);
  expect(wrong.stdout).toMatch(/→ check storage\.s3\.accessKeyId and storage\.s3\.secretAccessKey/);
  expect(wrong.stdout).not.toContain('not-the-secret');
}, 300_000);
