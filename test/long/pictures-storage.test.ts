import sharp from 'sharp';
import { expect, it, vi } from 'vitest';
import { startBucket } from '../support/bucket.js';
import { startNode } from '../support/node.js';

/** The pictures on the object store are those of the node, and can be read with no node behind them. */

const stream = {
  name: 'cam',
  source: 'test',
  hls: { segmentSeconds: 1, windowSegments: 4 },
  thumbnail: { intervalSeconds: 1, width: 320, widths: [160] },
  preview: { frames: 3, width: 96 },
  storyboard: { width: 80, columns: 2, rows: 2, intervalSeconds: 1 },
};

/** The cues of a WebVTT: from, to, file, place. */
const cuesOf = (text = '') => [...text.matchAll(/^(\S+) --> (\S+)\n([^#?]+)(?:\?\S+?)?#xywh=(\S+)$/gm)];
const patience = { timeout: 60_000, interval: 200 };

it('go to the store in every form, few of the storyboard at a time', async () => {
  const bucket = await startBucket({ buckets: ['live'] });
  await startNode({ storage: { type: 's3', s3: bucket.s3 }, streams: [stream] });
  const objects = bucket.server.objects('live');
  await vi.waitFor(() => {
    const sheets = bucket.keys().filter((key) => /^cam\/storyboard-\d+\.jpg$/.test(key));
    // More than three sheets of four seconds each; the twelve keys that they are written over in turn never grow.
    expect(sheets.length).toBeGreaterThan(3);
    const numbers = sheets.map((key) => Number(/\d+/.exec(key)?.[0]));
    expect(Math.max(...numbers)).toBeLessThan(12);
    const cues = cuesOf(bucket.text('cam/storyboard.vtt'));
    expect(cues.length).toBeGreaterThan(2);
    for (const [, , , file] of cues) expect(bucket.keys()).toContain(`cam/${file}`);
  }, patience);
  expect(bucket.keys()).toEqual(
    expect.arrayContaining(['cam/thumbnail.jpg', 'cam/thumbnail-160.jpg', 'cam/preview.webp']),
  );
  const preview = objects.get('site/cam/preview.webp')!;
  expect(await sharp(preview.body, { animated: true }).metadata()).toMatchObject({ pages: 3, width: 96 });
  expect(preview.headers['x-amz-meta-image-state']).toBe('fresh');
  const immutable = () => bucket.keys().filter((key) => /^cam\/thumbnail-[\w-]{27}\.jpg$/.test(key));
  expect(immutable().length).toBeGreaterThanOrEqual(1);
  expect(objects.get(`site/${immutable()[0]}`)?.headers['cache-control']).toContain('immutable');
});

it('keep the storyboard of a whole recording, on the time axis of its playlist', async () => {
  const bucket = await startBucket({ buckets: ['live'] });
  const storage = { type: 's3' as const, cleanup: 'keep' as const, s3: bucket.s3 };
  const node = await startNode({ storage, streams: [stream] }, { endStreams: true });
  await vi.waitFor(async () => {
    expect((await node.stream('cam')).thumbnail.captured).toBeGreaterThan(9);
  }, patience);
  await node.node.close();
  const playlist = bucket.text('cam/source/index.m3u8') ?? '';
  expect(playlist).toContain('#EXT-X-PLAYLIST-TYPE:VOD');
  const seconds = [...playlist.matchAll(/#EXTINF:([\d.]+)/g)].reduce((sum, [, each]) => sum + Number(each), 0);
  const cues = cuesOf(bucket.text('cam/storyboard.vtt'));
  expect(cues.length).toBeGreaterThan(7);
  const time = (text = '') => text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  expect(time(cues[0]?.[1])).toBe(0);
  expect(time(cues.at(-1)?.[2])).toBeCloseTo(seconds, 1);
  for (const [at, [, from, to, file, place = '']] of cues.entries()) {
    expect(time(to)).toBeGreaterThan(time(from));
    if (at > 0) expect(time(from)).toBe(time(cues[at - 1]?.[2]));
    const sheet = bucket.server.objects('live').get(`site/cam/${file}`);
    const { width = 0, height = 0 } = await sharp(sheet!.body).metadata();
    const [x = 0, y = 0, w = 0, h = 0] = place.split(',').map(Number);
    expect(x + w).toBeLessThanOrEqual(width);
    expect(y + h).toBeLessThanOrEqual(height);
  }
});
