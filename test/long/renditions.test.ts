import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { ConfigInput } from '../../src/config/schema/schema.js';
import { inspectMedia } from '../../src/hls/inspect.js';
import { makeClip, temporaryFolder } from '../support/clip.js';
import { startNode, type TestNode } from '../support/node.js';
import { type CheckedPlaylist, createPlaylistChecker } from '../support/playlist-check.js';

type StreamInput = NonNullable<ConfigInput['streams']>[number];

let clips: { odd: string; plain: string };
beforeAll(async () => {
  const folder = await temporaryFolder();
  // Keyframes at no even distance, and pictures that are reordered.
  const keyframes = [0, 0.7, 1.6, 3.1, 3.9, 5.2, 6.3, 7.9, 9];
  const [odd, plain] = await Promise.all([
    makeClip({ path: join(folder, 'odd.mp4'), seconds: 10, keyframes, bFrames: 2 }),
    makeClip({
      path: join(folder, 'plain.mp4'),
      seconds: 10,
      fps: 25,
      size: '320x180',
      keyframes: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    }),
  ]);
  clips = { odd, plain };
});

function start(stream: Omit<StreamInput, 'name'>): Promise<TestNode> {
  return startNode({ streams: [{ thumbnail: { intervalSeconds: 1, width: 160 }, ...stream, name: 'cam' }] });
}

/** The variants of the multivariant playlist: attributes by the rendition's name. */
async function variantsOf(node: TestNode): Promise<Map<string, string>> {
  const { body } = await node.text('/live/cam/index.m3u8');
  return new Map([...body.matchAll(/#EXT-X-STREAM-INF:(.*)\n(.*)\/index\.m3u8/g)].map((each) => [each[2]!, each[1]!]));
}

/** Reads the playlists of all renditions, each strictly checked against the one before. */
function createWatch(node: TestNode, names: readonly string[]) {
  const checkers = new Map(names.map((name) => [name, createPlaylistChecker()]));
  return async (): Promise<CheckedPlaylist[]> => {
    const texts = await Promise.all(names.map((name) => node.text(`/live/cam/${name}/index.m3u8`)));
    for (const { status } of texts) expect(status).toBe(200);
    return texts.map(({ body }, index) => checkers.get(names[index]!)!.check(body));
  };
}

/** When the first picture of a segment is shown, in seconds. */
async function startOf(node: TestNode, rendition: string, uri: string): Promise<number> {
  const { body } = await node.bytes(`/live/cam/${rendition}/${uri}`);
  return (await inspectMedia({ container: 'mpegts', segment: body })).startSeconds;
}

/** Holds the segments of all renditions that both list against one another, by their numbers. */
async function expectAligned(
  node: TestNode,
  names: readonly string[],
  lists: readonly CheckedPlaylist[],
  frameSeconds: number,
) {
  const [first, ...others] = lists;
  let compared = 0;
  for (const entry of first!.entries) {
    for (const [index, other] of others.entries()) {
      const same = other.entries.find(({ sequence }) => sequence === entry.sequence);
      if (same === undefined) continue;
      compared += 1;
      expect(same.uri).toBe(entry.uri);
      expect(same.discontinuityNumber).toBe(entry.discontinuityNumber);
      expect(same.discontinuity).toBe(entry.discontinuity);
      // What is there of a run's last segment when ffmpeg is killed differs.
      const isLast = [first!, other].some(({ entries }) => {
        const next = entries.find(({ sequence }) => sequence === entry.sequence + 1);
        return next === undefined || next.discontinuity;
      });
      if (!isLast)
        expect(Math.abs(same.durationSeconds - entry.durationSeconds)).toBeLessThanOrEqual(frameSeconds + 1e-6);
      const [at, otherAt] = await Promise.all([
        startOf(node, names[0]!, entry.uri),
        startOf(node, names[index + 1]!, same.uri),
      ]);
      expect(Math.abs(at - otherAt)).toBeLessThanOrEqual(frameSeconds + 1e-6);
    }
  }
  return compared;
}

const small = { bitrate: 200_000, preset: 'ultrafast' } as const;

describe('several renditions of one source', () => {
  it('are cut at the same pictures, and go on in step when ffmpeg is killed', async () => {
    const names = ['high', 'low'];
    const node = await start({
      source: 'test',
      hls: { segmentSeconds: 1, windowSegments: 5 },
      renditions: [
        { name: 'high', height: 180, ...small, bitrate: 400_000 },
        { name: 'low', height: 90, fps: 12.5, ...small },
      ],
    });
    const watch = createWatch(node, names);
    const lists = () => vi.waitFor(watch, { timeout: 60_000, interval: 100 });
    const enough = async (count: number, discontinuities: number) =>
      vi.waitFor(
        async () => {
          const [high, low] = await watch();
          for (const list of [high!, low!]) {
            expect(
              list.entries.filter(({ discontinuityNumber }) => discontinuityNumber === base + discontinuities).length,
            ).toBeGreaterThanOrEqual(count);
          }
          return [high!, low!];
        },
        { timeout: 60_000, interval: 100 },
      );
    const base = (await lists())[0]!.entries[0]!.discontinuityNumber;
    expect(await expectAligned(node, names, await enough(3, 0), 0.08)).toBeGreaterThanOrEqual(3);

    const variants = await vi.waitFor(
      async () => {
        const found = await variantsOf(node);
        expect([...found.keys()]).toEqual(names);
        return found;
      },
      { timeout: 60_000, interval: 100 },
    );
    expect(variants.get('high')).toMatch(
      /BANDWIDTH=\d+,AVERAGE-BANDWIDTH=\d+,CODECS="avc1\.\w+,mp4a\.40\.2",RESOLUTION=320x180,FRAME-RATE=25\.000/,
    );
    expect(variants.get('low')).toMatch(/RESOLUTION=160x90,FRAME-RATE=12\.500/);
    const rate = (name: string) => Number(/BANDWIDTH=(\d+)/.exec(variants.get(name)!)?.[1]);
    expect(rate('high')).toBeGreaterThan(rate('low'));

    for (let kill = 1; kill <= 2; kill += 1) {
      process.kill((await node.stream('cam')).ffmpeg.pid!, 'SIGKILL');
      expect(await expectAligned(node, names, await enough(1, kill), 0.08)).toBeGreaterThanOrEqual(1);
    }
    const { hls, ffmpeg } = await node.stream('cam');
    expect(ffmpeg.restarts).toBe(2);
    expect(hls.aligned).toBe(true);
    expect(hls.renditions).toMatchObject([
      { name: 'high', video: 'encode', encoder: 'libx264', encoderReason: 'as configured', resolution: '320x180' },
      { name: 'low', video: 'encode', encoder: 'libx264', resolution: '160x90', frameRate: 12.5 },
    ]);
    const { body: metrics } = await node.text('/metrics');
    for (const name of names) {
      expect(metrics).toMatch(new RegExp(`sidepipe_segments_total{stream="cam",rendition="${name}"} [1-9]`));
    }
    expect((await node.text('/live/cam/source/index.m3u8')).status).toBe(404);
    expect((await node.text('/readyz?streams=all')).status).toBe(200);
  });

  it("have the source's own video beside them, cut at its keyframes", async () => {
    const names = ['source', 'low'];
    const node = await start({
      source: clips.odd,
      video: 'copy',
      audio: 'copy',
      hls: { segmentSeconds: 1, windowSegments: 8 },
      renditions: [{ name: 'low', height: 120, ...small }],
    });
    const watch = createWatch(node, names);
    const lists = await vi.waitFor(
      async () => {
        const found = await watch();
        for (const { entries } of found) expect(entries.length).toBeGreaterThanOrEqual(5);
        return found;
      },
      { timeout: 60_000, interval: 100 },
    );
    // Reordered or not, to the millisecond: the encoded keyframe is the same picture.
    expect(await expectAligned(node, names, lists, 0.001)).toBeGreaterThanOrEqual(5);
    expect((await node.stream('cam')).hls).toMatchObject({
      aligned: true,
      renditions: [
        { name: 'source', video: 'copy', encoder: null, resolution: '640x360' },
        { name: 'low', video: 'encode', encoder: 'libx264' },
      ],
    });
  });

  it('are never larger than the source, where two may come out alike', async () => {
    const node = await start({
      source: clips.plain,
      audio: 'aac',
      hls: { segmentSeconds: 1 },
      renditions: [
        { name: '1080p', height: 1080, bitrate: 800_000, preset: 'ultrafast' },
        { name: '720p', height: 720, ...small },
        { name: '120p', height: 120, ...small },
      ],
    });
    await vi.waitFor(
      async () => {
        const { hls } = await node.stream('cam');
        expect(hls.renditions.map(({ resolution }) => resolution)).toEqual(['320x180', '320x180', '214x120']);
      },
      { timeout: 60_000, interval: 200 },
    );
  });
});
