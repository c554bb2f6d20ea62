import { parse, type types } from 'hls-parser';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { SourceClock } from '../../src/frames/clock.js';
import { CutTiming } from '../../src/hls/cut/cut-timing.js';
import type { CutPart } from '../../src/hls/cut/cutter.js';
import { Segmenter } from '../../src/hls/segmenter.js';
import type { Container } from '../../src/hls/window.js';
import { HlsOutput } from '../../src/stream/hls/hls-output.js';
import { createPlaylistChecker } from '../support/playlist-check.js';

/** One hour of playlists in virtual time, in six parts, of which every state is read by two parsers. */

const START = Date.UTC(2027, 2, 3);
const MINUTES = 10;
const RENDITIONS = ['source', '180p'];

/**
 * Where the other parser is stricter than the RFC, and the window's own tests check: it counts three segments where the RFC counts three
 * target durations, and behind a restart there are shorter ones.
 */
const TOO_STRICT = /Remove EXT-X-PART tags/;
const MERGE_EVERY = 8;

interface Source {
  readonly fps: number;
  readonly keyframeSeconds: number;
  readonly container: Container;
  /** How far timestamps are off, in parts of a frame. */
  readonly jitter: number;
  /** Minutes at which ffmpeg starts again. */
  readonly restarts: readonly number[];
}

/** The same each time. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

/** The parts of one run of ffmpeg, as the cutters make them of these frames. */
function* partsOf(source: Source, seconds: number, random: () => number): Generator<CutPart> {
  const { fps, keyframeSeconds, jitter, container } = source;
  const timing = new CutTiming({ partSeconds: 0.2, segmentSeconds: 2, maxSegmentSeconds: 60 });
  const init = container === 'fmp4' ? Uint8Array.of(1, 2, 3) : undefined;
  const frameSeconds = 1 / fps;
  const everyFrames = Math.round(keyframeSeconds * fps);
  const timeOf = Array.from({ length: Math.floor(seconds * fps) + 1 }, (_, index) =>
    Math.max(0, index * frameSeconds + (random() - 0.5) * jitter * frameSeconds),
  );
  let open: { dts: number; startsSegment: boolean; isKey: boolean } | undefined;
  for (const [index, dts] of timeOf.slice(0, -1).entries()) {
    const isKey = index % everyFrames === 0;
    const cut = timing.next({ dtsSeconds: dts, durationSeconds: timeOf[index + 1]! - dts, isKey });
    if (cut === 'none') continue;
    if (open !== undefined) yield made(open, dts, cut === 'segment');
    open = { dts, startsSegment: cut === 'segment', isKey };
  }
  if (open !== undefined) yield made(open, timeOf.at(-1)!, true);

  function made(part: NonNullable<typeof open>, end: number, endsSegment: boolean): CutPart {
    const durationSeconds = end - part.dts;
    return {
      bytes: new Uint8Array(188),
      durationSeconds,
      startSeconds: part.dts,
      partTargetSeconds: timing.partTargetSeconds ?? durationSeconds,
      frames: everyFrames,
      units: [],
      keyframeSeconds: part.isKey ? [part.dts] : [],
      isIndependent: part.isKey,
      startsSegment: part.startsSegment,
      endsSegment,
      isDiscontinuity: false,
      hasAudio: true,
      init,
    };
  }
}

/** Checks all states of one rendition's playlist. */
function createWatch(output: HlsOutput, rendition: string) {
  const checker = createPlaylistChecker();
  let hint: string | undefined;
  let newest = '';
  let etag = '';
  let states = 0;
  return {
    get states() {
      return states;
    },
    /** After a part, or what else may have changed the playlist. */
    look(isPart: boolean): void {
      const playlist = output.playlist(rendition)!;
      if (playlist.etag === etag) return;
      etag = playlist.etag;
      states += 1;
      checker.check(playlist.body);
      const parsed = parse(playlist.body) as types.MediaPlaylist;
      const parts = parsed.segments.flatMap((segment) => segment.parts);
      const listed = parts.filter((part) => !part.hint);
      // All parts but a segment's last: 85 % at least of a target that none exceeds.
      const target = parsed.partTargetDuration!;
      for (const segment of parsed.segments) {
        const own = segment.parts.filter((part) => !part.hint).map(({ duration }) => duration ?? 0);
        expect(Math.max(0, ...own)).toBeLessThanOrEqual(target + 1e-6);
        const isOpen = segment === parsed.segments.at(-1);
        expect(Math.min(target, ...(isOpen ? own : own.slice(0, -1)))).toBeGreaterThan(0.85 * target - 1e-6);
      }
      expect(parsed.lowLatencyCompatibility!.partHoldBack).toBeGreaterThanOrEqual(3 * target - 1e-6);
      const last = listed.at(-1)!.uri;
      if (isPart && last !== newest) {
        expect(hint ?? last).toBe(last);
        newest = last;
      }
      hint = parts.find((part) => part.hint)?.uri;
      expect(hint).toBeDefined();
      expect(output.lowLatency(rendition)!.isNextPart(hint!)).toBe(true);
      const isIndependent = parsed.segments.every((segment) =>
        segment.parts.every((part, at) => at > 0 || part.hint || part.independent),
      );
      expect(parsed.independentSegments).toBe(isIndependent);
      expect(parsed.renditionReports).toHaveLength(1);
      if (!isPart || states % MERGE_EVERY === 0) merge(playlist.body, output.lowLatency(rendition)!.delta()!.body);
    },
  };
}

/** What a player knows of a segment. */
const known = ({ uri, duration, discontinuity, programDateTime, map, parts }: types.Segment) => ({
  uri,
  duration,
  discontinuity,
  date: programDateTime?.getTime(),
  map: map?.uri,
  parts: parts.map((part) => [part.uri, part.duration, part.independent, part.hint]),
});

/** A delta update with what a player has from before is the whole playlist. */
function merge(whole: string, delta: string): void {
  const skipped = Number(/^#EXT-X-SKIP:SKIPPED-SEGMENTS=(\d+)$/m.exec(delta)?.[1] ?? 0);
  const before = (parse(whole) as types.MediaPlaylist).segments.map(known);
  // The parser knows no EXT-X-SKIP; the numbers are those of the whole playlist.
  const after = (parse(delta.replace(/^#EXT-X-SKIP:.*\n/m, '')) as types.MediaPlaylist).segments.map(known);
  expect([...before.slice(0, skipped), ...after]).toEqual(before);
  const facts = (text: string) =>
    text.match(
      /^#EXT-X-(?:TARGETDURATION|PART-INF|MEDIA-SEQUENCE|DISCONTINUITY-SEQUENCE|SERVER-CONTROL|PRELOAD-HINT|RENDITION-REPORT).*$/gm,
    );
  expect(facts(delta)).toEqual(facts(whole));
}

describe('an hour of playlists', () => {
  const complaints = vi.spyOn(console, 'error').mockImplementation(() => {});
  afterEach(() => complaints.mockClear());

  it.each<Source>([
    { fps: 25, keyframeSeconds: 2, container: 'fmp4', jitter: 0.1, restarts: [2, 2.05, 7] },
    { fps: 25, keyframeSeconds: 10, container: 'mpegts', jitter: 0, restarts: [3.1] },
    { fps: 30_000 / 1001, keyframeSeconds: 2, container: 'mpegts', jitter: 0.1, restarts: [1, 4] },
    { fps: 30_000 / 1001, keyframeSeconds: 1, container: 'fmp4', jitter: 0.05, restarts: [5.55] },
    { fps: 12.5, keyframeSeconds: 2, container: 'fmp4', jitter: 0.02, restarts: [6] },
    { fps: 12.5, keyframeSeconds: 10, container: 'mpegts', jitter: 0.02, restarts: [2, 8] },
  ])('at $fps frames a second, a keyframe every $keyframeSeconds s, as $container', (source) => {
    const random = randomFrom(7);
    let now = START;
    let ids = 0;
    const config = parseConfig({
      streams: [
        {
          name: 'door',
          source: 'test',
          video: 'copy',
          renditions: [{ name: '180p', height: 180 }],
        },
      ],
    }).streams[0]!;
    const output = new HlsOutput({
      config,
      randomId: () => (ids++).toString(16).padStart(8, '0'),
      now: () => now,
      dateOf: (at) => at,
      onListed: () => {},
      onDescribed: () => {},
      // The parts are no media.
      log: { warn: () => {} },
    });
    const watches = RENDITIONS.map((rendition) => createWatch(output, rendition));
    const borders = [0, ...source.restarts, MINUTES].map((minutes) => minutes * 60);
    for (const [run, from] of borders.slice(0, -1).entries()) {
      output.begin(source.container);
      now = START + from * 1000;
      const clock = new SourceClock();
      clock.observe(0, now);
      if (run > 0) for (const watch of watches) watch.look(false);
      const runs = RENDITIONS.map(() => new Segmenter({ maxSegmentBytes: 1e9 }));
      for (const part of partsOf(source, borders[run + 1]! - from, random)) {
        now = START + (from + part.startSeconds + part.durationSeconds) * 1000;
        for (const [index, rendition] of RENDITIONS.entries()) {
          output.add(rendition, runs[index]!.add(part, now), clock);
          // A rendition that has nothing yet reports nothing; one that begins a segment lets the other begin it, too.
          if (output.playlist(RENDITIONS.at(-1)!) !== undefined) for (const watch of watches) watch.look(true);
        }
      }
      output.closeSegments();
      for (const watch of watches) watch.look(false);
    }
    const others = complaints.mock.calls.flat().filter((words) => !TOO_STRICT.test(String(words)));
    expect(others).toEqual([]);
    for (const { states } of watches) expect(states).toBeGreaterThan(MINUTES * 60 * 4);
  });
});
