import { SidepipeError } from '../errors.js';
import type { Source, UnknownSource } from './source.js';

export interface InputOptions {
  /** Files only: begin again at the end. */
  readonly loop: boolean;
  /** Major version of ffmpeg's libavformat. */
  readonly libavformat: number;
  /** The protocols that this ffmpeg has. */
  readonly protocols: ReadonlySet<string>;
  /** The address of the source's host: plain RTSP and RTMP open it themselves. Undefined: it is one already. */
  readonly address?: string | undefined;
  /** How long a silent connection is waited for. */
  readonly timeoutSeconds: number;
}

/** Frame rate of the test picture. */
const TEST_FRAME_RATE = 25;
/** Size of the test picture. */
const TEST_PICTURE = { width: 1280, height: 720 } as const;

/**
 * What each kind of source may open, itself and through whatever it leads to: a playlist from the network must never make
 * ffmpeg read a local file, and a file must not make it call out.
 */
const whitelists: Readonly<Record<Exclude<Source['kind'], 'test' | 'push'>, string>> = {
  file: 'file',
  http: 'http,https,httpproxy,tcp,tls',
  hls: 'http,https,httpproxy,tcp,tls,crypto',
  rtsp: 'rtsp,rtsps,rtp,tcp,tls,udp,httpproxy',
  rtmp: 'rtmp,rtmps,tcp,tls,httpproxy',
};

/**
 * What is taken for video. ffmpeg knows far more, and takes any text for ANSI art, so a wrong file would become a picture of
 * itself; scripts such as ffconcat would lead elsewhere. Names differ by version; unknown ones do no harm.
 */
const FORMATS = [
  ...[
    'mov',
    'mp4',
    'matroska',
    'webm',
    'mpegts',
    'mpeg',
    'flv',
    'live_flv',
    'avi',
    'ogg',
    'asf',
    'nut',
    'mxf',
    'ivf',
    'gif',
  ],
  ...[
    'hls',
    'applehttp',
    'dash',
    'rtsp',
    'sdp',
    'rtp',
    'mpjpeg',
    'mjpeg',
    'h264',
    'hevc',
    'av1',
    'obu',
    'mpegvideo',
    'm4v',
  ],
  // Audio of HLS renditions, and files that have a cover picture at most: refused for that, with better words.
  ...['aac', 'mp3', 'ac3', 'eac3', 'flac', 'wav', 'webvtt'],
].join(',');

/** RTSP is no protocol of ffmpeg's but a demuxer; it needs what it runs on. */
const needs: Readonly<Record<string, string>> = { rtsp: 'tcp', rtsps: 'tls' };

/** Files in these containers have a beginning and an end, and would be read as fast as they come. */
const RECORDED = /\.(mp4|m4v|mov|mkv|webm|avi)$/i;

/** The arguments up to and with `-i` that open a source. Throws `source-unsupported` or `source-refused`. Pure. */
export function inputArguments(source: Source | UnknownSource, options: InputOptions): string[] {
  if (source.kind === 'unknown') throw source.problem;
  if (source.kind === 'test') return testInput();
  if (source.kind === 'push') return pushInput(options.protocols);
  const scheme = source.url.slice(0, source.url.indexOf(':')).toLowerCase();
  if (!options.protocols.has(needs[scheme] ?? scheme)) {
    throw new SidepipeError(`source: this ffmpeg has no ${scheme}; name one that has it as ffmpeg.path`, {
      code: 'source-unsupported',
      fault: 'caller',
    });
  }
  const shared = ['-protocol_whitelist', whitelists[source.kind], '-format_whitelist', FORMATS];
  return [...shared, ...kindArguments(source, options), '-i', withAddress(source, options.address)];
}

function kindArguments(source: Exclude<Source, { kind: 'test' }>, options: InputOptions): string[] {
  const microseconds = String(Math.round(options.timeoutSeconds * 1e6));
  // With less probing the first picture comes sooner; with too little, audio that begins late is missed.
  const probe = ['-analyzeduration', '500000', '-probesize', '1000000'];
  switch (source.kind) {
    case 'file':
      return [...(options.loop ? ['-stream_loop', '-1'] : []), '-re'];
    case 'http':
      return ['-rw_timeout', microseconds, ...(isRecorded(source.url) ? ['-re'] : probe)];
    case 'hls':
      // Playlists hand out whole segments at once; read in real time they make no bursts.
      return ['-rw_timeout', microseconds, '-re'];
    case 'rtsp':
      return ['-rtsp_transport', 'tcp', options.libavformat >= 59 ? '-timeout' : '-stimeout', microseconds, ...probe];
    default:
      return [
        ...['-rw_timeout', microseconds, '-rtmp_live', 'live', '-analyzeduration', '200000', '-probesize', '200000'],
        ...(options.address === undefined ? [] : ['-rtmp_tcurl', applicationUrl(source.url)]),
      ];
  }
}

function isRecorded(url: string): boolean {
  return RECORDED.test(new URL(url).pathname);
}

/** FLV on standard input. It tells early which kinds of media it has, so little probing is enough. */
/**
 * Where a publisher's media comes in. Behind `async` it leaves ffmpeg's standard input alone, on which it is told what to do; an
 * input that begins with `pipe:` would not.
 */
function pushInput(protocols: ReadonlySet<string>): string[] {
  const probe = ['-analyzeduration', '500000', '-probesize', '500000'];
  return [
    '-protocol_whitelist',
    'async,pipe',
    '-f',
    'flv',
    ...probe,
    '-i',
    takesCommands(protocols) ? 'async:pipe:6' : 'pipe:6',
  ];
}

/** Whether ffmpeg can be told what to do while it reads a publisher's media. Pure. */
export function takesCommands(protocols: ReadonlySet<string>): boolean {
  return protocols.has('async');
}

/** A moving picture with a running clock and a frame counter in it, and a tone that beeps each second. */
function testInput(): string[] {
  const { width, height } = TEST_PICTURE;
  const picture = `testsrc2=size=${width}x${height}:rate=${TEST_FRAME_RATE}[out0]`;
  return ['-re', '-f', 'lavfi', '-i', `${picture};sine=frequency=220:beep_factor=4:sample_rate=48000[out1]`];
}

/** The host that the node must look up before ffmpeg opens the source; undefined where there is none to look up. Pure. */
export function hostToResolve(source: Pick<Source, 'url'>): string | undefined {
  if (!/^(rtsp|rtmp):/i.test(source.url)) return undefined;
  const { hostname } = new URL(source.url);
  return /^\[|^[\d.]+$/.test(hostname) || hostname === '' ? undefined : hostname;
}

function withAddress({ url }: Source, address: string | undefined): string {
  if (address === undefined) return url;
  // Only the host is replaced: everything else stays as it was written, however odd its encoding is.
  return url.replace(/^([a-z]+:\/\/(?:[^/?#]*@)?)(\[[^\]]*\]|[^:/?#]*)/i, (_, before: string) => before + address);
}

/** What an RTMP server tells its virtual hosts and applications apart by: the URL without its last part and its password. */
function applicationUrl(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}/${pathname.split('/')[1] ?? ''}`;
}
