import { watch } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { temporaryFolder } from '../support/clip.js';
import { startNode } from '../support/node.js';

/**
 * The case that this project exists for: storage that deletes each segment the moment it is complete. A thumbnailer that
 * reads segments from storage finds none; this one never looks there.
 */
it('misses no thumbnail in 60 s at a 1-s interval while every segment is deleted the moment it is complete', async () => {
  const folder = await temporaryFolder();
  const segments = join(folder, 'cam', 'source');
  await mkdir(segments, { recursive: true });
  let deleted = 0;
  const watcher = watch(segments, (_event, file) => {
    if (file?.endsWith('.ts'))
      void rm(join(segments, file)).then(
        () => deleted++,
        () => {},
      );
  });
  const node = await startNode({
    storage: { type: 'directory', directory: { path: folder } },
    streams: [
      { name: 'cam', source: 'test', hls: { segmentSeconds: 1 }, thumbnail: { intervalSeconds: 1, width: 320 } },
    ],
  });
  /** When each picture was first served, by its capture time. */
  const firstSeen = new Map<number, number>();
  const pictures = new Set<string>();
  await vi.waitFor(
    async () => {
      const { headers } = await node.bytes('/live/cam/thumbnail.jpg');
      const captured = headers.get('sidepipe-captured-at');
      if (captured !== null && !firstSeen.has(Date.parse(captured))) {
        firstSeen.set(Date.parse(captured), Date.now());
        pictures.add(headers.get('etag')!);
      }
      expect(firstSeen.size).toBeGreaterThanOrEqual(61);
    },
    { timeout: 90_000, interval: 50 },
  );
  watcher.close();
  const times = [...firstSeen.keys()].sort((a, b) => a - b);
  const steps = times.slice(1).map((time, index) => time - times[index]!);
  // One picture for each second of the source: none missed, none twice.
  expect(steps.filter((step) => Math.abs(step - 1000) > 200)).toEqual([]);
  // None late: each was there before the next was due.
  expect(times.filter((time) => firstSeen.get(time)! - time > 1000)).toEqual([]);
  expect(pictures.size).toBe(firstSeen.size);
  expect(deleted).toBeGreaterThan(40);
  expect((await readdir(segments)).filter((file) => file.endsWith('.ts')).length).toBeLessThan(3);
  const { thumbnail, ffmpeg } = await node.stream('cam');
  expect([thumbnail.dropped, thumbnail.rejected, ffmpeg.restarts]).toEqual([0, 0, 0]);
}, 120_000);
