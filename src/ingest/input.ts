import { SidepipeError } from '../errors.js';
import { FORMATS, protocolWhitelist } from './input-formats.js';
import { RECORDED, type Source, srtMode, type UnknownSource, withoutSrtParameters } from './source.js';
import type { SourceTimeouts } from './timeouts.js';

/** How a stream's source is opened, as far as the stream says. */
export interface InputSettings {
  readonly timestamps: 'source' | 'wallclock';
  readonly rtspTransport: 'tcp' | 'udp';
  readonly srt: {
    readonly mode?: 'caller' | 'listener' | undefined;
    readonly passphrase?: string | undefined;
    readonly streamId?: string | undefined;
    readonly latencyMs?: number | undefined;
  };
  readonly device: {
    readonly format?: string | undefined;
    readonly width?: number | undefined;
    readonly height?: number | undefined;
    readonly fps?: number | undefined;
  };
}

export interface InputOptions {
  /** Files only: begin again at the end. */
  readonly loop: boolean;
  /** Major version of ffmpeg's libavformat. */
  readonly libavformat: number;
  /** The protocols that this ffmpeg has. */
  readonly protocols: ReadonlySet<string>;
  /** What ffmpeg opens in the source's place: the same by another way. */
  readonly url?: string | undefined;
  /** Whether the stream is under a policy. */
  readonly isBound?: boolean;
  /** Publishers only: no sound is promised. */
  readonly isSilent?: boolean;
  readonly timeouts: SourceTimeouts;
  readonly settings?: Partial<InputSettings>;
}

/** Frame rate of the test picture. */
const TEST_FRAME_RATE = 25;
/** Size of the test picture. */
const TEST_PICTURE = { width: 1280, height: 720 } as const;

/** RTSP is no protocol of ffmpeg's but a demuxer; it needs what it runs on. */
const needs: Readonly<Record<string, string>> = { rtsp: 'tcp', rtsps: 'tls' };

/** The arguments up to and with `-i` that open a source. Throws `source-unsupported` or `source-refused`. Pure. */
export function inputArguments(source: Source | UnknownSource, options: InputOptions): string[] {
  const { isBound = false, isSilent = false } = options;
  if (source.kind === 'unknown') throw source.problem;
  if (source.kind === 'test') return testInput();
  if (source.kind === 'push') return pushInput(options.protocols, isSilent);
  if (source.kind === 'device') return deviceInput(source.url, options.settings?.device ?? {});
  const url = options.url ?? source.url;
  const scheme = url.slice(0, url.indexOf(':')).toLowerCase();
  if (!options.protocols.has(needs[scheme] ?? scheme)) {
    throw new SidepipeError(`source: this ffmpeg has no ${scheme}; name one that has it as ffmpeg.path`, {
      code: 'source-unsupported',
      fault: 'caller',
    });
  }
  const shared = ['-protocol_whitelist', protocolWhitelist(source.kind, isBound), '-format_whitelist', FORMATS];
  return [
    ...shared,
    ...timestampArguments(source, options),
    ...kindArguments(source, options),
    '-i',
    addressOf(source, url, options),
  ];
}

/** What is set goes before the same in the address; ffmpeg has it the other way round. */
function addressOf({ kind }: Source, url: string, { settings }: InputOptions): string {
  if (kind !== 'srt') return url;
  const { passphrase, streamId, latencyMs } = settings?.srt ?? {};
  const set = Object.entries({ passphrase, streamid: streamId, latency: latencyMs });
  const names = set.flatMap(([name, value]) => (value === undefined ? [] : [name]));
  return withoutSrtParameters(url, ['mode', ...names]);
}

/**
 * Motion JPEG has no times at all, and ffmpeg would take it for 25 frames a second. Live packets without a presentation time
 * get the one that follows from their order.
 */
function timestampArguments({ kind }: Source, { settings }: InputOptions): string[] {
  if (kind === 'file' || kind === 'directory') return [];
  const wallclock = kind === 'mjpeg' || settings?.timestamps === 'wallclock';
  return ['-fflags', '+genpts', ...(wallclock ? ['-use_wallclock_as_timestamps', '1'] : [])];
}

function kindArguments(source: Exclude<Source, { kind: 'test' }>, options: InputOptions): string[] {
  const microseconds = String(Math.round(options.timeouts.socketSeconds * 1e6));
  // With less probing the first picture comes sooner; with too little, audio that begins late is missed.
  const probe = ['-analyzeduration', '500000', '-probesize', '1000000'];
  switch (source.kind) {
    case 'file':
      return [...(options.loop ? ['-stream_loop', '-1'] : []), '-re'];
    case 'directory':
      return ['-re'];
    case 'http':
      return ['-rw_timeout', microseconds, ...(isRecorded(source.url) ? ['-re'] : probe)];
    case 'mjpeg':
      return ['-rw_timeout', microseconds, ...probe];
    case 'hls':
      // Playlists hand out whole segments at once; read in real time they make no bursts.
      return ['-rw_timeout', microseconds, '-re'];
    case 'rtsp': {
      const { rtspTransport = 'tcp' } = options.settings ?? {};
      const timeout = options.libavformat >= 59 ? '-timeout' : '-stimeout';
      return ['-rtsp_transport', rtspTransport, timeout, microseconds, ...probe];
    }
    case 'srt':
      return [...srtArguments(source.url, options), ...probe];
    default:
      return [
        ...[
          '-rw_timeout',
          microseconds,
          '-rtmp_live',
          'live',
          '-analyzeduration',
          '200000',
          '-probesize',
          '200000',
          '-fpsprobesize',
          '0',
        ],
        ...(options.url === undefined ? [] : ['-rtmp_tcurl', applicationUrl(source.url)]),
      ];
  }
}

function srtArguments(url: string, { settings, timeouts }: InputOptions): string[] {
  const srt = settings?.srt ?? {};
  const { socketSeconds, readSeconds } = timeouts;
  const mode = srtMode(url, srt.mode);
  const option = (name: string, value: string | undefined) => (value === undefined ? [] : [name, value]);
  return [
    ...['-mode', mode, '-timeout', String(Math.round(readSeconds * 1e6))],
    ...(mode !== 'listener' ? ['-connect_timeout', String(Math.round(socketSeconds * 1000))] : []),
    ...option('-passphrase', srt.passphrase),
    ...option('-streamid', srt.streamId),
    ...option('-latency', srt.latencyMs === undefined ? undefined : String(srt.latencyMs * 1000)),
  ];
}

/** A camera at this machine. What is not set is as the device likes it. */
function deviceInput(path: string, { format, width, height, fps }: InputSettings['device']): string[] {
  return [
    ...['-f', 'v4l2', '-thread_queue_size', '64'],
    ...(format === undefined ? [] : ['-input_format', format]),
    ...(width === undefined || height === undefined ? [] : ['-video_size', `${width}x${height}`]),
    ...(fps === undefined ? [] : ['-framerate', String(fps)]),
    ...['-i', path],
  ];
}

/**
 * Whether a source's video can be passed on as it is. Motion JPEG and raw pictures are nothing that HLS carries; a test picture
 * is made here. Pure.
 */
export function isCopyable({ kind }: Pick<Source | UnknownSource, 'kind'>, device: InputSettings['device']): boolean {
  if (kind === 'device') return device.format === 'h264';
  return kind !== 'test' && kind !== 'mjpeg';
}

function isRecorded(url: string): boolean {
  return RECORDED.test(new URL(url).pathname);
}

/**
 * Where a publisher's media comes in: FLV. It tells early which kinds of media it has, so probing ends with the first packet of each,
 * or where no sound comes after so many microseconds, which are fewer where none is promised; and
 * unless ffmpeg waits for twenty more to guess a rate (`-fpsprobesize`), which metadata and codec tell. Behind `async` it leaves ffmpeg's standard input alone, on which it is told what to do; an
 * input that begins with `pipe:` would not.
 */
function pushInput(protocols: ReadonlySet<string>, isSilent: boolean): string[] {
  const probe = ['-analyzeduration', isSilent ? '100000' : '500000', '-probesize', '500000', '-fpsprobesize', '0'];
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

/** What an RTMP server tells its virtual hosts and applications apart by: the URL without its last part and its password. */
function applicationUrl(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}/${pathname.split('/')[1] ?? ''}`;
}
