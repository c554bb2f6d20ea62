import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type InputOptions,
  type InputSettings,
  inputArguments,
  type SrtPlaylistOptions,
  srtPlaylist,
} from '../../src/ingest/input.js';
import { parseSource, type Source } from '../../src/ingest/source.js';
import { hostToResolve, withHost } from '../../src/ingest/source-host.js';

const protocols = new Set([
  'file',
  'http',
  'https',
  'httpproxy',
  'tcp',
  'tls',
  'udp',
  'rtp',
  'rtmp',
  'rtmps',
  'crypto',
]);
const options: InputOptions = {
  loop: true,
  rtspTimeout: '-stimeout',
  protocols,
  timeouts: { connectSeconds: 1, readSeconds: 2.5, socketSeconds: 2.5 },
};
const sourceOf = (text: string): Source => parseSource(text, (path) => `/at/${path}`);
const argumentsOf = (text: string, more: Partial<InputOptions> = {}) =>
  inputArguments(sourceOf(text), { ...options, ...more });

function settingOf(args: readonly string[], option: string): string | undefined {
  expect(args.filter((each) => each === option).length, option).toBeLessThanOrEqual(1);
  return args.includes(option) ? args[args.indexOf(option) + 1] : undefined;
}

const sources = [
  ...['clip.mp4', 'http://camera/x', 'http://camera/x.mp4', 'https://camera/x.m3u8'],
  ...['rtsp://u:p@camera/1', 'rtsps://camera/1', 'rtmp://camera/a/b', 'rtmps://camera/a/b'],
];

describe('inputArguments', () => {
  it.each(sources)('ends with the one input and says what it may lead to: %s', (text) => {
    const args = argumentsOf(text);
    expect(args.at(-2)).toBe('-i');
    expect(args.at(-1)).toBe(sourceOf(text).url);
    expect(args.filter((each) => each === '-i')).toHaveLength(1);
    expect(settingOf(args, '-protocol_whitelist')).toBeDefined();
    for (const each of args.slice(0, -1)) expect(each).not.toMatch(/[\s\0]|^$/);
  });

  it('lets nothing from the network read a file, and no file call out', () => {
    const whitelist = (text: string) => settingOf(argumentsOf(text), '-protocol_whitelist')!.split(',');
    expect(whitelist('clip.mp4')).toEqual(['file']);
    for (const text of sources.slice(1)) {
      const allowed = whitelist(text);
      for (const each of ['file', 'pipe', 'data', 'concat', 'subfile', 'unix', 'cache', 'async', 'fd']) {
        expect(allowed, text).not.toContain(each);
      }
      expect(allowed).toContain('tcp');
    }
    expect(whitelist('http://camera/x')).not.toContain('rtmp');
    expect(whitelist('https://camera/x.m3u8')).toContain('crypto');
  });

  it('reads files in real time, again and again if asked to', () => {
    expect(argumentsOf('clip.mp4')).toEqual(expect.arrayContaining(['-stream_loop', '-1', '-re']));
    const once = argumentsOf('clip.mp4', { loop: false });
    expect(once).toContain('-re');
    expect(once).not.toContain('-stream_loop');
  });

  it.each([
    ['http://camera/x', false],
    ['http://camera/x.ts', false],
    ['http://camera/x.MP4?y=1', true],
    ['https://camera/x.webm', true],
    ['https://camera/x.m3u8', true],
    ['rtsp://camera/x.mp4', false],
    ['rtmp://camera/a/x.mp4', false],
  ])('paces what would come in one rush, and nothing live: %s', (text, isPaced) => {
    const args = argumentsOf(text);
    expect(args.includes('-re')).toBe(isPaced);
    expect(args).not.toContain('-stream_loop');
    // What was read while probing is not thrown away.
    expect(args.join(' ')).not.toContain('nobuffer');
  });

  it.each([
    ['-stimeout', '-timeout'],
    ['-timeout', '-stimeout'],
  ] as const)('waits for silent RTSP by the option that the build has: %s', (option, other) => {
    const args = argumentsOf('rtsp://camera/1', { rtspTimeout: option });
    expect(settingOf(args, option)).toBe('2500000');
    expect(settingOf(args, other)).toBeUndefined();
    expect(settingOf(args, '-rtsp_transport')).toBe('tcp');
  });

  it('takes HLS segments of any name, where the build would refuse some', () => {
    for (const isBound of [false, true]) {
      const picky = argumentsOf('http://camera/x.m3u8', { hasPickyHls: true, isBound });
      expect(settingOf(picky, '-extension_picky')).toBe('0');
      expect(argumentsOf('http://camera/x.m3u8', { isBound })).not.toContain('-extension_picky');
    }
    // Newer builds look at the ending of what they open, and what leads to the source has that of its URL, if any.
    for (const url of ['http://127.0.0.1:1/0a1b', 'http://127.0.0.1:1/0a1b.m3u8', 'http://127.0.0.1:1/0a1b.php'])
      expect(argumentsOf('http://camera/x.m3u8', { url }).at(-1)).toBe('http://127.0.0.1:1/0a1b.m3u8');
    // Other demuxers do not know the option.
    expect(argumentsOf('http://camera/x.ts', { hasPickyHls: true })).not.toContain('-extension_picky');
  });

  it.each(['http://camera/x', 'https://camera/x.m3u8', 'rtmp://camera/a/b'])('waits a bounded time for %s', (text) => {
    expect(settingOf(argumentsOf(text), '-rw_timeout')).toBe('2500000');
  });

  it.each([
    ['https://camera/x', 'https', 'https'],
    ['HTTPS://camera/x', 'https', 'https'],
    ['rtmps://camera/a/b', 'rtmps', 'rtmps'],
    ['rtsps://camera/1', 'tls', 'rtsps'],
    ['rtsp://camera/1', 'tcp', 'rtsp'],
    ['clip.mp4', 'file', 'file'],
  ])('says so when this ffmpeg cannot open %s', (text, missing, named) => {
    const fewer = new Set([...protocols].filter((each) => each !== missing));
    expect(argumentsOf(text)).toContain(sourceOf(text).url);
    expect(() => argumentsOf(text, { protocols: fewer })).toThrow(
      expect.objectContaining({ code: 'source-unsupported', message: expect.stringContaining(` no ${named};`) }),
    );
  });

  it('lets what is set for SRT go before what the address says, which ffmpeg would not', () => {
    const address = 'srt://host:9000?mode=listener&passphrase=of-the-address&streamid=#!::r=a&latency=1&x=%26';
    const args = (settings: NonNullable<InputOptions['settings']>) =>
      argumentsOf(address, { protocols: new Set(['srt']), settings });
    const said = args({});
    expect([settingOf(said, '-mode'), settingOf(said, '-i')]).toEqual([
      'listener',
      address.replace('mode=listener&', ''),
    ]);
    const set = args({
      srt: { mode: 'caller', passphrase: 'of-the-settings', streamId: 'b', latencyMs: 7 },
    });
    expect(settingOf(set, '-i')).toBe('srt://host:9000?x=%26');
    expect(['-mode', '-passphrase', '-srt_streamid', '-latency'].map((name) => settingOf(set, name))).toEqual([
      'caller',
      'of-the-settings',
      'b',
      '7000',
    ]);
  });

  it('makes the test picture without any protocol', () => {
    const args = argumentsOf('test', { protocols: new Set() });
    expect(args.slice(0, 4)).toEqual(['-re', '-f', 'lavfi', '-i']);
    expect(args.at(-1)).toMatch(/^testsrc2=.*\[out0\];sine=.*\[out1\]$/);
  });

  it('keeps whatever is in a source in the one argument behind -i', () => {
    const nasty = fc.string({
      unit: fc.constantFrom(' ', '-i', '-f', '"', "'", '|', ';', '%', 'a', '/', '@', ',', '='),
    });
    const start = fc.constantFrom('http://h/', 'rtsp://h/', 'rtmp://h/', '', 'file:');
    fc.assert(
      fc.property(start, nasty, (before, rest) => {
        // A slash at the end makes a directory of a path.
        const plain = argumentsOf(`${before}x${rest.endsWith('/') ? '/' : ''}`);
        const args = argumentsOf(`${before}x${rest}`);
        // HLS and recorded files are read another way, but never by what the source says itself.
        expect(args.slice(0, -1)).toEqual(plain.slice(0, -1));
        expect(args.at(-1)).toBe(sourceOf(`${before}x${rest}`).url);
      }),
    );
  });
});

describe('the address of a source', () => {
  it.each([
    ['rtsp://camera/1', 'camera'],
    ['rtsp://u:p@camera.local:554/1', 'camera.local'],
    ['RTMP://camera/a/b', undefined],
    ['rtsp://192.0.2.7/1', undefined],
    ['rtsp://[2001:db8::1]/1', undefined],
    ['http://camera/x', undefined],
    ['rtsps://camera/1', undefined],
    ['test', undefined],
    ['clip.mp4', undefined],
  ])('is looked up for %s: %s', (text, host) => {
    expect(hostToResolve(sourceOf(text))).toBe(host);
  });

  it.each([
    ['rtsp://camera/1', 'rtsp://192.0.2.7/1'],
    ['rtsp://camera', 'rtsp://192.0.2.7'],
    ['rtsp://camera?x=camera', 'rtsp://192.0.2.7?x=camera'],
    ['rtsp://camera:camera@camera:554/camera?camera#camera', 'rtsp://camera:camera@192.0.2.7:554/camera?camera#camera'],
    ['rtsp://u%40x:p%2F@camera/%20', 'rtsp://u%40x:p%2F@192.0.2.7/%20'],
    ['rtsp://u:p@x@camera/1', 'rtsp://u:p@x@192.0.2.7/1'],
    ['rtsp://camera/a@b', 'rtsp://192.0.2.7/a@b'],
    ['rtmp://camera:1936/app/key', 'rtmp://192.0.2.7:1936/app/key'],
  ])('takes the place of the host alone: %s', (text, expected) => {
    expect(withHost(text, '192.0.2.7')).toBe(expected);
    expect(argumentsOf(text, { url: expected }).at(-1)).toBe(expected);
  });

  it('leaves `$` in an address alone, and puts IPv6 in brackets as it comes', () => {
    expect(withHost('rtsp://camera:554/1', '[2001:db8::1]')).toBe('rtsp://[2001:db8::1]:554/1');
    expect(withHost('rtsp://camera:554/1', '$&$1')).toBe('rtsp://$&$1:554/1');
  });
});

describe('the playlist of an SRT source', () => {
  const known = { protocols: new Set(['hls', 'srt']), timeouts: options.timeouts, hasConcatOptions: false };
  const playlistOf = (url: string, srt: InputSettings['srt'] = {}, more: Partial<SrtPlaylistOptions> = {}) =>
    srtPlaylist(url, { ...known, settings: { srt }, ...more });
  const lineOf = (...args: Parameters<typeof playlistOf>) => playlistOf(...args)?.playlist.split('\n')[3];

  it('holds the address with all settings, the secrets too', () => {
    expect(lineOf('srt://h:1?passphrase=0123456789&latency=9')).toBe(
      'srt://h:1?passphrase=0123456789&latency=9&mode=caller&timeout=2500000&connect_timeout=2500',
    );
    const srt = { mode: 'listener', passphrase: 'a=b#c0123456', streamId: '#!::r=x,m=y', latencyMs: 5 } as const;
    expect(lineOf('srt://h:1?mode=caller&streamid=old&latency=1', srt)).toBe(
      'srt://h:1?passphrase=a=b#c0123456&streamid=#!::r=x,m=y&latency=5000&mode=listener&timeout=2500000',
    );
  });

  it('is for secrets only, for an ffmpeg that reads it, and for what an address can say', () => {
    expect(lineOf('srt://h:1?mode=listener')).toBeUndefined();
    expect(lineOf('srt://h:1?streamid=x', {}, { protocols: new Set(['srt']) })).toBeUndefined();
    for (const character of ['&', '+', '%', ' ', '\n']) {
      expect(lineOf('srt://h:1', { passphrase: `0123456789${character}` })).toBeUndefined();
    }
    expect(lineOf('srt://h:1', { streamId: 'x'.repeat(4000) })).toBeUndefined();
  });

  it('is a script of the concat demuxer where there is no such protocol, and where a value has odd characters', () => {
    const srt = { passphrase: "a'b&c+d%e f0", streamId: '#!::r=x', latencyMs: 5 };
    const without = { protocols: new Set(['srt']), hasConcatOptions: true };
    for (const more of [without, { hasConcatOptions: true }]) {
      const made = playlistOf('srt://h:1?mode=caller&streamid=old&pkt_size=1316', srt, more)!;
      expect(made.opener).toBe('concat');
      expect(made.playlist.split('\n').slice(0, 8)).toEqual([
        'ffconcat version 1.0',
        "file 'srt://h:1?pkt_size=1316'",
        "option passphrase 'a'\\''b&c+d%e f0'",
        "option streamid '#!::r=x'",
        "option latency '5000'",
        "option mode 'caller'",
        "option timeout '2500000'",
        "option connect_timeout '2500'",
      ]);
      expect(made.playlist).toContain("\noption protocol_whitelist 'srt'\noption format_whitelist 'mov,");
      expect(made.playlist).not.toMatch(/format_whitelist '[^']*(?:concat|hls)/);
    }
    expect(playlistOf('srt://h:1?passphrase=0123456789', {}, { hasConcatOptions: true })?.opener).toBe('hls');
    expect(playlistOf('srt://h:1?passphrase=0123456789', {}, without)?.playlist).toContain(
      "\nfile 'srt://h:1?passphrase=0123456789'\n",
    );
    expect(playlistOf('srt://h:1', { streamId: 'two\nlines' }, without)).toBeUndefined();
    expect(playlistOf('srt://h:1?mode=listener', {}, without)).toBeUndefined();
  });

  it('is opened instead of the address, and no secret is an argument', () => {
    const settings = { srt: { passphrase: 'hidden-passphrase', streamId: 'hidden-stream' } };
    const [hls, concat] = ['hls+http://127.0.0.1:1/0.m3u8', 'http://127.0.0.1:1/0.m3u8'];
    for (const [isBound, url] of [
      [false, hls],
      [true, hls],
      [false, concat],
      [true, concat],
    ] as const) {
      const args = inputArguments(sourceOf('srt://h:1?passphrase=hidden-too'), {
        ...options,
        protocols: new Set(['srt', 'hls']),
        isBound,
        url,
        settings,
      });
      expect(args.at(-1)).toBe(url);
      expect(args.join(' ')).not.toContain('hidden');
      expect(settingOf(args, '-protocol_whitelist')).toBe('hls,http,tcp,srt');
      expect(settingOf(args, '-format_whitelist') === 'concat').toBe(url === concat);
      expect(settingOf(args, '-safe')).toBe(url === concat ? '0' : undefined);
    }
  });
});
