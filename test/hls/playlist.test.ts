import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMediaPlaylist } from '../../src/hls/parse.js';
import {
  type MediaPlaylist,
  renderMediaPlaylist,
  renderMultivariantPlaylist,
  type SegmentEntry,
} from '../../src/hls/playlist.js';
import { checkMultivariant, createPlaylistChecker } from '../support/playlist-check.js';

const date = Date.UTC(2026, 4, 1, 12);

function entry(number: number, more: Partial<SegmentEntry> = {}): SegmentEntry {
  return {
    uri: `${number}.ts`,
    durationSeconds: 2,
    programDateTime: date + number * 2000,
    discontinuity: false,
    ...more,
  };
}

function playlist(entries: SegmentEntry[], more: Partial<MediaPlaylist> = {}): MediaPlaylist {
  return { targetDurationSeconds: 2, mediaSequence: 7, discontinuitySequence: 3, ended: false, entries, ...more };
}

describe('renderMediaPlaylist', () => {
  it('writes the date once while dates follow', () => {
    expect(renderMediaPlaylist(playlist([entry(0), entry(1)]))).toBe(
      [
        '#EXTM3U',
        '#EXT-X-VERSION:3',
        '#EXT-X-INDEPENDENT-SEGMENTS',
        '#EXT-X-TARGETDURATION:2',
        '#EXT-X-MEDIA-SEQUENCE:7',
        '#EXT-X-DISCONTINUITY-SEQUENCE:3',
        '#EXT-X-PROGRAM-DATE-TIME:2026-05-01T12:00:00.000Z',
        '#EXTINF:2.000000,',
        '0.ts',
        '#EXTINF:2.000000,',
        '1.ts',
        '',
      ].join('\n'),
    );
  });

  it('states a date again after a discontinuity and when small errors add up to more than 5 ms', () => {
    const drifting = Array.from({ length: 4 }, (_, number) => entry(number, { programDateTime: date + number * 2003 }));
    const lines = renderMediaPlaylist(playlist(drifting)).split('\n');
    expect(lines.filter((line) => line.startsWith('#EXT-X-PROGRAM')).map((line) => line.slice(-13))).toEqual([
      '12:00:00.000Z',
      '12:00:04.006Z',
    ]);
    const cut = renderMediaPlaylist(playlist([entry(0), entry(1, { discontinuity: true })]));
    expect(cut).toContain('#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2026-05-01T12:00:02.000Z\n');
  });

  it('repeats EXT-X-MAP only when it changes, and chooses the version by content', () => {
    const text = renderMediaPlaylist(
      playlist([
        entry(0, { initUri: 'a.mp4' }),
        entry(1, { initUri: 'a.mp4' }),
        entry(2, { initUri: 'b.mp4', discontinuity: true }),
      ]),
    );
    expect(text.match(/#EXT-X-MAP:URI="."?.*/g)).toEqual(['#EXT-X-MAP:URI="a.mp4"', '#EXT-X-MAP:URI="b.mp4"']);
    expect(text).toContain('#EXT-X-VERSION:6\n');
    expect(renderMediaPlaylist(playlist([entry(0, { gap: true })]))).toContain('#EXT-X-VERSION:8\n');
  });

  it('refuses what no playlist can say', () => {
    const entries = [entry(0, { initUri: 'a.mp4' }), entry(1, { discontinuity: true })];
    expect(() => renderMediaPlaylist(playlist(entries))).toThrow(/without an initialization segment/);
  });

  it('is read back as it was, whatever it holds, and satisfies the strict check', () => {
    fc.assert(
      fc.property(arbitraryPlaylist(), (original) => {
        const text = renderMediaPlaylist(original);
        createPlaylistChecker().check(text);
        const parsed = parseMediaPlaylist(text);
        expect(parsed).toMatchObject({
          targetDurationSeconds: original.targetDurationSeconds,
          mediaSequence: original.mediaSequence,
          discontinuitySequence: original.discontinuitySequence,
          ended: original.ended,
        });
        expect(parsed?.playlistType).toBe(original.playlistType);
        expect(parsed?.entries).toHaveLength(original.entries.length);
        original.entries.forEach((entry, index) => {
          const { programDateTime = Number.NaN, sequence, durationSeconds, ...rest } = parsed!.entries[index]!;
          expect(Math.abs(programDateTime - entry.programDateTime)).toBeLessThanOrEqual(51);
          expect(durationSeconds).toBeCloseTo(entry.durationSeconds, 5);
          expect(sequence).toBe(original.mediaSequence + index);
          const { programDateTime: _date, durationSeconds: _seconds, gap = false, ...expected } = entry;
          expect(rest).toEqual({ ...expected, gap });
        });
      }),
    );
  });
});

describe('renderMultivariantPlaylist', () => {
  it('gives every attribute that is known', () => {
    const text = renderMultivariantPlaylist([
      {
        uri: 'source/index.m3u8',
        bandwidth: 1234.2,
        averageBandwidth: 1000,
        codecs: 'avc1.42c01e,mp4a.40.2',
        width: 640,
        height: 360,
        frameRate: 29.97002997,
      },
      { uri: 'other/index.m3u8', bandwidth: 5 },
    ]);
    expect(text).toContain(
      '#EXT-X-STREAM-INF:BANDWIDTH=1235,AVERAGE-BANDWIDTH=1000,CODECS="avc1.42c01e,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=29.970\nsource/index.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=5\nother/index.m3u8\n',
    );
    expect(checkMultivariant(text)).toHaveLength(2);
  });
});

function arbitraryPlaylist(): fc.Arbitrary<MediaPlaylist> {
  const segment = fc.record({
    milliseconds: fc.integer({ min: 1, max: 20_000 }),
    jumpMs: fc.oneof(fc.constant(0), fc.integer({ min: -40, max: 100_000 })),
    discontinuity: fc.boolean(),
    newInit: fc.boolean(),
    gap: fc.boolean(),
  });
  return fc
    .record({
      segments: fc.array(segment, { maxLength: 12 }),
      fmp4: fc.boolean(),
      mediaSequence: fc.nat(),
      discontinuitySequence: fc.nat(),
      ended: fc.boolean(),
      type: fc.constantFrom('EVENT' as const, 'VOD' as const, undefined),
    })
    .map(({ segments, fmp4, type, ...rest }) => {
      let next = date;
      let init = 0;
      const entries = segments.map((segment, index): SegmentEntry => {
        const programDateTime = next + segment.jumpMs;
        next = programDateTime + segment.milliseconds;
        init += segment.newInit ? 1 : 0;
        return {
          uri: `${index}.${fmp4 ? 'm4s' : 'ts'}`,
          durationSeconds: segment.milliseconds / 1000,
          programDateTime,
          discontinuity: segment.discontinuity,
          ...(fmp4 ? { initUri: `init-${init}.mp4` } : {}),
          ...(segment.gap ? { gap: true } : {}),
        };
      });
      return { ...rest, targetDurationSeconds: 20, entries, ...(type === undefined ? {} : { playlistType: type }) };
    });
}
