import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRelayBody } from '../../../src/ingest/relay/body.js';
import { MAX_PLAYLIST_BYTES, relayPlaylist } from '../../../src/ingest/relay/playlist.js';
import { positions, urisElsewhere } from '../../support/elsewhere.js';

const target = { secure: true, host: 'camera', port: 443, path: '/live/index.m3u8?key=1' };
const uris = urisElsewhere({ port: 4321, listenPort: 4322, file: '/etc/passwd' });

/** Every URI that ffmpeg could find in a playlist: its lines without `#`, and whatever stands behind `URI=`. */
function urisOf(playlist: string): string[] {
  const lines = playlist.split(/[\r\n\0]/).map((line) => line.trim());
  const tags = lines.filter((line) => line.startsWith('#'));
  const given = tags.flatMap((tag) => [...tag.matchAll(/URI="?([^"]*)/g)].map(([, uri = '']) => uri));
  return [...lines.filter((line) => line !== '' && !line.startsWith('#')), ...given];
}

/** HTTP in ffmpeg's one spelling, a path from the root of the same server, or a name in which nothing can be a protocol. */
function isHarmless(uri: string): boolean {
  return /^http:\/\/[^/]/.test(uri) || /^\/(?!\/)/.test(uri) || !/[:\\|]|^\/\//.test(uri);
}

/** Nothing but URIs of tags has a colon behind its tag's name, apart from dates. */
function hasNothingElse(playlist: string): boolean {
  const tags = playlist.split('\n').filter((line) => line.startsWith('#'));
  const values = tags.map((tag) => tag.replace(/^#[A-Z0-9-]+:?/, '').replace(/URI="[^"]*"/g, ''));
  return values.every((value) => /^[\d:.TZ+-]*$/.test(value) || !/[:/\\|]/.test(value));
}

describe('relayPlaylist', () => {
  it('passes no URI that leads ffmpeg past the node, of 37, in any position, by any line end', () => {
    expect(new Set(uris).size).toBe(37);
    const wrappings: readonly ((text: string) => string)[] = [
      (text) => text,
      (text) => text.replaceAll('\n', '\r\n'),
      (text) => text.replaceAll('\n', '\r'),
      (text) => text.replaceAll('\n', '\0'),
      (text) => text.replaceAll('\n', ' \n\t'),
      (text) => text.replaceAll('\n', '\u000b\n\u000c'),
    ];
    let passed = 0;
    for (const { name, playlist } of positions) {
      for (const uri of uris) {
        for (const [index, wrap] of wrappings.entries()) {
          const written = relayPlaylist(wrap(playlist(uri)), target);
          if (written === undefined) continue;
          passed += 1;
          const found = urisOf(written).filter((each) => !isHarmless(each));
          expect({ name, uri, index, found, clean: hasNothingElse(written) }).toEqual({
            ...{ name, uri, index, found: [], clean: true },
          });
        }
      }
    }
    // Most are refused; those that only say HTTP, or that stand where nobody looks, pass.
    expect(passed).toBeGreaterThan(0);
  });

  it('passes nothing else whatever the text is', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '#EXTINF:1,\n',
        '#EXT-X-KEY:METHOD=AES-128,URI=',
        '#EXT-X-MAP:',
        '#EXT-X-MEDIA:',
        'URI="',
        '"',
        ',',
        '\\',
      ),
      fc.constantFrom(
        'tcp://h/',
        'file:/x',
        'concat:',
        '//',
        ':',
        '\n',
        '\r',
        '\0',
        ' ',
        '\t',
        '%3A%2F%2F',
        '\uFEFF',
        '|',
        'a.ts',
      ),
      fc.string({ maxLength: 6 }),
      fc.constantFrom(...uris),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const written = relayPlaylist(`#EXTM3U\n${pieces.join('')}`, target) ?? '';
        expect(urisOf(written).filter((uri) => !isHarmless(uri))).toEqual([]);
        expect(hasNothingElse(written)).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  it('keeps what plays: relative, absolute and protocol-relative URLs, keys, maps, renditions, byte ranges', () => {
    const text = [
      '#EXTM3U',
      '#EXT-X-VERSION:7',
      '#EXT-X-TARGETDURATION:4',
      '#EXT-X-MEDIA-SEQUENCE:12345678901',
      '#EXT-X-PROGRAM-DATE-TIME:2026-11-30T10:00:00.000+0000',
      '#EXT-X-KEY:METHOD=AES-128,URI="https://keys/1",IV=0x0123456789abcdef',
      '#EXT-X-MAP:URI="init.mp4",BYTERANGE="720@0"',
      '#EXT-X-BYTERANGE:1000@720',
      '#EXTINF:4.004,a title',
      'a/b-1.ts?token=a%2Fb&x=1',
      '#EXTINF:4',
      'http://other:8080/2.ts',
      '#EXTINF:4,',
      '//other/3.ts',
      '#EXTINF:4,',
      '../4.ts#part',
      '#EXTINF:4,',
      'https://camera/live/2026-11-30T10:00:00.ts',
      '#EXTINF:4,',
      'https://u:p@camera/a b.ts',
      '#EXT-X-ENDLIST',
    ].join('\n');
    expect(relayPlaylist(text, target)).toBe(
      [
        '#EXTM3U',
        '#EXT-X-VERSION:7',
        '#EXT-X-TARGETDURATION:4',
        '#EXT-X-MEDIA-SEQUENCE:12345678901',
        '#EXT-X-PROGRAM-DATE-TIME:2026-11-30T10:00:00.000+0000',
        '#EXT-X-KEY:METHOD=AES-128,URI="http://keys:100443/1",IV=0x0123456789abcdef',
        '#EXT-X-MAP:URI="init.mp4",BYTERANGE="720@0"',
        '#EXT-X-BYTERANGE:1000@720',
        '#EXTINF:4.004,',
        'a/b-1.ts?token=a%2Fb&x=1',
        '#EXTINF:4,',
        'http://other:8080/2.ts',
        '#EXTINF:4,',
        'http://other:100443/3.ts',
        '#EXTINF:4,',
        '/4.ts',
        '#EXTINF:4,',
        '/live/2026-11-30T10:00:00.ts',
        '#EXTINF:4,',
        'http://u:p@camera:100443/a%20b.ts',
        '#EXT-X-ENDLIST',
        '',
      ].join('\n'),
    );
    const variants =
      '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="English",DEFAULT=YES,URI="audio.m3u8"\n' +
      '#EXT-X-STREAM-INF:BANDWIDTH=1280000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,AUDIO="a"\nvideo.m3u8\n';
    expect(relayPlaylist(variants, target)).toBe(variants);
  });

  it('refuses what would grow beyond the longest playlist', () => {
    const long = `#EXTM3U\n${'#EXTINF:1,\n:\n'.repeat(200_000)}`;
    expect(relayPlaylist(long, { ...target, path: `/${'x'.repeat(2000)}/` })).toBeUndefined();
  });
});

describe('the body of a relayed response', () => {
  const pushAll = (pieces: readonly Uint8Array[]) => {
    const body = createRelayBody();
    const kinds = pieces.map((piece) => body.push(piece));
    return {
      body,
      kinds,
      passed: Buffer.concat(kinds.filter(({ kind }) => kind === 'media').map(({ bytes }) => bytes)),
    };
  };
  const cut = (bytes: Uint8Array, size: number) =>
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
      bytes.subarray(index * size, (index + 1) * size),
    );

  it('is held if it is a playlist and passes otherwise, in pieces of any size', () => {
    const playlist = Buffer.from('#EXTM3U\n#EXTINF:1,\na.ts\n');
    const media = Buffer.from('G#EXTM3U is not at the start');
    for (let size = 1; size <= playlist.length; size++) {
      const held = pushAll(cut(playlist, size));
      expect(held.passed.length).toBe(0);
      expect({ ...held.body.end(), bytes: Buffer.from(held.body.end().bytes) }).toEqual({
        isPlaylist: true,
        bytes: playlist,
      });
      const { body, passed } = pushAll(cut(media, size));
      expect(Buffer.concat([passed, body.end().bytes])).toEqual(media);
    }
  });

  it('is refused if a playlist follows an ID3 tag, which ffmpeg skips, wherever the pieces are cut', () => {
    const tag = Buffer.concat([
      Buffer.from('ID3\u0004\u0000\u0000\u0000\u0000\u0000\u0014', 'latin1'),
      Buffer.alloc(20),
    ]);
    const hidden = Buffer.concat([
      tag,
      tag,
      Buffer.from('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\ntcp://127.0.0.1:1/\n'),
    ]);
    for (let size = 1; size <= hidden.length; size++) {
      const { kinds, passed } = pushAll(cut(hidden, size));
      expect([size, kinds.at(-1)?.kind, passed.includes('#EXTM3U')]).toEqual([size, 'refused', false]);
    }
    const audio = Buffer.concat([tag, Buffer.alloc(5000, 0xff)]);
    expect(pushAll(cut(audio, 999)).passed).toEqual(audio);
  });

  it('costs as many bytes of work as it has, in pieces of one byte too', () => {
    const bytes = Buffer.from(`#EXTM3U\n${'#EXTINF:1,\na.ts\n'.repeat(6250)}`);
    for (const first of ['', 'ID3']) {
      const whole = Buffer.concat([Buffer.from(first), bytes.subarray(first === '' ? 0 : 8)]);
      const { body } = pushAll(cut(whole, 1));
      expect(body.work).toBeLessThan(8 * whole.length);
    }
  });

  it('is refused beyond the longest playlist, and then holds nothing', () => {
    const { body, kinds } = pushAll([Buffer.from('#EXTM3U\n'), Buffer.alloc(MAX_PLAYLIST_BYTES)]);
    expect(kinds.at(-1)?.kind).toBe('refused');
    expect(body.end().bytes.length).toBe(0);
  });
});
