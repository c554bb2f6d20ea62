import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { playlistAfter, playlistOrder } from '../../src/ingest/playlist-order.js';
import { createRtspReplies } from '../../src/ingest/relay/rtsp-replies.js';
import { parseRelayUrl, relayLocation, toRelayUrl } from '../../src/ingest/relay/url.js';
import { openRoute } from '../../src/ingest/route.js';
import { readsCodec } from '../../src/ingest/rtmp/protocol/readable.js';

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));
const told = (parts: readonly Uint8Array[]) => Buffer.concat(parts).toString('latin1');

describe('the URLs of the relay', () => {
  it.each([
    ['https://camera/x?y#z', 'http://camera:100443/x?y#z'],
    ['HTTPS://u:p@camera:8443/x', 'http://u:p@camera:108443/x'],
    ['https://[2001:db8::1]/', 'http://[2001:db8::1]:100443/'],
    ['http://camera:8080/x', 'http://camera:8080/x'],
  ])('writes %s as %s', (url, written) => {
    expect(toRelayUrl(url)).toBe(written);
  });

  it('reads back what it wrote, and takes nothing else', () => {
    fc.assert(
      fc.property(fc.webUrl({ validSchemes: ['http', 'https'] }), (url) => {
        const { protocol, port, hostname } = new URL(url);
        const secure = protocol === 'https:';
        const target = parseRelayUrl(toRelayUrl(url).replace(/#.*/, ''));
        expect(target).toMatchObject({ secure, port: Number(port || (secure ? 443 : 80)) });
        expect(target?.host.toLowerCase()).toBe(hostname);
      }),
    );
    for (const url of [
      'https://h/',
      'http://h:0/',
      'http://h:65536/',
      'http://h:200000/',
      'http://u@h/',
      'http://[/',
      'x',
    ]) {
      expect([url, parseRelayUrl(url)]).toEqual([url, undefined]);
    }
  });

  it('rewrites redirects', () => {
    const target = { secure: true, host: 'h', port: 443, path: '/a/b' };
    expect(relayLocation('c', target)).toBe('http://h:100443/a/c');
    expect(relayLocation('http://x/', target)).toBe('http://x/');
    expect(relayLocation('tcp://x/', target)).toBeUndefined();
  });
});

describe('the replies of an RTSP server', () => {
  const ok = 'RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 3\r\n\r\nabc';
  const packet = '$\u0000\u0000\u0002hi';

  it('pass in any pieces, and redirects become refusals without their target', () => {
    const moved = 'RTSP/1.0 302 Found\r\nCSeq: 2\r\nlocation: rtsp://127.0.0.1/\r\n\r\n';
    const all = bytes(`${ok}${packet}${moved}`);
    const whole = told(createRtspReplies().push(all));
    expect(whole).toContain(packet);
    expect(whole).toContain('RTSP/1.0 403 Redirect not allowed\r\nCSeq: 2');
    expect(whole).not.toContain('127.0.0.1');
    fc.assert(
      fc.property(fc.array(fc.nat(all.length)), (cuts) => {
        const replies = createRtspReplies();
        const places = [0, ...cuts.sort((a, b) => a - b), all.length];
        const parts = places.slice(1).flatMap((end, index) => replies.push(all.slice(places[index], end)));
        expect(told(parts)).toBe(whole);
      }),
    );
  });

  it('cost as many bytes of work as they have: a large head and a body in pieces of one byte', () => {
    const head = `RTSP/1.0 200 OK\r\nCSeq: 1\r\n${'X-Padding: 0123456789012345678901234567890\r\n'.repeat(1100)}`;
    const all = bytes(`${head}Content-Length: 60000\r\n\r\n${'v'.repeat(60_000)}${ok}`);
    const replies = createRtspReplies();
    const out = [...all].flatMap((byte) => replies.push(Uint8Array.of(byte)));
    expect(told(out).endsWith('abc')).toBe(true);
    // Copied on its way in, copied as the buffer doubles, and looked at once.
    expect(replies.work).toBeLessThan(5 * all.length);
  });

  it('never let a redirect through, whatever surrounds it, and fail only by a RangeError', () => {
    const piece = fc.constantFrom(
      ok,
      packet,
      'RTSP/1.0 301 x\r\nLocation: rtsp://evil/\r\n\r\n',
      'RTSP/1.0 302',
      '\r\n',
      '\n',
      '$',
      ' ',
      'REDIRECT rtsp://evil/ RTSP/1.0\r\n\r\n',
      'Content-Length: 5\r\n',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const replies = createRtspReplies();
        try {
          const out = told(replies.push(bytes(pieces.join(''))));
          expect(out.replace(/\$.{3}hi/gs, '')).not.toMatch(/^RTSP\/1\.0 3/m);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a route', () => {
  it('tries the next address of a host at each attempt', async () => {
    const source = { kind: 'rtsp', url: 'rtsp://localhost/1' } as const;
    const egress = { conceal: (url: string) => ({ url, close: () => {} }), isOwn: async () => true };
    const routes = [0, 1, 2, 3].map((attempt) => openRoute({ source, attempt, egress }));
    const urls = (await Promise.all(routes)).map(({ url }) => url);
    for (const url of urls) expect(url).toMatch(/^rtsp:\/\/(127\.0\.0\.1|\[::1\])\/1$/);
    const known = new Set(urls).size;
    expect(urls[known]).toBe(urls[0]);
  });
});

describe('the order of a directory', () => {
  it('goes by names, their numbers by value, and from any file round again', () => {
    const ordered = playlistOrder(['10.mp4', '2.mp4', '.a.mp4', 'b.txt', 'A.TS', '1.MKV']);
    expect(ordered).toEqual(['1.MKV', '2.mp4', '10.mp4', 'A.TS']);
    expect(playlistAfter(ordered, '2.mp4')).toEqual(['10.mp4', 'A.TS', undefined, '1.MKV', '2.mp4']);
    // Gone meanwhile.
    expect(playlistAfter(ordered, '3.mp4')).toEqual(['10.mp4', 'A.TS', undefined, '1.MKV', '2.mp4']);
    expect(playlistAfter(ordered, undefined)).toEqual([...ordered, undefined]);
  });
});

describe('what an ffmpeg reads of RTMP', () => {
  it.each([
    ['hvc1', 58, 24, false],
    ['hvc1', 60, 3, false],
    ['hvc1', 60, 16, true],
    ['av01', 61, 1, true],
    ['Opus', 61, 1, false],
    ['Opus', 62, 0, true],
    ['hevc', 62, 0, false],
    ['h264', 58, 24, true],
    ['aac', 58, 24, true],
    ['vp6a', 58, 24, true],
  ] as const)('%s by libavformat %i.%i: %s', (codec, major, minor, reads) => {
    expect(readsCodec(codec, { major, minor })).toBe(reads);
  });
});
