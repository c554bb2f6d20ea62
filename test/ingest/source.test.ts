import { resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SidepipeError } from '../../src/errors.js';
import { parseSource } from '../../src/ingest/source.js';

/** As on POSIX, below a directory of its own. */
const parse = (text: string) => parseSource(text, (path) => resolve('/home/me', path));

describe('parseSource', () => {
  it.each([
    ['test', 'test', 'test'],
    ['clip.mp4', 'file', 'file:/home/me/clip.mp4'],
    ['./a b/clip.mp4', 'file', 'file:/home/me/a b/clip.mp4'],
    ['/srv/clip.mp4', 'file', 'file:/srv/clip.mp4'],
    ['../up.mkv', 'file', 'file:/home/up.mkv'],
    ['file:clip.mp4', 'file', 'file:/home/me/clip.mp4'],
    ['file:/srv/clip.mp4', 'file', 'file:/srv/clip.mp4'],
    ['file:///srv/clip.mp4', 'file', 'file:/srv/clip.mp4'],
    ['FILE:///srv/clip.mp4', 'file', 'file:/srv/clip.mp4'],
    ['a:b.mp4', 'file', 'file:/home/me/a:b.mp4'],
    ['12:30 recording.mp4', 'file', 'file:/home/me/12:30 recording.mp4'],
    ['tests', 'file', 'file:/home/me/tests'],
    ['Test', 'file', 'file:/home/me/Test'],
    ['-', 'file', 'file:/home/me/-'],
    // A comma is in no scheme.
    ['subfile,,start,0,end,9,,:x', 'file', 'file:/home/me/subfile,,start,0,end,9,,:x'],
    ['http://camera/stream', 'http', 'http://camera/stream'],
    ['https://camera/clip.mp4?t=1', 'http', 'https://camera/clip.mp4?t=1'],
    ['http://camera/x?file=a.m3u8', 'http', 'http://camera/x?file=a.m3u8'],
    ['https://camera/live.m3u8?token=1', 'hls', 'https://camera/live.m3u8?token=1'],
    ['HTTP://camera/LIVE.M3U8', 'hls', 'HTTP://camera/LIVE.M3U8'],
    ['rtsp://user:pass@camera/1', 'rtsp', 'rtsp://user:pass@camera/1'],
    ['rtsps://camera:322/1', 'rtsp', 'rtsps://camera:322/1'],
    ['rtmp://host/app/key', 'rtmp', 'rtmp://host/app/key'],
    ['rtmps://host/app/key', 'rtmp', 'rtmps://host/app/key'],
    ['clips/', 'directory', 'file:/home/me/clips'],
    ['/srv/clips//', 'directory', 'file:/srv/clips'],
    ['file:///srv/clips/', 'directory', 'file:/srv/clips'],
    ['/dev/video0', 'device', '/dev/video0'],
    ['v4l2:///dev/video12', 'device', '/dev/video12'],
    ['file:/dev/video0', 'device', '/dev/video0'],
    ['/dev/v4l/by-id/usb-Cam_1-video-index0', 'device', '/dev/v4l/by-id/usb-Cam_1-video-index0'],
    ['srt://host:9000?passphrase=0123456789', 'srt', 'srt://host:9000?passphrase=0123456789'],
    ['srt://:9000?mode=listener', 'srt', 'srt://0.0.0.0:9000?mode=listener'],
    ['http://camera/axis-cgi/mjpg/video.cgi', 'mjpeg', 'http://camera/axis-cgi/mjpg/video.cgi'],
    ['http://camera/?action=stream', 'mjpeg', 'http://camera/?action=stream'],
    ['http://camera/mjpeg/clip.mp4', 'http', 'http://camera/mjpeg/clip.mp4'],
  ])('reads %s as %s', (text, kind, url) => {
    expect(parse(text)).toEqual({ kind, url });
  });

  it.each([
    ['C:\\Videos\\clip.mp4', 'file:[C:\\Videos\\clip.mp4]'],
    ['d:/clip.mp4', 'file:[d:/clip.mp4]'],
  ])('takes a letter and a colon for a drive: %s', (text, url) => {
    expect(parseSource(text, (path) => `[${path}]`)).toEqual({ kind: 'file', url });
  });

  it.each([
    ...['concat:a|b', 'pipe:0', 'pipe:3', 'lavfi:testsrc', 'data:,x'],
    ...['tcp://host:1', 'udp://host:1', 'unix:/run/x', 'fd:0', 'crypto:x', 'cache:http://x/', 'async:x', 'tee:a|b'],
    ...[
      'gopher://host/',
      'ftp://host/x',
      'rist://host:1',
      'javascript:x',
      'rtmpt://host/a/b',
      'x+y.z-1:a',
      'hls+http://x/',
    ],
  ])('does not open %s', (text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'source-unsupported', fault: 'caller' }));
  });

  it.each([
    'http://',
    'srt://host',
    'v4l2:///dev/sda',
    'v4l2:///dev/../etc/passwd',
    'http://user@:80/',
    'rtsp://camera:port/',
    'rtmp://[::1/x',
    'https://a b/',
  ])('refuses %s, which is no URL', (text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'source-refused', fault: 'caller' }));
  });

  it.each(['http', 'rtsp', 'rtmp', 'srt'])(
    'refuses a URL that ffmpeg would cut off, and says what is wrong: %s',
    (scheme) => {
      const start = `${scheme}://host:1/a?key=`;
      const longest = start + 'x'.repeat(3800 - start.length);
      expect(parse(longest).url).toBe(longest);
      const message = 'source: the URL is longer than 3800 bytes, which ffmpeg would truncate; shorten it';
      expect(() => parse(`${longest}x`)).toThrow(
        expect.objectContaining({ code: 'source-refused', fault: 'caller', message }),
      );
      // In bytes, as ffmpeg counts.
      expect(() => parse(`${longest.slice(1900)}${'ö'.repeat(1900)}`.replace(/^x*/, start))).toThrow(message);
    },
  );

  it('refuses control characters wherever they are, and shows nothing of the source', () => {
    const control = fc.integer({ min: 0, max: 32 }).map((code) => (code === 32 ? '\u007f' : String.fromCharCode(code)));
    const start = fc.constantFrom('', 'http://u:hidden@h/', 'rtsp://u:hidden@h/', 'file:/hidden');
    fc.assert(
      fc.property(start, control, fc.string(), (before, character, after) => {
        try {
          parse(`${before}${character}${after}`);
          expect.unreachable();
        } catch (error) {
          expect(error).toMatchObject({ code: 'source-refused' });
          expect((error as SidepipeError).message).not.toContain('hidden');
        }
      }),
    );
  });

  it.each([
    '-f',
    '-i',
    '-y /etc/passwd',
    'file:-i',
    'file:--help',
    '--',
    '-f lavfi -i testsrc',
    '|ls',
    '$(ls)',
    '%d.jpg',
  ])('makes no option of %s', (text) => {
    const { kind, url } = parse(text);
    expect(kind).toBe('file');
    expect(url).toBe(`file:${resolve('/home/me', text.replace(/^file:/, ''))}`);
  });

  it('gives one text that begins with a known scheme, or an error, for everything', () => {
    const odd = fc.oneof(
      fc.string(),
      fc.string({
        unit: fc.constantFrom('-', ':', '/', 'f', 'i', 'http', 'file', 'rtsp', '@', ' ', '\\', '|', '.', '%'),
      }),
      fc.webUrl().map((url) => `${url} -i y`),
    );
    fc.assert(
      fc.property(odd, (text) => {
        let source: ReturnType<typeof parse>;
        try {
          source = parse(text);
        } catch (error) {
          expect(error).toBeInstanceOf(SidepipeError);
          expect((error as SidepipeError).code).toMatch(/^source-(refused|unsupported)$/);
          return;
        }
        if (text === 'test') return;
        expect(source.url).toMatch(
          source.kind === 'file' || source.kind === 'directory' ? /^file:\// : /^(https?|rtsps?|rtmps?|srt):/i,
        );
      }),
      { numRuns: 2000 },
    );
  });
});
