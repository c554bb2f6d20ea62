import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMediaPlaylist } from '../../src/hls/parse.js';

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
