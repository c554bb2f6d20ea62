import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { checkSource, type SourcePolicy } from '../../src/ingest/policy.js';
import { readSource } from '../../src/ingest/source.js';

const standard: SourcePolicy = parseConfig({}).api.sources;
const plain = { rtsp: { transport: 'tcp' }, srt: {} } as const;
const check = (text: string, policy = standard, settings: Parameters<typeof checkSource>[2] = plain) =>
  checkSource(
    readSource(text, (path) => `/at/${path}`),
    policy,
    settings,
  );

describe('checkSource', () => {
  it.each([
    ...['test', 'push', 'http://camera/x', 'https://camera/x.m3u8', 'rtsp://192.168.1.9/1', 'rtsps://camera/1'],
    ...['rtmp://camera/a/b', 'rtmps://camera/a/b', 'srt://camera:9000', 'http://camera/mjpeg', 'http://[fd12::1]/x'],
  ])('lets %s through without settings', (text) => {
    expect(check(text)).toBeUndefined();
  });

  it.each([
    ...['clip.mp4', '/etc/passwd', 'file:///etc/passwd', '/srv/clips/', '/dev/video0', 'v4l2:///dev/video0'],
    ...['srt://0.0.0.0:9000?mode=listener', 'srt://:9000?mode=listener', 'concat:a|b', 'ftp://camera/x', 'pipe:0'],
    ...[
      'http://127.0.0.1/x',
      'http://2130706433/x',
      'http://0x7f.1/x',
      'http://[::1]/x',
      'http://[::ffff:127.0.0.1]/x',
    ],
    ...['https://169.254.169.254/latest/meta-data', 'rtsp://127.0.0.1/1', 'rtmp://[::1]/a/b', 'srt://127.0.0.1:9000'],
  ])('refuses %s without settings', (text) => {
    expect(check(text)).toMatchObject({ fault: 'caller', code: expect.stringMatching(/^source-/) });
  });

  it('says which setting refuses', () => {
    expect(check('/etc/passwd')?.message).toMatch(/file .*api\.sources\.protocols/);
    expect(check('http://127.0.0.1/')?.message).toMatch(/api\.sources\.networks/);
  });

  it('goes by what the settings of the stream say', () => {
    const udp = { ...plain, rtsp: { transport: 'udp' } } as const;
    const listener = { ...plain, srt: { mode: 'listener' } } as const;
    expect(check('rtsp://camera/1', standard, udp)?.message).toMatch(/^source: rtsp-udp /);
    expect(check('srt://camera:9000', standard, listener)?.message).toMatch(/^source: srt-listener /);
    const caller = { ...plain, srt: { mode: 'caller' } } as const;
    expect(check('srt://camera:9000?mode=listener', standard, caller)).toBeUndefined();
    for (const said of ['mode=rendezvous', 'x#&mode=listener', 'mode=listener&mode=caller', 'a?b&mode=listener']) {
      expect(check(`srt://camera:9000?${said}`)?.message, said).toMatch(/^source: srt-listener /);
    }
    expect(check('srt://camera:9000?mode=caller&mode=listener')).toBeUndefined();
    const open: SourcePolicy = { ...standard, protocols: ['srt-listener', 'file', 'device', 'directory'] };
    for (const text of ['srt://0.0.0.0:9000?mode=listener', 'clip.mp4', '/dev/video0', 'clips/']) {
      expect(check(text, open), text).toBeUndefined();
    }
    expect(check('test', open)).toBeDefined();
  });

  it('tells nothing of a source but its protocol, whatever it is', () => {
    const start = fc.constantFrom(
      'http://u:hidden@',
      'file:/hidden',
      'rtsp://hidden@127.0.0.1/',
      'srt://h:1?passphrase=hidden&x=',
    );
    fc.assert(
      fc.property(start, fc.string(), (before, rest) => {
        expect(check(`${before}${rest}`, { protocols: [], networks: {} })?.message).not.toContain('hidden');
      }),
    );
  });
});
