import { mkdir } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { cam, listedFiles, observePlaylist, startBucket, watchLocally } from '../support/bucket.js';
import { emptyFolder } from '../support/child-node.js';
import { startNode, type TestNode } from '../support/node.js';
import { until } from '../support/wait.js';

const patience = { timeoutMs: 60_000, intervalMs: 50 };
const playlist = 'cam/source/index.m3u8';
const limits = { afterSeconds: 2, handBackAfterSeconds: 2 };

const switches = ({ log }: TestNode) => log.filter(({ event }) => event === 'store-switched');

it('a second bucket takes over and hands back: each playlist is right at every moment, and nothing is left behind', async () => {
  const [main, spare] = [await startBucket(), await startBucket()];
  const [onMain, onSpare] = [observePlaylist(main), observePlaylist(spare)];
  const node = await startNode({
    storage: {
      type: 's3',
      s3: main.s3,
      fallback: { type: 's3', s3: spare.s3, ...limits },
      audit: { intervalSeconds: 1 },
    },
    streams: [cam],
  });
  await until('a playlist on the first', () => onMain.playlists > 0, patience);
  const local = watchLocally(node);
  const before = await node.stream('cam');
  expect(before.storage).toMatchObject({
    store: 's3://live/site/',
    playback: { hls: `${main.s3.publicUrl}/cam/index.m3u8` },
  });
  expect(onSpare.playlists).toBe(0);

  main.server.faults.add({ fault: { kind: 'reset', when: 'before-commit' } });
  await until('a playlist on the second', () => spare.text('cam/index.m3u8') && onSpare.playlists > 3, patience);
  expect((await node.stream('cam')).storage).toMatchObject({
    store: 's3://live/site/ (fallback)',
    state: 'publishing',
    playback: { hls: `${spare.s3.publicUrl}/cam/index.m3u8` },
  });
  const atReturn = (await node.segments('cam')).at(-1)!.split('/').at(-1)!;
  main.server.faults.clear();
  // That one or a later one: on a busy machine it can have left the window before the first is in use again.
  const newest = () => numberOf(listedFiles(main.text(playlist) ?? '').files.at(-1));
  await until('what is new on the first', () => newest() >= numberOf(atReturn), patience);
  expect((await node.stream('cam')).storage.store).toBe('s3://live/site/');
  await until('the second to be empty', () => spare.keys().length === 0, patience);
  const files = listedFiles(main.text(playlist)!).files.map((file) => `cam/source/${file}`);
  expect(main.keys()).toEqual(expect.arrayContaining(files));
  const { polls: localPolls, problems } = await local.stop();
  expect(problems).toEqual([]);
  expect(localPolls).toBeGreaterThan(5);
  expect([...onMain.problems, ...onMain.short]).toEqual([]);
  expect([...onSpare.problems, ...onSpare.short]).toEqual([]);
  expect(switches(node)).toHaveLength(2);
  expect(node.log.filter(({ event }) => event === 'audit-failed')).toEqual([]);
});

it('a directory takes over from a bucket', async () => {
  const main = await startBucket();
  const path = await emptyFolder();
  await mkdir(path, { recursive: true });
  const node = await startNode({
    storage: { type: 's3', s3: main.s3, fallback: { type: 'directory', directory: { path }, ...limits } },
    streams: [cam],
  });
  await until('a playlist on the first', () => main.text(playlist) !== undefined, patience);
  main.server.faults.add({ fault: { kind: 'error', status: 500, code: 'InternalError' } });
  const { store, playback } = await until(
    'the directory to be in use and caught up',
    async () => {
      const { storage } = await node.stream('cam');
      return switches(node).length > 0 && (storage.playlistLagSeconds ?? 9) < 3 && storage;
    },
    patience,
  );
  expect(store).toContain('(fallback)');
  expect(playback).toBeNull();
});

function numberOf(file: string | undefined): number {
  return Number(/-(\d+)\.ts$/.exec(file ?? '')?.[1]);
}
