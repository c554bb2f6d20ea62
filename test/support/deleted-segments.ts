import { watch } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { makeClip, temporaryFolder } from './clip.js';
import { startNode } from './node.js';

/**
 * The case that this project exists for: storage that deletes each segment the moment it is complete. A thumbnailer that
 * reads segments from storage finds none; this one never looks there. Takes one thumbnail a second.
 */
export async function expectEveryThumbnail(count: number): Promise<void> {
  const folder = await temporaryFolder();
  const clip = await makeClip({
    path: join(folder, 'clip.mp4'),
    seconds: 10,
    keyframes: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  });
  const segments = join(folder, 'store', 'cam', 'source');
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
    storage: { type: 'directory', directory: { path: join(folder, 'store') } },
    streams: [{ name: 'cam', source: clip, hls: { segmentSeconds: 1 }, thumbnail: { intervalSeconds: 1, width: 320 } }],
  });
  const times: number[] = [];
  const states = new Set<string | null>();
  const pictures = new Set<string>();
  for await (const { capturedAt, body } of node.node.streams.get('cam')!.series.thumbnails()) {
    times.push(capturedAt);
    pictures.add(Buffer.from(body).toString('base64'));
    const { headers } = await node.bytes('/live/cam/thumbnail.jpg');
    states.add(headers.get('sidepipe-image-state'));
    // What is served is this picture or one after it.
    expect(Date.parse(headers.get('sidepipe-captured-at')!)).toBeGreaterThanOrEqual(Math.floor(capturedAt));
    if (times.length === count) break;
  }
  watcher.close();
  const steps = times.slice(1).map((time, index) => time - times[index]!);
  // One picture for each second of the source: none missed, none twice.
  expect(steps.filter((step) => Math.abs(step - 1000) > 200)).toEqual([]);
  expect([...states]).toEqual(['fresh']);
  expect(pictures.size).toBeGreaterThanOrEqual(Math.min(count, 10));
  expect(deleted).toBeGreaterThan((count * 2) / 3);
  expect((await readdir(segments)).filter((file) => file.endsWith('.ts')).length).toBeLessThan(3);
  const { thumbnail, ffmpeg } = await node.stream('cam');
  expect([thumbnail.dropped, thumbnail.rejected, ffmpeg.restarts]).toEqual([0, 0, 0]);
}
