import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMediaPlaylist } from '../../src/hls/parse.js';
import { renderMediaPlaylist } from '../../src/hls/playlist.js';

/** As ffmpeg 4.1 writes it: the date after EXTINF, a zone without colon, EXT-X-MAP before the first segment. */
const byFfmpeg = `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:10
#EXT-X-MAP:URI="init.mp4"
#EXT-X-DISCONTINUITY
#EXTINF:2.000000,
#EXT-X-PROGRAM-DATE-TIME:2026-05-01T12:00:00.250+0200
10.m4s
#EXTINF:1.040000,
11.m4s
#EXT-X-ENDLIST
`;

describe('parseMediaPlaylist', () => {
  it('reads what ffmpeg writes', () => {
    expect(parseMediaPlaylist(byFfmpeg)).toEqual({
      version: 7,
      targetDurationSeconds: 2,
      mediaSequence: 10,
      discontinuitySequence: 0,
      ended: true,
      isIndependent: false,
      segments: 2,
      hasBadNumber: false,
      entries: [
        {
          sequence: 10,
          uri: '10.m4s',
          durationSeconds: 2,
          discontinuity: true,
          gap: false,
          initUri: 'init.mp4',
          programDateTime: Date.UTC(2026, 4, 1, 10, 0, 0, 250),
        },
        {
          sequence: 11,
          uri: '11.m4s',
          durationSeconds: 1.04,
          discontinuity: false,
          gap: false,
          initUri: 'init.mp4',
          programDateTime: Date.UTC(2026, 4, 1, 10, 0, 2, 250),
        },
      ],
    });
  });

  it('passes over what it does not know, and keeps counting', () => {
    const text =
      '#EXTM3U\r\n#EXT-X-NEW:1\r\n# words\r\n\r\n#EXTINF:x,\r\na.ts\r\nb.ts\r\n#EXTINF:3,title\r\nc.ts\r\n#EXT-X-MEDIA-SEQUENCE:5\r\n#EXTINF:1,';
    expect(parseMediaPlaylist(text)?.entries).toEqual([
      { sequence: 7, uri: 'c.ts', durationSeconds: 3, discontinuity: false, gap: false },
    ]);
  });

  it('knows what is no playlist', () => {
    expect(parseMediaPlaylist('')).toBeUndefined();
    expect(parseMediaPlaylist('<html>')).toBeUndefined();
  });

  it('gives nothing that no playlist can say: it is rendered again, whatever was in it', () => {
    const number = fc.oneof(
      fc.constantFrom(
        '999999999999999',
        '1e308',
        '-1',
        '86400',
        '86400.1',
        '0',
        '9007199254740991',
        '4503599627370496',
        'NaN',
      ),
      fc.double().map(String),
      fc.bigInt().map(String),
    );
    const date = fc.oneof(
      fc.constantFrom(
        '+275760-09-13T00:00:00.000Z',
        '9999-12-31T23:59:59.999Z',
        '-271821-04-20T00:00:00.000Z',
        '0000-01-01',
      ),
      fc.date({ noInvalidDate: true }).map((each) => each.toISOString()),
    );
    const line = fc.oneof(
      number.map((each) => `#EXTINF:${each},\na.ts`),
      number.map((each) => `#EXT-X-MEDIA-SEQUENCE:${each}`),
      number.map((each) => `#EXT-X-TARGETDURATION:${each}`),
      date.map((each) => `#EXT-X-PROGRAM-DATE-TIME:${each}`),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
        const parsed = parseMediaPlaylist(['#EXTM3U', ...lines].join('\n'))!;
        const entries = parsed.entries.map(({ initUri: _init, programDateTime = 0, ...entry }) => ({
          ...entry,
          programDateTime,
        }));
        expect(renderMediaPlaylist({ ...parsed, entries })).toContain('#EXTM3U');
        for (const { durationSeconds, sequence } of parsed.entries) {
          expect(durationSeconds).toBeLessThanOrEqual(86_400);
          expect(Number.isSafeInteger(sequence)).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('never throws, and every number that it gives is one', () => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom(...byFfmpeg.split('\n')),
      fc
        .tuple(
          fc.constantFrom('#EXTINF:', '#EXT-X-MEDIA-SEQUENCE:', '#EXT-X-PROGRAM-DATE-TIME:', '#EXT-X-MAP:'),
          fc.oneof(fc.string(), fc.double().map(String), fc.integer().map(String)),
        )
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const parsed = parseMediaPlaylist(['#EXTM3U', ...lines].join('\n'))!;
        for (const entry of parsed.entries) {
          expect(Number.isFinite(entry.durationSeconds) && entry.durationSeconds >= 0).toBe(true);
          expect(Number.isSafeInteger(entry.sequence)).toBe(true);
          expect(entry.uri).not.toBe('');
          expect(entry.programDateTime ?? 0).not.toBeNaN();
        }
      }),
    );
  });
});
