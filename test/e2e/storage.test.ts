import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { makeClip, runFfmpeg, temporaryFolder } from '../support/clip.js';
import { startNode } from '../support/node.js';
import { createPlaylistChecker } from '../support/playlist-check.js';
import { type S3Server, startS3Server } from '../support/s3/server.js';

const stream = {
  name: 'cam',
  source: '',
  hls: { segmentSeconds: 1, windowSegments: 4 },
  thumbnail: { intervalSeconds: 1, width: 320 },
};

beforeAll(async () => {
  const keyframes = [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5];
  stream.source = await makeClip({ path: join(await temporaryFolder(), 'clip.mp4'), seconds: 4, fps: 20, keyframes });
});

async function startStore(): Promise<{ server: S3Server; s3: Record<string, unknown> }> {
  const server = await startS3Server({ buckets: ['live'], settings: { publicRead: true } });
  onTestFinished(() => server.close());
  const { endpoint, region, credentials } = server;
  return {
    server,
    s3: {
      ...credentials,
      endpoint,
      region,
      bucket: 'live',
      prefix: 'site/',
      forcePathStyle: true,
      publicUrl: `${endpoint}/live/site`,
    },
  };
}

/** Notes each playlist that lists what is not there, at the moment at which it becomes visible. */
function watchPlaylists(server: S3Server): { problems: string[]; seen: number } {
  const found = { problems: [] as string[], seen: 0 };
  const checker = createPlaylistChecker();
  server.observe(({ key }) => {
    const body = server.objects('live').get(key)?.body;
    if (!key.endsWith('/source/index.m3u8') || body === undefined) return;
    found.seen += 1;
    for (const { uri } of checker.check(Buffer.from(body).toString()).entries) {
      if (!server.objects('live').has(key.replace('index.m3u8', uri)))
        found.problems.push(`${uri} is listed and not there`);
    }
  });
  return found;
}

describe('a bucket', () => {
  it('holds the same tree as the node serves, and plays when the node is gone', async () => {
    const { server, s3 } = await startStore();
    const playlists = watchPlaylists(server);
    const node = await startNode({ storage: { type: 's3', s3: s3 as never }, streams: [stream] }, { endStreams: true });
    const objects = () => server.objects('live');
    await vi.waitFor(
      () => {
        const text = Buffer.from(objects().get('site/cam/source/index.m3u8')?.body ?? '').toString();
        expect(text.match(/#EXTINF/g)?.length).toBeGreaterThanOrEqual(4);
        expect([...objects().keys()]).toEqual(
          expect.arrayContaining(['site/cam/index.m3u8', 'site/cam/thumbnail.jpg']),
        );
      },
      { timeout: 60_000, interval: 100 },
    );
    const segment = [...objects()].find(([key]) => key.endsWith('.ts'))!;
    expect(segment[1].headers).toMatchObject({
      'content-type': 'video/mp2t',
      'cache-control': 'public, max-age=31536000, immutable',
    });
    // Its bandwidth follows the media, on the node a moment before the store.
    await vi.waitFor(async () => {
      const served = await node.text('/live/cam/index.m3u8');
      expect(Buffer.from(objects().get('site/cam/index.m3u8')!.body).toString()).toBe(served.body);
    }, 30_000);
    const { storage } = await node.stream('cam');
    expect(storage.playback?.hls).toBe(`${server.endpoint}/live/site/cam/index.m3u8`);
    await node.node.close();

    const playlist = Buffer.from(objects().get('site/cam/source/index.m3u8')!.body).toString();
    expect(playlist).toContain('#EXT-X-ENDLIST');
    const { stdout } = await runFfmpeg(['-xerror', '-i', storage.playback!.hls, '-f', 'framecrc', '-']);
    expect(stdout.toString().match(/^0, /gm)?.length).toBeGreaterThan(50);
    expect(objects().get('site/cam/thumbnail.jpg')!.headers['x-amz-meta-image-state']).toBe('offline');
    expect(playlists.problems).toEqual([]);
    // Writes of a playlist that wait are replaced by the newest, so a busy machine writes fewer: at least one live, and the last.
    expect(playlists.seen).toBeGreaterThanOrEqual(2);
  });

  it('loses what has left the window, and nothing that is listed', async () => {
    const { server, s3 } = await startStore();
    const playlists = watchPlaylists(server);
    const short = { ...stream, hls: { segmentSeconds: 0.5, windowSegments: 3 } };
    await startNode({ storage: { type: 's3', s3: s3 as never }, streams: [short] });
    const deleted = new Set<string>();
    server.observe(({ key }) => {
      // What the node asks of a store it does not know yet is written and removed beside the streams.
      if (!server.objects('live').has(key) && !key.includes('sidepipe-probe')) deleted.add(key);
    });
    const segment = /^site\/cam\/source\/[0-9a-f]{8}-\d+\.ts$/;
    const outlived = /^site\/cam\/thumbnail-[\w-]{27}\.jpg$/;
    const segments = () => [...deleted].filter((key) => segment.test(key));
    await vi.waitFor(() => expect(segments().length).toBeGreaterThanOrEqual(6), { timeout: 60_000, interval: 100 });
    expect(playlists.problems).toEqual([]);
    expect([...deleted].filter((key) => !segment.test(key) && !outlived.test(key))).toEqual([]);
  });
});

describe('a directory', () => {
  it('holds the same tree', async () => {
    const folder = await temporaryFolder();
    await mkdir(folder, { recursive: true });
    const storage = { type: 'directory', directory: { path: folder } } as const;
    const node = await startNode({ storage, streams: [stream] }, { endStreams: true });
    await vi.waitFor(
      async () => expect(await readFile(join(folder, 'cam/source/index.m3u8'), 'utf8')).toContain('EXTINF'),
      { timeout: 60_000, interval: 100 },
    );
    await vi.waitFor(
      async () =>
        expect(await readdir(join(folder, 'cam'))).toEqual(expect.arrayContaining(['index.m3u8', 'thumbnail.jpg'])),
      { timeout: 60_000, interval: 100 },
    );
    await node.node.close();
    const checker = createPlaylistChecker();
    const { entries, ended } = checker.check(await readFile(join(folder, 'cam/source/index.m3u8'), 'utf8'));
    expect(ended).toBe(true);
    const files = await readdir(join(folder, 'cam/source'));
    expect(files).toEqual(expect.arrayContaining(entries.map(({ uri }) => uri)));
  });
});
