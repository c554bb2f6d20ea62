import { SidepipeError } from '../errors.js';
import { formatWhitelist, protocolWhitelist } from './input-formats.js';
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
  /** How this ffmpeg names the time that an RTSP socket waits. */
  readonly rtspTimeout: '-timeout' | '-stimeout';
  /** The protocols that this ffmpeg has. */
  readonly protocols: ReadonlySet<string>;
  /** What ffmpeg opens in the source's place: the same by another way. */
  readonly url?: string | undefined;
  /** Whether the stream is under a policy. */
  readonly isBound?: boolean;
  /** Publishers only: no sound is promised. */
  readonly isSilent?: boolean;
  /** HLS only: begin nearer to the end of the playlist than usual. */
  readonly startsLate?: boolean;
  /** Whether this ffmpeg refuses HLS segments by their names. */
  readonly hasPickyHls?: boolean;
  /** Whether audio is known to come too late to be found in the usual time. */
  readonly isAudioLate?: boolean;
  readonly timeouts: SourceTimeouts;
  readonly settings?: Partial<InputSettings>;
}

/** Frame rate of the test picture. */
const TEST_FRAME_RATE = 25;
/** Size of the test picture. */
const TEST_PICTURE = { width: 1280, height: 720 } as const;

/** For audio that comes late. */
const LONG_PROBE = ['-analyzeduration', '3000000', '-probesize', '10000000'];

/** RTSP is no protocol of ffmpeg's but a demuxer; it needs what it runs on. */
const needs: Readonly<Record<string, string>> = { rtsp: 'tcp', rtsps: 'tls' };

/** The arguments up to and with `-i` that open a source. Throws `source-unsupported` or `source-refused`. Pure. */
export function inputArguments(source: Source | UnknownSource, options: InputOptions): string[] {
  const { isBound = false, isSilent = false, isAudioLate = false } = options;
  if (source.kind === 'unknown') throw source.problem;
  if (source.kind === 'test') return testInput();
  if (source.kind === 'push') return pushInput(options.protocols, isSilent && !isAudioLate, isAudioLate);
  if (source.kind === 'device') return deviceInput(source.url, options.settings?.device ?? {});
  const url = options.url ?? source.url;
  // What stands on the command line may be a redirect to the source.
  const opened = (isBound && source.kind !== 'srt') || source.kind === 'rtmp' ? url : source.url;
  const scheme = opened.slice(0, opened.indexOf(':')).toLowerCase();
  if (!options.protocols.has(needs[scheme] ?? scheme)) {
    throw new SidepipeError(`source: this ffmpeg has no ${scheme}; name one that has it as ffmpeg.path`, {
      code: 'source-unsupported',
      fault: 'caller',
    });
  }
  const shared = [
    '-protocol_whitelist',
    isPlaylist(source, url) ? 'hls,http,tcp,srt' : protocolWhitelist(source.kind, isBound),
    '-format_whitelist',
    isConcat(source, url) ? 'concat' : formatWhitelist(source.kind, isBound),
  ];
  return [
    ...shared,
    ...jumpArguments(source),
    ...timestampArguments(source, options),
    ...kindArguments(source, options),
    '-i',
    addressOf(source, url, options),
  ];
}

/** What is set goes before the same in the address; ffmpeg has it the other way round. */
function addressOf({ kind }: Source, url: string, { settings, url: instead }: InputOptions): string {
  // Newer versions look at the ending before they take something for a playlist, and the way to the source may have any.
  if (kind === 'hls' && instead !== undefined) return instead.replace(/(?:\.[a-z0-9]{1,5})?$/i, '.m3u8');
  if (kind !== 'srt' || isPlaylist({ kind }, url)) return url;
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

/**
 * In transport streams, and in newer versions in HLS, ffmpeg takes a jump of more than ten seconds out of the timeline. Elsewhere it passes each
 * on, of up to 30 hours: an encoder then repeats a picture, or makes silence, for as long. With a limit it leaves such timestamps out and says
 * so: see `LostTimestamps`. Slide shows have pictures a minute apart; HLS has none that are longer than a segment.
 */
function jumpArguments({ kind }: Source): string[] {
  if (kind === 'file' || kind === 'directory') return [];
  return ['-dts_error_threshold', kind === 'hls' ? '10' : '60'];
}

function kindArguments(source: Exclude<Source, { kind: 'test' }>, options: InputOptions): string[] {
  const microseconds = String(Math.round(options.timeouts.socketSeconds * 1e6));
  // With less probing the first picture comes sooner; with too little, audio that begins late is missed.
  const probe = options.isAudioLate ? LONG_PROBE : ['-analyzeduration', '500000', '-probesize', '1000000'];
  switch (source.kind) {
    case 'file':
      return [...(options.loop ? ['-stream_loop', '-1'] : []), '-re'];
    case 'directory':
      return ['-re'];
    case 'http':
      return ['-rw_timeout', microseconds, ...(isRecorded(source) ? ['-re'] : probe)];
    case 'mjpeg':
      // Images are found by their own markers: headers between them differ by camera, lack lengths, or have wrong ones.
      // Their rate is of no use, and finding it takes twenty of them.
      return ['-rw_timeout', microseconds, ...probe, '-fpsprobesize', '0', '-f', 'mjpeg'];
    case 'hls':
      return [
        ...['-rw_timeout', microseconds],
        // Cameras name segments as they like. What may be opened is said by the lists of protocols and formats, and by the policy.
        ...(options.hasPickyHls ? ['-extension_picky', '0'] : []),
        ...(options.startsLate ? ['-live_start_index', '-1'] : []),
        // Playlists hand out whole segments at once; read in real time they make no bursts.
        '-re',
      ];
    case 'rtsp': {
      const { rtspTransport = 'tcp' } = options.settings ?? {};
      return ['-rtsp_transport', rtspTransport, options.rtspTimeout, microseconds, ...probe];
    }
    case 'srt':
      if (isConcat(source, options.url)) return ['-f', 'concat', '-safe', '0'];
      return isPlaylist(source, options.url) ? probe : [...srtArguments(source.url, options), ...probe];
    default:
      return [
        ...['-rw_timeout', microseconds, '-rtmp_live', 'live'],
        // As FLV that is live ffmpeg takes jumps out of the timeline.
        ...['-f', 'live_flv'],
        ...(options.isAudioLate ? LONG_PROBE : ['-analyzeduration', '200000', '-probesize', '200000']),
        ...['-fpsprobesize', '0'],
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
    // Not `-streamid`: ffmpeg itself has an option of that name, for outputs, and rejects it here.
    ...option('-srt_streamid', srt.streamId),
    ...option('-latency', srt.latencyMs === undefined ? undefined : String(srt.latencyMs * 1000)),
  ];
}

/** What ffmpeg opens is the playlist of an SRT source. */
function isPlaylist({ kind }: Pick<Source, 'kind'>, url: string | undefined): boolean {
  return kind === 'srt' && url !== undefined && /^(?:hls\+)?http:/.test(url);
}

function isConcat(source: Pick<Source, 'kind'>, url: string | undefined): boolean {
  return isPlaylist(source, url) && !url!.startsWith('hls+');
}

/** ffmpeg reads a line of a playlist up to 4,096 bytes. */
const MAX_LINE_BYTES = 4000;

export interface SrtPlaylistOptions extends Pick<InputOptions, 'protocols' | 'settings' | 'timeouts'> {
  /** Whether this ffmpeg's playlists of the `concat` demuxer set options: see `BuildOptions`. */
  readonly hasConcatOptions: boolean;
}

/** The playlist that replaces an SRT source on the command line. */
export interface SrtPlaylist {
  /** The `hls` protocol passes on the bytes of what a playlist names. From 8 on there is none, but the `concat` demuxer. */
  readonly opener: 'hls' | 'concat';
  readonly playlist: string;
}

/**
 * A playlist whose one entry is an SRT source with its settings, so that the secrets need not be on the command line. Undefined where there are
 * none, and where this ffmpeg can read none that says all of them. Pure.
 */
export function srtPlaylist(url: string, options: SrtPlaylistOptions): SrtPlaylist | undefined {
  const { protocols, settings, hasConcatOptions } = options;
  const { passphrase, streamId } = settings?.srt ?? {};
  const isSecret = withoutSrtParameters(url, ['passphrase', 'streamid']) !== withoutSrtParameters(url, []);
  if (!isSecret && passphrase === undefined && streamId === undefined) return undefined;
  const playlist = protocols.has('hls') ? hlsPlaylist(url, options) : undefined;
  if (playlist !== undefined) return { opener: 'hls', playlist };
  const script = hasConcatOptions ? concatScript(url, options) : undefined;
  return script === undefined ? undefined : { opener: 'concat', playlist: script };
}

/** All that is set of SRT, as its addresses call it. */
function srtSettings(url: string, { settings, timeouts }: SrtPlaylistOptions): readonly (readonly [string, string])[] {
  const { passphrase, streamId, latencyMs, mode } = settings?.srt ?? {};
  const latency = latencyMs === undefined ? undefined : String(latencyMs * 1000);
  const called = srtMode(url, mode);
  const set = {
    passphrase,
    streamid: streamId,
    latency,
    mode: called,
    timeout: String(Math.round(timeouts.readSeconds * 1e6)),
    connect_timeout: called === 'listener' ? undefined : String(Math.round(timeouts.socketSeconds * 1000)),
  };
  return Object.entries(set).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
}

/** What the address itself says of settings that are set goes: ffmpeg would take it. */
function withoutSet(url: string, set: readonly (readonly [string, string])[]): string {
  const own = ['timeout', 'connect_timeout'];
  return withoutSrtParameters(
    url,
    set.map(([name]) => name).filter((name) => !own.includes(name)),
  );
}

/** Undefined where a setting has characters that mean something in an address, or is too long. */
function hlsPlaylist(url: string, options: SrtPlaylistOptions): string | undefined {
  const set = srtSettings(url, options);
  if (set.some(([, value]) => /[&+%\s]/.test(value))) return undefined;
  const own = withoutSet(url, set);
  // ffmpeg takes the first of two, and what the address says goes before these.
  const line = `${own}${own.includes('?') ? '&' : '?'}${set.map(([name, value]) => `${name}=${value}`).join('&')}`;
  if (Buffer.byteLength(line) > MAX_LINE_BYTES || /\s/.test(line)) return undefined;
  return `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n${line}\n#EXT-X-ENDLIST\n`;
}

/** Undefined where something has a line break. */
function concatScript(url: string, options: SrtPlaylistOptions): string | undefined {
  const set = srtSettings(url, options);
  const lines = [
    'ffconcat version 1.0',
    `file ${quoted(withoutSet(url, set))}`,
    ...[...set, ...PROBE, ...ONLY_MEDIA].map(([name, value]) => `option ${name} ${quoted(value)}`),
  ];
  return lines.some((line) => /[\r\n]/.test(line)) ? undefined : `${lines.join('\n')}\n`;
}

/** The demuxer within has options of its own. */
const PROBE = [
  ['analyzeduration', '500000'],
  ['probesize', '1000000'],
] as const;
/** What the peer sends must not be another script. */
const ONLY_MEDIA = [
  ['protocol_whitelist', 'srt'],
  ['format_whitelist', formatWhitelist('srt', true)],
] as const;

/** Between quotes everything stands for itself. */
function quoted(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
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

/** Whether a source is a recording: opened again, it starts from its beginning. Pure. */
export function isRecorded(source: Source | UnknownSource): boolean {
  const { kind } = source;
  if (kind === 'http') return RECORDED.test(new URL(source.url).pathname);
  return kind === 'file' || kind === 'directory';
}

/**
 * Where a publisher's media comes in: FLV. It tells early which kinds of media it has, so probing ends with the first packet of each,
 * or where no sound comes after so many microseconds, which are fewer where none is promised; and
 * unless ffmpeg waits for twenty more to guess a rate (`-fpsprobesize`), which metadata and codec tell. Behind `async` it leaves ffmpeg's standard input alone, on which it is told what to do; an
 * input that begins with `pipe:` would not.
 */
function pushInput(protocols: ReadonlySet<string>, isSilent: boolean, isAudioLate: boolean): string[] {
  const short = ['-analyzeduration', isSilent ? '100000' : '500000', '-probesize', '500000'];
  const probe = [...(isAudioLate ? LONG_PROBE : short), '-fpsprobesize', '0'];
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
