import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type InputOptions, inputArguments } from '../../src/ingest/input.js';
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
  libavformat: 58,
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
    [58, '-stimeout', '-timeout'],
    [59, '-timeout', '-stimeout'],
    [61, '-timeout', '-stimeout'],
  ])('waits for silent RTSP by the option of libavformat %i', (libavformat, option, other) => {
    const args = argumentsOf('rtsp://camera/1', { libavformat });
    expect(settingOf(args, option)).toBe('2500000');
    expect(settingOf(args, other)).toBeUndefined();
    expect(settingOf(args, '-rtsp_transport')).toBe('tcp');
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
    expect(['-mode', '-passphrase', '-streamid', '-latency'].map((name) => settingOf(set, name))).toEqual([
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
    ['RTMP://camera/a/b', 'camera'],
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

  it('tells RTMP servers the name all the same, without the password and the key', () => {
    const args = argumentsOf('rtmp://u:secret@camera:1936/app/key?token=hidden', {
      url: 'rtmp://u:secret@192.0.2.7:1936/app/key?token=hidden',
    });
    expect(settingOf(args, '-rtmp_tcurl')).toBe('rtmp://camera:1936/app');
    expect(settingOf(argumentsOf('rtmp://192.0.2.7/app/key'), '-rtmp_tcurl')).toBeUndefined();
  });
});
