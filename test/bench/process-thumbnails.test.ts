import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import {
  listedSegments,
  newestListed,
  startProcessThumbnails,
  timedSegments,
} from '../../bench/support/process-thumbnails.js';
import { until } from '../support/wait.js';

/** A playlist that lists one segment more at every request, and at first there is none. */
async function growingPlaylist(): Promise<string> {
  let count = -1;
  const server = createServer((_request, response) => {
    count += 1;
    response.writeHead(count === 0 ? 404 : 200);
    response.end(`#EXTM3U\n#EXTINF:2,\nsegment-${count - 1}.ts\n#EXTINF:2,\nsegment-${count}.ts\n`);
  });
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/live/camera/index.m3u8`;
}

async function firstOf(count: number, segments: AsyncIterable<string>): Promise<(string | undefined)[]> {
  const found: (string | undefined)[] = [];
  for await (const segment of segments) if (found.push(segment.split('/').at(-1)) === count) break;
  return found;
}

const { signal } = new AbortController();

test('the newest segment is the last that a playlist lists', () => {
  const address = 'http://node/live/camera/source/index.m3u8';
  expect(newestListed('#EXTM3U\r\n#EXTINF:2,\r\na.ts\r\n#EXTINF:2,\r\nb.ts\r\n', address)).toBe(
    'http://node/live/camera/source/b.ts',
  );
  expect(newestListed('#EXTM3U\n#EXTINF:2,\n/a.ts?x\n#EXT-X-ENDLIST\n', address)).toBe('http://node/a.ts?x');
  expect(newestListed('#EXTM3U\n\n', address)).toBeUndefined();
});

test('each segment is told of once, or every so many', async () => {
  expect(await firstOf(3, listedSegments(await growingPlaylist(), 1, signal))).toEqual([
    ...['segment-1.ts', 'segment-2.ts', 'segment-3.ts'],
  ]);
  expect(await firstOf(3, listedSegments(await growingPlaylist(), 10, signal))).toEqual([
    ...['segment-1.ts', 'segment-11.ts', 'segment-21.ts'],
  ]);
});

test('a timer begins behind the first listing and takes what is the newest then', async () => {
  const timer = { intervalSeconds: 0.01, segmentSeconds: 0.01 };
  expect(await firstOf(3, timedSegments(await growingPlaylist(), timer, signal))).toEqual([
    ...['segment-2.ts', 'segment-3.ts', 'segment-4.ts'],
  ]);
});

test('a process that fails leaves the picture of the one before', async () => {
  const playlist = await growingPlaylist();
  const thumbnails = startProcessThumbnails(
    (ending) => listedSegments(playlist, 1, ending),
    async (segment) => {
      if (!segment.endsWith('-1.ts')) throw new Error('gone');
      return Buffer.from(segment);
    },
  );
  expect(thumbnails.newest).toBeUndefined();
  await until('two failures', () => thumbnails.failed >= 2);
  expect(thumbnails.newest?.toString()).toMatch(/segment-1\.ts$/);
  expect(thumbnails.made).toBe(1);
  await thumbnails.close();
  const { failed } = thumbnails;
  await expect(fetch(playlist).then((answer) => answer.status)).resolves.toBe(200);
  expect(thumbnails.failed).toBe(failed);
});

test('what keeps segments from being found is told at the end', async () => {
  const thumbnails = startProcessThumbnails(
    (ending) => listedSegments('http://127.0.0.1:1/index.m3u8', 1, ending),
    async () => Buffer.alloc(1),
  );
  await expect(thumbnails.close()).rejects.toThrow('fetch failed');
});
