import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signPlaylist, signStoryboard, withToken } from '../../../src/http/access/signed-uris.js';

const token = 'k1.1800000000.abc';

describe('withToken', () => {
  it.each([
    ['a.ts', 'a.ts?token=T'],
    ['a.jpg?v=3', 'a.jpg?v=3&token=T'],
    ['a.jpg?v=3#xywh=0,0,1,1', 'a.jpg?v=3&token=T#xywh=0,0,1,1'],
    ['a.jpg#t', 'a.jpg?token=T#t'],
  ])('%s', (uri, signed) => {
    expect(withToken(uri, 'T')).toBe(signed);
  });
});

describe('signPlaylist', () => {
  it('signs every address that a playlist lists, and nothing else', () => {
    const playlist = `#EXTM3U
#EXT-X-VERSION:7
# a comment with URI="x"
#EXT-X-MAP:URI="a-init.mp4",BYTERANGE="1@2"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",URI="audio/index.m3u8",NAME="URI"
#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1.4d401f"
source/index.m3u8
#EXT-X-KEY:METHOD=AES-128,URI="https://keys.example/1"
#EXTINF:2,URI
a-1.m4s
https://elsewhere.example/b.ts
//elsewhere.example/c.ts
`;
    expect(signPlaylist(playlist, token)).toBe(`#EXTM3U
#EXT-X-VERSION:7
# a comment with URI="x"
#EXT-X-MAP:URI="a-init.mp4?token=${token}",BYTERANGE="1@2"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",URI="audio/index.m3u8?token=${token}",NAME="URI"
#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1.4d401f"
source/index.m3u8?token=${token}
#EXT-X-KEY:METHOD=AES-128,URI="https://keys.example/1"
#EXTINF:2,URI
a-1.m4s?token=${token}
https://elsewhere.example/b.ts
//elsewhere.example/c.ts
`);
  });

  it('leaves the lines as they are in number and order', () => {
    const name = fc.stringMatching(/^[a-z0-9-]{1,12}\.ts$/);
    fc.assert(
      fc.property(fc.array(name), (names) => {
        const body = ['#EXTM3U', ...names.flatMap((each) => ['#EXTINF:2,', each]), ''].join('\n');
        const signed = signPlaylist(body, token).split('\n');
        expect(signed).toEqual(
          body.split('\n').map((line) => (line.endsWith('.ts') ? `${line}?token=${token}` : line)),
        );
      }),
    );
  });
});

describe('signStoryboard', () => {
  it('signs the sheets', () => {
    const text = 'WEBVTT\n\nNOTE hello\n\n1\n00:00.000 --> 00:02.000\nstoryboard-1.jpg?v=2#xywh=0,0,160,90\n';
    expect(signStoryboard(text, token)).toBe(
      `WEBVTT\n\nNOTE hello\n\n1\n00:00.000 --> 00:02.000\nstoryboard-1.jpg?v=2&token=${token}#xywh=0,0,160,90\n`,
    );
  });
});
