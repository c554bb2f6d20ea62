import { beforeAll, expect, it } from 'vitest';
import { cam, listedFiles, observePlaylist, startBucket, type TestBucket } from '../support/bucket.js';
import { builtProgram, type ChildNode, configFile, startChild } from '../support/child-node.js';
import { startNode } from '../support/node.js';
import type { S3Server } from '../support/s3/server.js';
import { until } from '../support/wait.js';

const patience = { timeoutMs: 60_000, intervalMs: 50 };
const playlist = 'cam/source/index.m3u8';
const [one, two] = ['ONE', 'TWO'].map((name) => ({ accessKeyId: `NODE${name}`, secretAccessKey: `secret-${name}` }));
const stream = { ...cam, hls: { segmentSeconds: 1, windowSegments: 3 } };

let program: string;

beforeAll(async () => {
  program = await builtProgram();
});

/** What a node with these keys has asked the store to change, beside what it tries out once. */
function changesBy(server: S3Server, { accessKeyId }: { accessKeyId: string }): string[] {
  return server.log
    .filter(
      ({ method, headers }) => method !== 'GET' && method !== 'HEAD' && headers['authorization']?.includes(accessKeyId),
    )
    .map(({ method, key }) => `${method} ${key}`)
    .filter((change) => !change.includes('sidepipe-probe'));
}

/** The leases and playlists that a node with these keys has put on the store. */
function writesBy(server: S3Server, { accessKeyId }: { accessKeyId: string }): string[] {
  return server.log
    .filter(({ method, status, headers }) => {
      return method === 'PUT' && status === 200 && headers['authorization']?.includes(accessKeyId);
    })
    .map(({ key }) => key ?? '')
    .filter((key) => /(?:lease\.json|\.m3u8)$/.test(key));
}

const sessionsOf = (text: string) => new Set(listedFiles(text).files.map((file) => file.split('-')[0]));

async function startProgram(bucket: TestBucket, { ttlSeconds = 5, keys = {} } = {}): Promise<ChildNode> {
  const config = {
    http: { host: '127.0.0.1', port: 0 },
    storage: { type: 's3', s3: { ...bucket.s3, ...keys }, lease: { ttlSeconds }, orphanIntervalSeconds: 2 },
    streams: [stream],
  };
  return startChild({ program, args: ['serve', '--config', await configFile(config)] });
}

it('two nodes with one stream name: the second says so, writes nothing, plays, and takes over when the first ends', async () => {
  const bucket = await startBucket({ credentials: [one!, two!] });
  const { server } = bucket;
  const observed = observePlaylist(bucket);
  const mixed: string[] = [];
  server.observe(() => {
    const text = bucket.text(playlist) ?? '';
    if (sessionsOf(text).size > 1) mixed.push(text);
  });
  const storage = (keys: typeof one) => ({ type: 's3' as const, s3: { ...bucket.s3, ...keys } });
  const first = await startNode({ storage: storage(one), streams: [stream] });
  await until('a playlist of the first', () => observed.playlists > 0, patience);
  const second = await startNode({ storage: storage(two), streams: [stream] });
  const conflicts = () => second.log.filter(({ event }) => event === 'lease-conflict');
  await until('the second to say so', () => conflicts().length > 0, patience);
  await until('the second to be live', async () => (await second.text('/readyz?streams=all')).status === 200, patience);
  const seen = observed.playlists;
  await until('the first to go on', () => observed.playlists > seen + 5, patience);

  expect((await first.stream('cam')).storage.state).toBe('publishing');
  const { storage: api, state } = await second.stream('cam');
  expect(state).toBe('live');
  expect(api).toMatchObject({ state: 'standby', uploaded: 0, failed: 0 });
  expect(api.lastError).toMatch(/cam is published by another node/);
  expect(conflicts()).toHaveLength(1);
  expect(changesBy(server, two!)).toEqual([]);
  expect((await second.text('/metrics')).body).toMatch(
    /^sidepipe_publication_state\{stream="cam",state="standby"\} 1$/m,
  );
  expect((await second.segments('cam')).length).toBe(3);
  expect(observed.sessions).toHaveLength(1);

  const before = bucket.text(playlist)!;
  expect(mixed).toEqual([]);
  await first.node.close();
  await until('the second to take over', () => observed.sessions.length > 1, patience);
  await until('its error to be gone', async () => (await second.stream('cam')).storage.lastError === null, patience);
  const at = observed.playlists;
  await until('the second to go on', () => observed.playlists > at + 3, patience);
  expect(second.log.filter(({ event }) => event === 'lease-taken')).toHaveLength(1);
  const own = new Set((await second.segments('cam')).map((url) => url.split('/').at(-1)!.split('-')[0]!));
  expect(observed.sessions).toEqual([expect.any(String), ...own]);
  expect([...observed.problems, ...observed.short]).toEqual([]);
  // What the first had listed stays for a while, and nothing says that the stream has ended.
  expect(mixed[0]).toMatch(/\.ts\n#EXT-X-DISCONTINUITY\n/);
  expect(mixed.some((text) => text.includes('ENDLIST'))).toBe(false);
  expect(numberIn(mixed[0]!)).toBeGreaterThanOrEqual(numberIn(before));
});

it('takes over from a node that hangs, once its lease has run out, and keeps the stream when that one goes on', async () => {
  const bucket = await startBucket({ credentials: [one!, two!] });
  const observed = observePlaylist(bucket);
  const first = await startProgram(bucket, { keys: one! });
  await until('a playlist of the first', () => observed.playlists > 0, patience);
  const second = await startNode({
    // So long that a busy machine does not keep it from renewing its lease in time: the first would rightly take that.
    storage: { type: 's3', s3: { ...bucket.s3, ...two! }, lease: { ttlSeconds: 120 } },
    streams: [stream],
  });
  await until('the second to stand by', async () => (await second.stream('cam')).storage.state === 'standby', patience);
  // To the system it lives, so that only the lease's time counts.
  first.kill('SIGSTOP');
  expect(observed.sessions).toHaveLength(1);
  await until('the second to take over', () => observed.sessions.length > 1, patience);
  const at = observed.playlists;
  await until('the second to go on', () => observed.playlists > at + 3, patience);
  const writtenBefore = writesBy(bucket.server, one!).length;
  first.kill('SIGCONT');
  const conflict = () => first.log().some(({ event }) => event === 'lease-conflict');
  await until('the first to stand by', conflict, patience);
  const again = observed.playlists;
  await until('the second to go on as ever', () => observed.playlists > again + 3, patience);
  expect(observed.sessions).toHaveLength(2);
  // However sure of its lease the first was when it woke up.
  expect(writesBy(bucket.server, one!).slice(writtenBefore)).toEqual([]);
  expect([...observed.problems, ...observed.short]).toEqual([]);
});

it('killed while it uploads and started again: right before, between and after, and nothing is left of before', async () => {
  const bucket = await startBucket();
  const { server } = bucket;
  const observed = observePlaylist(bucket);
  // The log tells below that this was not waited for. Orphans are dated by the lease's renewals, every third of it.
  const ttlSeconds = 30;
  const first = await startProgram(bucket, { ttlSeconds });
  await until('a window', () => listedFiles(bucket.text(playlist) ?? '').files.length === 3, patience);
  // From now on segments are on their way for a while, some are stored and not listed, and some are cut off.
  server.faults.add(
    { fault: { kind: 'latency', ms: 700 }, method: 'PUT', key: /\.ts$/ },
    { fault: { kind: 'hide', reads: 2 }, method: 'PUT', key: /\.ts$/, probability: 0.5 },
  );
  const unlisted = () => {
    const listed = new Set(listedFiles(bucket.text(playlist)!).files);
    const newest = Math.max(...[...listed].map(numberOf));
    return bucket.keys().filter((key) => key.endsWith('.ts') && numberOf(key) > newest);
  };
  await until('a segment that is stored and not listed', () => unlisted().length > 0, { ...patience, intervalMs: 5 });
  first.kill('SIGKILL');
  await first.exited;
  const [session] = observed.sessions;
  const between = bucket.text(playlist)!;
  expect(listedFiles(between).files.every((file) => bucket.keys().includes(`cam/source/${file}`))).toBe(true);
  server.faults.clear();

  const second = await startProgram(bucket, { ttlSeconds });
  await until('the second session', () => observed.sessions.length > 1, patience);
  const ofBefore = () => bucket.keys().filter((key) => key.includes(session!));
  await until('the orphans to be gone', () => ofBefore().length === 0, patience);
  expect([...observed.problems, ...observed.short]).toEqual([]);
  expect(observed.sessions).toHaveLength(2);
  const leases = second.log().filter(({ event }) => String(event).startsWith('lease-'));
  expect(leases).toMatchObject([{ event: 'lease-taken', formerPid: first.pid, msg: expect.stringContaining('dead') }]);
  // Logged once the store has answered the deletion.
  await until('that to be logged', () => second.log().some(({ event }) => event === 'orphans-removed'), patience);
  // What there is belongs to the window and its grace, twice as long together.
  expect(bucket.keys().filter((key) => key.endsWith('.ts')).length).toBeLessThanOrEqual(3 + 4 + 4);
});

function numberIn(playlist: string): number {
  return Number(/^#EXT-X-MEDIA-SEQUENCE:(\d+)$/m.exec(playlist)?.[1]);
}

function numberOf(file: string): number {
  return Number(/-(\d+)\.ts$/.exec(file)?.[1]);
}
