import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { clockChecks } from '../../src/doctor/clock.js';
import { ffmpegChecks } from '../../src/doctor/ffmpeg.js';
import { imageChecks } from '../../src/doctor/images.js';
import { limitChecks } from '../../src/doctor/limits.js';
import { portChecks } from '../../src/doctor/ports.js';
import { storeChecks } from '../../src/doctor/store.js';
import { HARDWARE_ENCODERS } from '../../src/ffmpeg/output/encoders.js';
import { newestOptions } from '../support/ffmpeg.js';

const { signal } = new AbortController();

describe('portChecks', () => {
  it('says that a port is taken and how to find out by whom', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const check = portChecks(parseConfig({ http: { host: '127.0.0.1', port } }));
    try {
      expect(await check.run(signal)).toMatchObject([
        { ok: false, detail: expect.stringContaining('in use'), remedy: expect.stringContaining(`:${port}`) },
        { ok: true },
      ]);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
    expect(await check.run(signal)).toMatchObject([{ ok: true, detail: `127.0.0.1:${port} is free` }, { ok: true }]);
  });

  it.each(['192.0.2.1', 'no-such-host.invalid'])('says that %s is no address of this machine', async (host) => {
    expect(await portChecks(parseConfig({ http: { host, port: 0 } })).run(signal)).toMatchObject([
      { ok: false, detail: `${host} is not an address of this machine`, remedy: expect.stringContaining('http.host') },
      { ok: true },
    ]);
  });
});

describe('imageChecks', () => {
  it('tries each format that a stream wants', async () => {
    const { streams } = parseConfig({
      streams: [{ name: 'a', source: 'test', thumbnail: { formats: ['webp', 'avif', 'png'] } }],
    });
    const results = await imageChecks({ streams }).run(signal);
    expect(results.map(({ check, ok }) => [check, ok])).toEqual([
      ['sharp loads', true],
      ['encodes jpg', true],
      ['encodes webp', true],
      ['encodes avif', true],
      ['encodes png', true],
    ]);
  });
});

describe('limitChecks', () => {
  const streams = (count: number) =>
    parseConfig({ streams: Array.from({ length: count }, (_, index) => ({ name: `s${index}`, source: 'test' })) });
  const run = (count: number, limit?: number) => limitChecks(streams(count), async () => limit).run(signal);

  it('reports the limit and what it leaves for connections', async () => {
    expect(await run(2, 4096)).toEqual([
      { area: 'limits', check: 'open files', ok: true, detail: '4096; 3296 remain for connections' },
    ]);
    expect(await run(2)).toMatchObject([{ ok: true, detail: 'no limit' }]);
  });

  it('warns when few connections fit beside the streams, and fails when not even the streams fit', async () => {
    expect(await run(20, 1024)).toMatchObject([
      {
        ok: 'warning',
        detail: expect.stringContaining('16 for connections'),
        remedy: expect.stringContaining('ulimit -n'),
      },
    ]);
    expect(await run(20, 256)).toMatchObject([{ ok: false, remedy: expect.stringContaining('ulimit -n') }]);
  });

  it('reads the limit of this process', async () => {
    const [result] = await limitChecks(streams(1)).run(signal);
    expect(result).toMatchObject({ area: 'limits', detail: expect.stringMatching(/^\d+; |^no limit$|may open/) });
  });
});

describe('clockChecks', () => {
  it.each([
    [0, false],
    [Date.UTC(2026, 5, 1), true],
    [Date.UTC(2150, 0, 1), false],
    [Number.NaN, false],
  ])('%d: %s', async (now, ok) => {
    expect(await clockChecks(() => now).run(signal)).toMatchObject([
      { ok, ...(ok ? {} : { remedy: expect.any(String) }) },
    ]);
  });
});

describe('ffmpegChecks', () => {
  const everything = {
    protocols: new Set(['file', 'http', 'pipe', 'tcp']),
    encoders: new Set(['rawvideo', 'libx264']),
  };
  type Given = string | { source: string; renditions: { encoder: 'vaapi' }[] };
  const run = (sources: Given[], facts: { protocols: Set<string>; encoders: Set<string> }) =>
    ffmpegChecks({
      config: parseConfig({
        streams: sources.map((given, index) => ({
          name: `s${index}`,
          ...(typeof given === 'string' ? { source: given } : given),
        })),
      }),
      findFfmpeg: async () => '/usr/bin/ffmpeg',
      readCapabilities: async () => ({ path: '/usr/bin/ffmpeg', version: '5.1', options: newestOptions, ...facts }),
      tryEncoder: async (encoder, { encoders }) =>
        encoders.has(encoder) ? { works: true } : { works: false, reason: 'no device' },
    }).run(signal);

  it('asks only for what the streams need', async () => {
    expect(await run(['a.mp4', 'http://x/y.m3u8'], everything)).toMatchObject([
      { check: 'version', ok: true, detail: '5.1 at /usr/bin/ffmpeg' },
      { check: 'protocols', ok: true },
      { check: 'encoders', ok: true },
      { check: 'libx264 encodes', ok: true },
      ...HARDWARE_ENCODERS.map((name) => ({ check: `${name} encodes`, ok: 'skipped', detail: 'no device' })),
    ]);
  });

  it('names what is missing', async () => {
    expect(await run(['SRT://x:1', 'https://x/y', 'test'], everything)).toMatchObject([
      { ok: true },
      {
        check: 'protocols',
        ok: false,
        detail: 'missing: srt, https, tls',
        remedy: expect.stringContaining('ffmpeg.path'),
      },
      { check: 'encoders', ok: false, detail: 'missing: aac' },
      ...[{}, {}, {}, {}, {}, {}],
    ]);
  });

  it('tries each encoder, and misses what a stream names only', async () => {
    const encoders = new Set(['rawvideo', 'libx264', 'h264_nvenc']);
    const named = { encoder: 'vaapi' as const };
    const results = await run([{ source: 'a.mp4', renditions: [named] }], { ...everything, encoders });
    const found = new Map(results.map((each) => [each.check, each]));
    expect(found.get('h264_nvenc encodes')).toMatchObject({ ok: true });
    expect(found.get('h264_qsv encodes')).toMatchObject({ ok: 'skipped' });
    expect(found.get('h264_vaapi encodes')).toMatchObject({
      ok: false,
      detail: 'no device; libx264 is used instead',
      remedy: expect.stringContaining('another encoder'),
    });
  });
});

describe('storeChecks', () => {
  it('has nothing to ask of a node without a store', async () => {
    const check = storeChecks({ config: parseConfig({}), probeStore: () => expect.fail('was asked') });
    expect(await check.run(signal)).toMatchObject([{ area: 'store', ok: 'skipped' }]);
  });

  it('passes on what the probe found', async () => {
    const check = storeChecks({
      config: parseConfig({ storage: { type: 'directory', directory: { path: '/tmp/x' } } }),
      probeStore: async ({ type }) => [{ check: 'put', ok: false, detail: type, remedy: 'mend it' }],
    });
    expect(await check.run(signal)).toEqual([
      { area: 'store', check: 'put', ok: false, detail: 'directory', remedy: 'mend it' },
    ]);
  });
});
