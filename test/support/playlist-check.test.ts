import { describe, expect, it } from 'vitest';
import { checkMultivariant, createPlaylistChecker } from './playlist-check.js';

interface Parts {
  readonly sequence?: number;
  readonly discontinuities?: number;
  readonly target?: number;
  readonly segments?: readonly string[];
  readonly end?: string;
}

const first = '#EXT-X-PROGRAM-DATE-TIME:2026-05-01T12:00:00.000Z\n#EXTINF:4.0,\na.ts';
const second = '#EXTINF:4.0,\nb.ts';
const cut = '#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2026-05-01T12:01:00.000Z\n#EXTINF:4.0,\nc.ts';
const last = '#EXTINF:4.0,\nd.ts';
const dated = (time: string, uri: string) => `#EXT-X-PROGRAM-DATE-TIME:2026-05-01T${time}.000Z\n#EXTINF:4.0,\n${uri}`;

function text({
  sequence = 5,
  discontinuities = 1,
  target = 4,
  segments = [first, second, cut, last],
  end = '',
}: Parts = {}) {
  return `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:${target}\n#EXT-X-MEDIA-SEQUENCE:${sequence}\n#EXT-X-DISCONTINUITY-SEQUENCE:${discontinuities}\n${segments.join('\n')}\n${end}`;
}

describe('createPlaylistChecker', () => {
  it('accepts a window that slides', () => {
    const checker = createPlaylistChecker();
    expect(checker.check(text()).entries.map((entry) => entry.discontinuityNumber)).toEqual([1, 1, 2, 2]);
    const e = '#EXTINF:4.0,\ne.ts';
    checker.check(text({ sequence: 6, segments: [dated('12:00:04', 'b.ts'), cut, last, e] }));
    const withoutTag = [dated('12:01:04', 'd.ts'), e, '#EXTINF:4.0,\nf.ts'];
    checker.check(text({ sequence: 8, discontinuities: 2, segments: withoutTag }));
    checker.check(text({ sequence: 8, discontinuities: 2, segments: withoutTag, end: '#EXT-X-ENDLIST\n' }));
  });

  it.each<[string, Parts, RegExp]>([
    ['a sequence that goes back', { sequence: 4 }, /went back|was number/],
    [
      'another name at a number',
      { segments: [first.replace('a.ts', 'z.ts'), second, cut, last] },
      /segment 5 was a.ts/,
    ],
    ['a number that shifts', { sequence: 6 }, /was/],
    ['another duration', { segments: [first.replace('4.0', '3.5'), second, cut, last] }, /changed its duration/],
    ['a discontinuity number that is not kept', { discontinuities: 2 }, /discontinuity number/],
    ['a target duration that shrinks', { target: 3 }, /longer than the target|shrank/],
    ['segments gone from the end', { segments: [first, second, cut] }, /from the end/],
    ['another date', { segments: [dated('12:00:01', 'a.ts'), second, cut, last] }, /changed its date/],
    ['too short a remainder', { sequence: 7, segments: [cut, last] }, /shorter than three target durations/],
    ['a discontinuity forgotten', { sequence: 20, segments: [dated('12:09:00', 'x.ts')] }, /forgot some/],
  ])('refuses %s', (_what, parts, reason) => {
    const checker = createPlaylistChecker();
    checker.check(text());
    expect(() => checker.check(text(parts))).toThrow(reason);
  });

  it.each<[string, string, RegExp]>([
    ['no first line', text().slice(1), /first line/],
    ['CRLF', text().replaceAll('\n', '\r\n'), /first line|control/],
    ['a long segment', text({ target: 3 }), /longer than the target duration/],
    ['no date at the start', text({ segments: [second] }), /needs EXT-X-PROGRAM-DATE-TIME/],
    ['dates that overlap', text({ segments: [first, dated('12:00:03', 'b.ts')] }), /before its predecessor's end/],
    ['a segment twice', text({ segments: [first, first] }), /listed twice/],
    ['a low version', text().replace('VERSION:3', 'VERSION:2'), /version 2 is too low/],
    ['fMP4 without a map', text({ segments: [dated('12:00:00', 'a.m4s')] }), /no EXT-X-MAP/],
    ['something after the end', text({ segments: [first, '#EXT-X-ENDLIST', second] }), /after EXT-X-ENDLIST/],
    ['an unknown tag', text({ segments: ['#EXT-X-MASTER', first] }), /nobody knows/],
    ['a tag twice', text({ segments: ['#EXT-X-VERSION:3', first] }), /appears twice/],
    ['dangling tags', text({ end: '#EXTINF:4.0,\n' }), /without a segment/],
  ])('refuses %s', (_what, playlist, reason) => {
    expect(() => createPlaylistChecker().check(playlist)).toThrow(reason);
  });

  it('lets an ended playlist go on only when told so', () => {
    const ended = text({ end: '#EXT-X-ENDLIST\n' });
    const strict = createPlaylistChecker();
    strict.check(ended);
    expect(() => strict.check(text())).toThrow(/after EXT-X-ENDLIST/);
    const lenient = createPlaylistChecker({ mayReopen: true });
    lenient.check(ended);
    lenient.check(text());
  });
});

describe('checkMultivariant', () => {
  it.each([
    ['no bandwidth', '#EXT-X-STREAM-INF:RESOLUTION=1x1\na\n'],
    ['an average above the peak', '#EXT-X-STREAM-INF:BANDWIDTH=1,AVERAGE-BANDWIDTH=2\na\n'],
    ['no URI', '#EXT-X-STREAM-INF:BANDWIDTH=1\n'],
    ['a bad list', '#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=avc1 \na\n'],
    ['unquoted codecs', '#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=avc1\na\n'],
    ['nothing', ''],
  ])('refuses %s', (_what, lines) => {
    expect(() => checkMultivariant(`#EXTM3U\n${lines}`)).toThrow(/Not a correct playlist/);
  });
});
