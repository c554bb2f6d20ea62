import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeClip, runFfmpeg, temporaryFolder } from '../support/clip.js';
import { type Route, startHttpSource } from '../support/http-source.js';
import { jumpingFlv } from '../support/jumping-flv.js';
import { startNode, type TestNode } from '../support/node.js';
import { type CheckedPlaylist, createPlaylistChecker } from '../support/playlist-check.js';
import { until } from '../support/wait.js';

const CLIP_SECONDS = 60;
/** When the encoder's clock jumps: later than a busy machine takes to a first segment. */
const JUMP_SECONDS = 15;
/** How far dates may be behind what durations say: they go back in steps. */
const DRIFT_MS = 500;
const encoded = { name: 'low', height: 120, bitrate: 200_000, preset: 'ultrafast' } as const;

let folder: string;
let clip: Buffer;
beforeAll(async () => {
  folder = await temporaryFolder();
  const path = join(folder, 'clip.flv');
  const keyframes = Array.from({ length: CLIP_SECONDS }, (_, second) => second);
  await makeClip({ path, seconds: CLIP_SECONDS, size: '320x180', keyframes, bFrames: 2 });
  clip = await readFile(path);
});

/** A stream with segments of two seconds, watched all the time: what it listed, by number, and what was said of it. */
class Watched {
  readonly entries = new Map<number, CheckedPlaylist['entries'][number]>();
  readonly targets = new Set<number>();
  readonly states = new Set<string>();
  readonly node: TestNode;
  readonly #rendition: string;
  readonly #checker = createPlaylistChecker();

  private constructor(node: TestNode, rendition: string) {
    this.node = node;
    this.#rendition = rendition;
  }

  static async start(
    source: string,
    more: { readonly renditions?: readonly (typeof encoded)[]; readonly hls?: object },
  ) {
    const { renditions, hls } = more;
    const node = await startNode({
      streams: [
        {
          ...{ name: 'cam', source, thumbnail: { intervalSeconds: 1, width: 160 } },
          hls: { segmentSeconds: 2, windowSegments: 8, ...hls },
          ...(renditions === undefined ? {} : { renditions: [...renditions] }),
        },
      ],
    });
    return new Watched(node, renditions?.[0]?.name ?? 'source');
  }

  async look(): Promise<void> {
    const response = await this.node.api('GET', 'streams/cam');
    if (response.ok) this.states.add(((await response.json()) as { state: string }).state);
    const { status, body } = await this.node.text(`/live/cam/${this.#rendition}/index.m3u8`);
    if (status !== 200) return;
    const { entries, targetDurationSeconds } = this.#checker.check(body);
    this.targets.add(targetDurationSeconds);
    for (const entry of entries) this.entries.set(entry.sequence, entry);
  }

  async until(words: string, isEnough: () => boolean | Promise<boolean>): Promise<void> {
    const look = async () => {
      await this.look();
      return isEnough();
    };
    await until(words, look, { timeoutMs: 120_000, intervalMs: 250 });
  }

  get list() {
    return [...this.entries.values()].sort((one, other) => one.sequence - other.sequence);
  }

  get discontinuities(): number {
    return this.list.filter(({ discontinuity }) => discontinuity).length;
  }

  /** Media time is time: no segment begins before the one before it ends, and none is longer than was announced at first. */
  expectRealTime(): void {
    expect([...this.targets]).toHaveLength(1);
    expect([...this.states].filter((state) => state !== 'starting')).toEqual(['live']);
    const { list } = this;
    for (const [index, { dateMs, discontinuity, durationSeconds }] of list.entries()) {
      expect(Math.round(durationSeconds)).toBeLessThanOrEqual([...this.targets][0]!);
      const before = list[index - 1];
      if (before === undefined || discontinuity) continue;
      expect(dateMs - before.dateMs - before.durationSeconds * 1000).toBeGreaterThan(-DRIFT_MS);
      // Nothing is squeezed into ticks.
      if (list[index + 1]?.discontinuity === false) expect(durationSeconds).toBeGreaterThan(0.9);
    }
  }
}

const hour = 3600;

const jumps = {
  // fMP4 of few frames a second leaves such a jump out altogether.
  'six seconds forward': { bySeconds: 6, least: 0 },
  'six seconds back': { startSeconds: 100, bySeconds: -6, least: 1 },
  'an hour forward': { bySeconds: hour, least: 1 },
  'an hour back': { startSeconds: 2 * hour, bySeconds: -hour, least: 1 },
} as const;
const all = ['six seconds forward', 'six seconds back', 'an hour forward', 'an hour back'] as const;
const forward = ['six seconds forward', 'an hour forward'] as const;

describe.each([
  ['copied to MPEG-TS', all, { hls: { container: 'mpegts' } }],
  ['copied to fMP4', forward, { hls: { container: 'fmp4' } }],
  ['encoded', all, { renditions: [encoded] }],
] as const)('an FLV source that is %s', (_, names, more) => {
  it.each(names)('is played on when its clock jumps %s', async (name) => {
    const { least: leastDiscontinuities, ...jump } = jumps[name];
    const encoder = jumpingFlv(clip, { ...jump, afterSeconds: JUMP_SECONDS });
    const source = await startHttpSource({ routes: { '/live.flv': encoder.route } });
    const watched = await Watched.start(`${source.url}/live.flv`, more);
    await watched.until('a segment', () => watched.entries.size > 0);
    expect(encoder.seconds).toBeLessThan(JUMP_SECONDS);
    await watched.until('the jump', () => encoder.seconds > JUMP_SECONDS + 2);
    const before = watched.entries.size;
    await watched.until('four segments more', () => watched.entries.size >= before + 4);
    await watched.until('a fresh thumbnail', async () => {
      const { thumbnail } = await watched.node.stream('cam');
      return thumbnail.state === 'fresh';
    });
    watched.expectRealTime();
    expect(watched.discontinuities).toBeGreaterThanOrEqual(leastDiscontinuities);
    expect(watched.discontinuities).toBeLessThanOrEqual(1);
    expect((await watched.node.stream('cam')).ffmpeg.restarts).toBe(0);
  });
});

/** A live playlist of the same segments again and again, with a discontinuity where their timestamps begin again. */
function loopedHls(segments: readonly Buffer[], segmentSeconds: number): Record<string, Route> {
  let startedAt: number | undefined;
  const playlist: Route = (_request, response) => {
    startedAt ??= Date.now() - 6000 * segmentSeconds;
    const count = Math.floor((Date.now() - startedAt) / 1000 / segmentSeconds);
    const first = Math.max(0, count - 5);
    const numbers = Array.from({ length: count - first }, (_, index) => first + index);
    const lines = numbers.flatMap((number) => [
      ...(number > 0 && number % segments.length === 0 ? ['#EXT-X-DISCONTINUITY'] : []),
      ...[`#EXTINF:${segmentSeconds},`, `${number % segments.length}.ts?n=${number}`],
    ]);
    const head = [
      '#EXTM3U',
      '#EXT-X-VERSION:3',
      `#EXT-X-TARGETDURATION:${segmentSeconds}`,
      `#EXT-X-MEDIA-SEQUENCE:${first}`,
    ];
    response
      .writeHead(200, { 'content-type': 'application/vnd.apple.mpegurl' })
      .end([...head, ...lines, ''].join('\n'));
  };
  const files = segments.map((bytes, index): [string, Route] => [
    `/${index}.ts`,
    (_request, response) => void response.writeHead(200, { 'content-type': 'video/mp2t' }).end(bytes),
  ]);
  return { '/live.m3u8': playlist, ...Object.fromEntries(files) };
}

it('an HLS source is played on through its discontinuities', async () => {
  const container = 'mpegts';
  const parts = join(folder, `parts-${container}`);
  await mkdir(parts);
  const segments = [
    '-f',
    'hls',
    '-hls_time',
    '2',
    '-hls_list_size',
    '0',
    '-hls_segment_filename',
    join(parts, '%02d.ts'),
  ];
  await runFfmpeg([
    '-i',
    join(folder, 'clip.flv'),
    '-t',
    '23.9',
    '-c',
    'copy',
    ...segments,
    join(folder, 'parts.m3u8'),
  ]);
  // Whole ones.
  const names = (await readdir(parts)).sort().slice(0, 11);
  const bytes = await Promise.all(names.map((name) => readFile(join(parts, name))));
  const source = await startHttpSource({ routes: loopedHls(bytes, 2) });
  const watched = await Watched.start(`${source.url}/live.m3u8`, { hls: { container } });
  // Two jumps, or three: it depends on where the stream began.
  await watched.until('28 segments', () => watched.entries.size >= 28);
  watched.expectRealTime();
  // ffmpeg from 4.3 on takes them out by itself.
  expect(watched.discontinuities).toBeLessThanOrEqual(3);
  const { ffmpeg, thumbnail } = await watched.node.stream('cam');
  expect([ffmpeg.restarts, thumbnail.state]).toEqual([0, 'fresh']);
});
