import { expect, it, onTestFinished } from 'vitest';
import { createS3Store } from '../../src/storage/s3.js';
import { cam, listedFiles, observePlaylist, startBucket, watchLocally } from '../support/bucket.js';
import { runFfmpeg } from '../support/clip.js';
import { startNode, type TestNode } from '../support/node.js';
import { s3ConfigFor } from '../support/s3/config.js';
import { until } from '../support/wait.js';

const patience = { timeoutMs: 60_000, intervalMs: 50 };
const playlist = 'cam/source/index.m3u8';

const events = (node: TestNode, event: string) => node.log.filter((line) => line['event'] === event);

async function newestLocal(node: TestNode): Promise<string | undefined> {
  return (await node.segments('cam')).at(-1)?.split('/').at(-1);
}

it('an outage harms nobody who watches the node, and the store is right again soon after, with nothing lost', async () => {
  const bucket = await startBucket();
  const observed = observePlaylist(bucket);
  // On a busy machine a picture can be late. That pictures go on is asserted by their number.
  const thumbnail = { ...cam.thumbnail, staleAfterSeconds: 120 };
  const stream = { ...cam, hls: { segmentSeconds: 4, windowSegments: 4 }, thumbnail };
  const node = await startNode({
    storage: { type: 's3', s3: bucket.s3 },
    alerts: { laggingAfterSeconds: 0 },
    streams: [stream],
  });
  const local = await until('a remote playlist', () => bucket.text(playlist) !== undefined, patience).then(() =>
    watchLocally(node),
  );
  bucket.server.faults.add({ fault: { kind: 'reset', when: 'before-commit' } });
  const before = observed.playlists;
  await until('the outage to be told', () => events(node, 'store-down').length > 0, patience);
  const { hls, thumbnail: pictures } = await node.stream('cam');
  const since = hls.mediaSequence;
  // Long enough that nothing of before is in the window any more.
  await until('a window of segments', async () => (await node.stream('cam')).hls.mediaSequence >= since + 5, patience);
  const captured = async () => (await node.stream('cam')).thumbnail.captured;
  await until('five more pictures', async () => (await captured()) >= pictures.captured + 5, patience);
  await until('the lag to be told', () => events(node, 'playlist-lagging').length > 0, patience);
  const metric = async (line: string) => (await node.text('/metrics')).body.includes(`\n${line}\n`);
  expect(await metric('sidepipe_store_up{store="s3://live/site/"} 0')).toBe(true);
  expect((await node.stream('cam')).storage).toMatchObject({ state: 'publishing', lastError: expect.any(String) });
  const ready = await node.text('/readyz?streams=all');
  expect(JSON.parse(ready.body)).toEqual({ status: 'ready', streams: 1, notReady: [] });
  expect(ready.status).toBe(200);
  expect(observed.playlists).toBe(before);

  const atReturn = await newestLocal(node);
  bucket.server.faults.clear();
  await until('the newest of before the return', () => bucket.text(playlist)?.includes(atReturn!), patience);
  const locals = await node.segments('cam');
  const later = locals.length - 1 - locals.findIndex((url) => url.endsWith(atReturn!));
  // Two segment durations, by the number of segments since: on a busy machine those come late, too.
  expect(later).toBeLessThanOrEqual(2);
  await until('the end of the outage to be told', () => events(node, 'store-up').length > 0, patience);
  await until('the lag to be over', () => events(node, 'playlist-caught-up').length > 0, patience);
  const { polls, problems } = await local.stop();
  expect(problems).toEqual([]);
  expect(polls).toBeGreaterThan(5);
  expect([...observed.problems, ...observed.short]).toEqual([]);
  expect(observed.gaps).toBe(0);
  expect(events(node, 'store-down')).toHaveLength(1);
  expect(events(node, 'segments-given-up')).toEqual([]);
  const metrics = (await node.text('/metrics')).body;
  expect(metrics).toMatch(/^sidepipe_store_up\{store="s3:\/\/live\/site\/"\} 1$/m);
  expect(metrics).toMatch(/^sidepipe_alerts_total\{stream="cam",alert="lagging",state="raised"\} 1$/m);
  expect(metrics).toMatch(/^sidepipe_publication_state\{stream="cam",state="publishing"\} 1$/m);
});

it('beyond the backlog the oldest segments are given up, and the playlist says so', async () => {
  const bucket = await startBucket();
  const observed = observePlaylist(bucket);
  const node = await startNode({
    storage: { type: 's3', s3: bucket.s3, backlogBytes: '300kB' },
    streams: [{ ...cam, hls: { segmentSeconds: 0.5, windowSegments: 12 } }],
  });
  await until('a remote playlist', () => bucket.text(playlist) !== undefined, patience);
  bucket.server.faults.add({ fault: { kind: 'reset', when: 'before-commit' } });
  await until('segments to be given up', () => events(node, 'segments-given-up').length > 0, patience);
  const { failed } = (await node.stream('cam')).storage;
  await until('more of them', async () => (await node.stream('cam')).storage.failed > failed + 2, patience);
  expect((await node.stream('cam')).storage.backlogBytes).toBeLessThanOrEqual(300_000 * 1.2);
  expect(events(node, 'segments-given-up')).toHaveLength(1);
  bucket.server.faults.clear();
  await until('gaps on the store', () => observed.gaps > 0, patience);
  expect([...observed.problems, ...observed.short]).toEqual([]);
});

it('where a key may be written once a second only, it never is more often', async () => {
  const bucket = await startBucket({ settings: { oneWriteASecond: true } });
  const observed = observePlaylist(bucket);
  const streams = [{ ...cam, hls: { segmentSeconds: 0.5 }, thumbnail: { ...cam.thumbnail, intervalSeconds: 0.2 } }];
  const shortLease = { type: 's3' as const, s3: bucket.s3, lease: { ttlSeconds: 3 } };
  const node = await startNode({ storage: shortLease, streams }, { endStreams: true });
  await until('twelve playlists', () => observed.playlists >= 12, patience);
  const { storage } = await node.stream('cam');
  await node.node.close();
  const slower = bucket.server.log.filter(({ key, status }) => status === 429 && !key?.includes('sidepipe-probe'));
  expect(slower.map(({ key }) => key)).toEqual([]);
  expect(storage).toMatchObject({ failed: 0, lastError: null });
  expect(bucket.text(playlist)).toContain('#EXT-X-ENDLIST');
  expect([...observed.problems, ...observed.short]).toEqual([]);
});

it('does without what the store refuses, and tells it once', async () => {
  const settings = { refuseAcl: 'r2', refuseChecksum: true, conditionalPut: 'refuse', batchDelete: 'refuse' } as const;
  const bucket = await startBucket({ settings });
  const observed = observePlaylist(bucket);
  const node = await startNode({
    storage: { type: 's3', s3: { ...bucket.s3, acl: 'public-read' } },
    streams: [{ ...cam, hls: { segmentSeconds: 0.5, windowSegments: 3 } }],
  });
  const deleted = new Set<string>();
  bucket.server.observe(({ type, key }) => void (type === 'delete' && key.endsWith('.ts') && deleted.add(key)));
  await until('segments to come and go', () => deleted.size >= 4, patience);
  const { storage } = await node.stream('cam');
  expect(storage).toMatchObject({ state: 'publishing', failed: 0, lastError: null });
  expect([...observed.problems, ...observed.short]).toEqual([]);
  const notices = events(node, 'store-notice').map(({ notice }) => String(notice));
  expect(notices.filter((text) => text.includes('remove storage.s3.acl'))).toHaveLength(1);
  expect(notices.filter((text) => text.includes('no batch delete'))).toHaveLength(1);
  expect(events(node, 'lease-unsupported')).toHaveLength(1);
});

it('wrong credentials are told once; the node plays, and publishes as soon as they are right', async () => {
  const known = { accessKeyId: 'SOMEBODYELSE', secretAccessKey: 'another-secret-of-the-store' };
  const credentials = [known];
  const bucket = await startBucket({ credentials });
  const observed = observePlaylist(bucket);
  const own = { accessKeyId: 'THISNODE', secretAccessKey: 'the-secret-of-this-node' };
  const node = await startNode({ storage: { type: 's3', s3: { ...bucket.s3, ...own } }, streams: [cam] });
  await until('the refusal to be told', () => events(node, 'store-refused').length > 0, patience);
  const since = (await node.stream('cam')).hls.mediaSequence;
  await until('a window of segments', async () => (await node.stream('cam')).hls.mediaSequence >= since + 4, patience);
  const { storage, state } = await node.stream('cam');
  expect(state).toBe('live');
  expect(storage).toMatchObject({ state: 'refused', uploaded: 0 });
  expect(storage.lastError).toMatch(/InvalidAccessKeyId.*check storage\.s3\.accessKeyId/);
  expect((await node.text('/readyz?streams=all')).status).toBe(200);
  expect(node.log.filter(({ level }) => level === 'error')).toHaveLength(1);
  credentials.push(own);
  await until('a remote playlist', () => observed.playlists > 0, patience);
  await until('the end to be told', () => events(node, 'store-up').length > 0, patience);
  await until('no error', async () => (await node.stream('cam')).storage.lastError === null, patience);
  expect([...observed.problems, ...observed.short]).toEqual([]);
  expect(JSON.stringify(node.log)).not.toContain(own.secretAccessKey);
});

it('is not ready without its store where storage.required says so', async () => {
  const bucket = await startBucket();
  const node = await startNode({ storage: { type: 's3', s3: bucket.s3, required: true }, streams: [cam] });
  await until('the node to be ready', async () => (await node.text('/readyz?streams=all')).status === 200, patience);
  bucket.server.faults.add({ fault: { kind: 'error', status: 500, code: 'InternalError' } });
  const unready = await until(
    'the node not to be ready',
    async () => {
      const answer = await node.text('/readyz');
      return answer.status === 503 && answer.body.includes('store') ? answer.body : undefined;
    },
    patience,
  );
  expect(unready).toMatch(/cam: the playlist on the store is \d+ s behind/);
  expect((await node.stream('cam')).state).toBe('live');
  bucket.server.faults.clear();
  await until(
    'the node to be ready again',
    async () => (await node.text('/readyz?streams=all')).status === 200,
    patience,
  );
});

it('keeps the whole recording, and ends with a playlist of it', async () => {
  const bucket = await startBucket();
  const observed = observePlaylist(bucket);
  const node = await startNode(
    {
      storage: { type: 's3', s3: bucket.s3, cleanup: 'keep' },
      streams: [{ ...cam, hls: { segmentSeconds: 0.5, windowSegments: 3 } }],
    },
    { endStreams: true },
  );
  const segments = () => bucket.keys().filter((key) => key.endsWith('.ts'));
  await until('three windows of segments', () => segments().length >= 10, patience);
  expect(listedFiles(bucket.text(playlist)!).files.length).toBeLessThanOrEqual(segments().length);
  await node.node.close();
  const text = bucket.text(playlist)!;
  expect(text).toContain('#EXT-X-PLAYLIST-TYPE:VOD\n');
  expect(text.endsWith('#EXT-X-ENDLIST\n')).toBe(true);
  expect(
    listedFiles(text)
      .files.map((file) => `cam/source/${file}`)
      .sort(),
  ).toEqual(segments().sort());
  const { stdout } = await runFfmpeg(['-xerror', '-i', `${bucket.s3.publicUrl}/cam/index.m3u8`, '-f', 'framecrc', '-']);
  expect(stdout.toString().match(/^0, /gm)?.length).toBeGreaterThan(50);
  // The whole begins before the window: that is what the last playlist is for.
  const whole = (problem: string) => problem.includes('EXT-X-MEDIA-SEQUENCE went back') && problem.includes('TYPE:VOD');
  expect(observed.problems.filter((problem) => !whole(problem))).toEqual([]);
  expect(observed.short).toEqual([]);
});

it('restores a listed segment that something else deletes, and reports one that players cannot fetch', async () => {
  const bucket = await startBucket();
  const node = await startNode({
    storage: { type: 's3', s3: bucket.s3, audit: { intervalSeconds: 1 } },
    streams: [{ ...cam, hls: { segmentSeconds: 1, windowSegments: 30 } }],
  });
  const audited = (result: string) =>
    new RegExp(`^sidepipe_audited_segments_total\\{stream="cam",result="${result}"\\} [1-9]`, 'm');
  const metrics = async () => (await node.text('/metrics')).body;
  // Audits begin with what is there first, which can be a picture.
  await until('a remote playlist', () => bucket.text(playlist) !== undefined, patience);
  await until('an audit', async () => audited('readable').test(await metrics()), patience);
  expect(await metrics()).not.toMatch(audited('unreadable'));

  const lost = listedFiles(bucket.text(playlist)!).files.at(-1)!;
  const store = await createS3Store(s3ConfigFor(bucket.server, { prefix: 'site/' }));
  onTestFinished(() => store.close());
  await store.delete([`cam/source/${lost}`]);
  await until('the loss to be told', () => events(node, 'audit-failed').length > 0, patience);
  await until('the alert', () => node.log.some(({ alert }) => alert === 'unreadable'), patience);
  expect(events(node, 'audit-failed')[0]?.['msg']).toContain(`cam/source/${lost} is missing`);
  await until('the segment to be back', () => bucket.keys().includes(`cam/source/${lost}`), patience);
  await until('the restore to be logged', () => events(node, 'audit-restored').length > 0, patience);
  expect(listedFiles(bucket.text(playlist)!).gaps).toBe(0);
  expect(await metrics()).toMatch(audited('unreadable'));
  expect(await metrics()).toMatch(/^sidepipe_restored_objects_total\{stream="cam"\} 1$/m);
  await until('all to be readable', () => events(node, 'audit-passed').length > 0, patience);

  bucket.server.settings.publicRead = false;
  const closed = () => events(node, 'audit-failed').find(({ msg }) => String(msg).includes('answers 403'));
  await until('the closed address to be told', () => closed() !== undefined, patience);
  expect(closed()?.['problems']).toEqual(expect.arrayContaining([expect.objectContaining({ where: 'public-url' })]));
});
