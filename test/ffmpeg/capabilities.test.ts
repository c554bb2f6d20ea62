import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildOptionsOf } from '../../src/ffmpeg/build-options.js';
import { parseEncoders, parseProtocols, parseVersion, readCapabilities } from '../../src/ffmpeg/capabilities.js';
import { embedded, ffmpegs, makeDirectory, newestOptions } from '../support/ffmpeg.js';

/** As the builds print it; the configuration is left out. */
const versions = {
  static41: `ffmpeg version N-47683-g0e8eb07980-static https://johnvansickle.com/ffmpeg/  Copyright (c) 2000-2018 the FFmpeg developers
built with gcc 6.3.0 (Debian 6.3.0-18+deb9u1) 20170516
configuration: --enable-gpl --enable-libx264
libavutil      56. 24.101 / 56. 24.101
libavcodec     58. 42.100 / 58. 42.100
libavformat    58. 24.100 / 58. 24.100
libavdevice    58.  6.101 / 58.  6.101
`,
  debian51: `ffmpeg version 5.1.8-0+deb12u1 Copyright (c) 2000-2025 the FFmpeg developers
built with gcc 12 (Debian 12.2.0-14+deb12u1)
configuration: --prefix=/usr --enable-gpl
libavutil      57. 28.100 / 57. 28.100
libavcodec     59. 37.100 / 59. 37.100
libavformat    59. 27.100 / 59. 27.100
`,
  release7: `ffmpeg version 7.1.1-1+b1 Copyright (c) 2000-2025 the FFmpeg developers
built with gcc 14 (Debian 14.2.0-19)
configuration: --prefix=/usr --enable-gpl
libavutil      59. 39.100 / 59. 39.100
libavcodec     61. 19.101 / 61. 19.101
libavformat    61.  7.100 / 61.  7.100
`,
};

const protocols = `Supported file protocols:
Input:
  async
  cache
  file
  ftp
  https
  ipfs
  mmsh
  rtmp
  rtmpts
  srt
Output:
  file
  icecast
  md5
  rtmp
`;

const encoders = `Encoders:
 V..... = Video
 A..... = Audio
 S..... = Subtitle
 .F.... = Frame-level multithreading
 ..S... = Slice-level multithreading
 ...X.. = Codec is experimental
 ....B. = Supports draw_horiz_band
 .....D = Supports direct rendering method 1
 ------
 V..... a64multi             Multicolor charset for Commodore 64 (codec a64_multi)
 V....D libx264              libx264 H.264 / AVC / MPEG-4 AVC / MPEG-4 part 10 (codec h264)
 VFS..D ffv1                 FFmpeg video codec #1
 V....D h264_v4l2m2m         V4L2 mem2mem H.264 encoder wrapper (codec h264)
 A....D aac                  AAC (Advanced Audio Coding)
 A....D adpcm_ima_wav        ADPCM IMA WAV
 S..... srt                  SubRip subtitle (codec subrip)
`;

describe('what ffmpeg prints', () => {
  it.each([
    ['a static 4.1', versions.static41, 'N-47683-g0e8eb07980-static', 58],
    ["Debian's 5.1", versions.debian51, '5.1.8-0+deb12u1', 59],
    ['7.1', versions.release7, '7.1.1-1+b1', 61],
  ])('tells the version of %s', (_, text, version, libavformat) => {
    expect(parseVersion(text)).toEqual({ version, libavformat, libavformatMinor: expect.any(Number) });
  });

  it.each([
    '',
    'v20.11.1',
    'ffmpeg version 7.1',
    'libavformat 58. 1.1 / 58. 1.1',
    'ffprobe version 5\nlibavformat 59. 1.1',
  ])('is told from what other programs print: %s', (text) => {
    expect(parseVersion(text)).toBeUndefined();
  });

  it('lists protocols', () => {
    const names = ['async', 'cache', 'file', 'ftp', 'https', 'ipfs', 'mmsh', 'rtmp', 'rtmpts', 'srt', 'icecast', 'md5'];
    expect(parseProtocols(protocols)).toEqual(new Set(names));
    expect(parseProtocols(protocols.replaceAll('\n', '\r\n'))).toEqual(new Set(names));
    expect(parseProtocols('')).toEqual(new Set());
  });

  it('lists encoders, and not the legend', () => {
    const names = ['a64multi', 'libx264', 'ffv1', 'h264_v4l2m2m', 'aac', 'adpcm_ima_wav', 'srt'];
    expect(parseEncoders(encoders)).toEqual(new Set(names));
    expect(parseEncoders('')).toEqual(new Set());
  });
});

describe('readCapabilities', () => {
  let directory: Awaited<ReturnType<typeof makeDirectory>>;
  beforeAll(async () => {
    directory = await makeDirectory();
  });
  afterAll(() => directory.remove());

  /** A program that prints something, whatever it is asked. */
  async function makeProgram(name: string, script: string): Promise<string> {
    const path = join(directory.path, name);
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
    return path;
  }

  it.each(ffmpegs)('asks the $name ffmpeg', async ({ path, options }) => {
    const capabilities = await readCapabilities(path);
    expect(capabilities).toMatchObject({ path, options });
    expect(capabilities.version).toMatch(/^[\w.+-]+$/);
    // No build for 64 bits.
    expect(capabilities.hasNarrowTimestamps).toBe(false);
    expect([...capabilities.protocols]).toEqual(
      expect.arrayContaining(['file', 'http', 'https', 'tcp', 'tls', 'rtmp', 'pipe']),
    );
    expect([...capabilities.encoders]).toEqual(expect.arrayContaining(['libx264', 'aac', 'rawvideo', 'mpeg1video']));
    for (const name of [...capabilities.protocols, ...capabilities.encoders]) expect(name).toMatch(/^[a-z0-9_-]+$/);
  });

  it.each([
    ['is not there', '/no/such/ffmpeg', /cannot be run at \/no\/such\/ffmpeg/],
    ['is a directory', '/', /cannot be run/],
    ['is not ffmpeg', process.execPath, /cannot be run/],
  ])('refuses a path that %s', async (_, path, message) => {
    await expect(readCapabilities(path)).rejects.toMatchObject({ code: 'ffmpeg-unusable', fault: 'caller', message });
  });

  it.each([
    ['says nothing', 'exit 0', /is not ffmpeg/],
    ['says other things', 'echo hello', /is not ffmpeg/],
    ['fails', 'exit 1', /cannot be run/],
    [
      'is ffmpeg 3.4',
      'echo "ffmpeg version 3.4.1 x"; echo "libavformat    57. 83.100 / 57. 83.100"',
      /3\.4\.1 .* older than 4\.0/,
    ],
    ['prints without an end', 'while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done', /cannot be run/],
  ])('refuses a program that %s', async (name, script, message) => {
    const path = await makeProgram(name.replaceAll(' ', '-'), script);
    await expect(readCapabilities(path)).rejects.toMatchObject({ code: 'ffmpeg-unusable', fault: 'caller', message });
  });

  it('gives up a program that hangs when it is told to', async () => {
    const path = await makeProgram('hanging', 'sleep 1000');
    const error = await readCapabilities(path, AbortSignal.timeout(300)).catch((each: unknown) => each);
    expect(error).toMatchObject({ code: 'ffmpeg-unusable', message: expect.stringContaining('(ffmpeg.path)') });
    expect((error as Error).cause).toBeInstanceOf(Error);
  });

  it('reads what newer and older builds print of their options', () => {
    const help = {
      main: '',
      rtsp: '',
      hls: '',
      qsv: '',
      takesDemuxTimeBase: false,
      takesConcatOption: false,
      reportedSeconds: 2,
    };
    const old = { ...embedded.options };
    expect(buildOptionsOf({ ...help, rtsp: '  -stimeout          <int>        .D....... set timeout' })).toEqual(old);
    const main51 = '-vsync              set sync method\n-autoscale          scale\n-fps_mode           set mode\n';
    const main90 = '-fps_mode[:<stream_spec>]  set mode\n-autoscale[:<stream_spec>]  scale\n';
    const rtsp = '  -timeout           <int64>      .D......... set timeout\n';
    const hls = '  -extension_picky   <boolean>    .D......... Be picky with all extensions matching (default true)\n';
    const qsv = '  -forced_idr        <boolean>    E..V....... Forcing I frames as IDR frames\n';
    for (const main of [main51, main90])
      expect(
        buildOptionsOf({ main, rtsp, hls, qsv, takesDemuxTimeBase: true, takesConcatOption: true, reportedSeconds: 2 }),
      ).toEqual(newestOptions);
    expect(buildOptionsOf({ ...help, main: '-autoscale_not_this  x\n-no-fps_mode x\n' })).toMatchObject({
      hasAutoscale: false,
      hasFpsMode: false,
    });
  });

  it('tells an encoder that is given other timestamps than it was sent', async () => {
    const path = await makeProgram(
      'narrow',
      `case "$*" in *setpts=NAN*) echo "Invalid pts (-2147483648) <= last" >&2; exit 1;; esac\n'${ffmpegs[0]!.path}' "$@"`,
    );
    expect(await readCapabilities(path)).toMatchObject({ hasNarrowTimestamps: true });
  });

  it('works through a script around ffmpeg', async () => {
    const path = await makeProgram('wrapper', `'${ffmpegs[0]!.path}' "$@"`);
    expect(await readCapabilities(path)).toMatchObject({ libavformat: 58 });
  });
});
