import { SidepipeError } from '../errors.js';
import { formatWhitelist, protocolWhitelist } from './input-formats.js';
import type { PublisherFormat } from './publisher.js';
import { RECORDED, type Source, srtMode, type UnknownSource, withoutSrtParameters } from './source.js';
import type { SourceTimeouts } from './timeouts.js';

/** The stream settings that affect how its source is opened. */
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
  /** Files only: start over at the end. */
  readonly loop: boolean;
  /** The name of ffmpeg's RTSP socket timeout option. */
  readonly rtspTimeout: '-timeout' | '-stimeout';
  /** The protocols that this ffmpeg supports. */
  readonly protocols: ReadonlySet<string>;
  /** A URL that ffmpeg opens instead of the source's: the same media by another route. */
  readonly url?: string | undefined;
  /** Whether the stream is subject to a policy. */
  readonly isBound?: boolean;
  /** Publishers only: the publisher announced no audio. */
  readonly isSilent?: boolean;
  /** Publishers only: the container of their media. Default: FLV. */
  readonly publisherFormat?: PublisherFormat | undefined;
  /** HLS only: start closer to the live edge than usual. */
  readonly startsLate?: boolean;
  /** Whether this ffmpeg rejects HLS segments by their file names. */
  readonly hasPickyHls?: boolean;
  /** Whether the audio is known to start too late for the usual probe. */
  readonly isAudioLate?: boolean;
  readonly timeouts: SourceTimeouts;
  readonly settings?: Partial<InputSettings>;
}

/** Frame rate of the test source. */
const TEST_FRAME_RATE = 25;
/** Frame size of the test source. */
const TEST_PICTURE = { width: 1280, height: 720 } as const;

/** For audio that starts late. */
const LONG_PROBE = ['-analyzeduration', '3000000', '-probesize', '10000000'];

/** In ffmpeg RTSP is a demuxer, not a protocol, so the protocol it runs on is what must exist. */
const needs: Readonly<Record<string, string>> = { rtsp: 'tcp', rtsps: 'tls' };

/** The arguments that open a source, up to and including `-i`. Throws `source-unsupported` or `source-refused`. Pure. */
export function inputArguments(source: Source | UnknownSource, options: InputOptions): string[] {
  const { isBound = false } = options;
  if (source.kind === 'unknown') throw source.problem;
  if (source.kind === 'test') return testInput();
  if (source.kind === 'push') return pushInput(options);
  if (source.kind === 'device') return deviceInput(source.url, options.settings?.device ?? {});
  const url = options.url ?? source.url;
  // The URL on the command line may be a redirect to the source.
  const opened = (isBound && source.kind !== 'srt') || source.kind === 'rtmp' ? url : source.url;
  const scheme = opened.slice(0, opened.indexOf(':')).toLowerCase();
  if (!options.protocols.has(needs[scheme] ?? scheme)) {
    throw new SidepipeError(`source: this ffmpeg has no ${scheme}; set ffmpeg.path to one that has it`, {
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

/** Settings override the same parameters in the URL; in ffmpeg the URL would override them. */
function addressOf({ kind }: Source, url: string, { settings, url: instead }: InputOptions): string {
  // Newer versions detect a playlist only by its file extension, and the route to the source may have any.
  if (kind === 'hls' && instead !== undefined) return instead.replace(/(?:\.[a-z0-9]{1,5})?$/i, '.m3u8');
  if (kind !== 'srt' || isPlaylist({ kind }, url)) return url;
  const { passphrase, streamId, latencyMs } = settings?.srt ?? {};
  const set = Object.entries({ passphrase, streamid: streamId, latency: latencyMs });
  const names = set.flatMap(([name, value]) => (value === undefined ? [] : [name]));
  return withoutSrtParameters(url, ['mode', ...names]);
}

/**
 * Motion JPEG has no timestamps, and ffmpeg would assume 25 frames per second. Live packets without a presentation timestamp get one
 * that follows from their order.
 */
function timestampArguments({ kind }: Source, { settings }: InputOptions): string[] {
  if (kind === 'file' || kind === 'directory') return [];
  const wallclock = kind === 'mjpeg' || settings?.timestamps === 'wallclock';
  return ['-fflags', '+genpts', ...(wallclock ? ['-use_wallclock_as_timestamps', '1'] : [])];
}

/**
 * In transport streams, and in newer versions in HLS, ffmpeg removes timestamp jumps of more than ten seconds from the timeline. Elsewhere
 * it passes on jumps of up to 30 hours, and an encoder then repeats a frame or generates silence for as long. With a limit ffmpeg drops
 * such packets and logs it: see `LostTimestamps`. Slide shows have a minute between frames; HLS has no gap longer than a segment.
 */
function jumpArguments({ kind }: Source): string[] {
  if (kind === 'file' || kind === 'directory') return [];
  return ['-dts_error_threshold', kind === 'hls' ? '10' : '60'];
}

function kindArguments(source: Exclude<Source, { kind: 'test' }>, options: InputOptions): string[] {
  const microseconds = String(Math.round(options.timeouts.socketSeconds * 1e6));
  // A shorter probe makes the first frame available sooner; a probe that is too short misses audio that starts late.
  const probe = options.isAudioLate ? LONG_PROBE : ['-analyzeduration', '500000', '-probesize', '1000000'];
  switch (source.kind) {
    case 'file':
      return [...(options.loop ? ['-stream_loop', '-1'] : []), '-re'];
    case 'directory':
      return ['-re'];
    case 'http':
      return ['-rw_timeout', microseconds, ...(isRecorded(source) ? ['-re'] : probe)];
    case 'mjpeg':
      // JPEG images are found by their own markers, because the headers between them vary by camera and can lack the length or have a
      // wrong one. The frame rate is not needed, and detecting it takes twenty images.
      return ['-rw_timeout', microseconds, ...probe, '-fpsprobesize', '0', '-f', 'mjpeg'];
    case 'hls':
      return [
        ...['-rw_timeout', microseconds],
        // Cameras use any segment name. The protocol and format whitelists and the policy limit what may be opened.
        ...(options.hasPickyHls ? ['-extension_picky', '0'] : []),
        ...(options.startsLate ? ['-live_start_index', '-1'] : []),
        // A playlist provides whole segments at once; reading in real time avoids bursts.
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
        // With the live FLV demuxer ffmpeg removes jumps from the timeline.
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
    // Not `-streamid`: ffmpeg has an output option with that name and rejects it here.
    ...option('-srt_streamid', srt.streamId),
    ...option('-latency', srt.latencyMs === undefined ? undefined : String(srt.latencyMs * 1000)),
  ];
}

/** Whether ffmpeg opens the playlist of an SRT source. */
function isPlaylist({ kind }: Pick<Source, 'kind'>, url: string | undefined): boolean {
  return kind === 'srt' && url !== undefined && /^(?:hls\+)?http:/.test(url);
}

function isConcat(source: Pick<Source, 'kind'>, url: string | undefined): boolean {
  return isPlaylist(source, url) && !url!.startsWith('hls+');
}

/** ffmpeg reads at most 4,096 bytes of a playlist line. */
const MAX_LINE_BYTES = 4000;

export interface SrtPlaylistOptions extends Pick<InputOptions, 'protocols' | 'settings' | 'timeouts'> {
  /** Whether playlists of this ffmpeg's `concat` demuxer can set options: see `BuildOptions`. */
  readonly hasConcatOptions: boolean;
}

/** A playlist that replaces an SRT URL on the command line. */
export interface SrtPlaylist {
  /** The `hls` protocol passes on the bytes of the playlist's entries. ffmpeg 8 removed it, so the `concat` demuxer is used there. */
  readonly opener: 'hls' | 'concat';
  readonly playlist: string;
}

/**
 * A playlist whose only entry is an SRT source with its settings, which keeps the secrets off the command line. Undefined if there are no
 * secrets, or if this ffmpeg can read no playlist that expresses all settings. Pure.
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

/** All SRT settings by their URL parameter names. */
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

/** The URL without the parameters that settings override, because ffmpeg would use the URL's. */
function withoutSet(url: string, set: readonly (readonly [string, string])[]): string {
  const own = ['timeout', 'connect_timeout'];
  return withoutSrtParameters(
    url,
    set.map(([name]) => name).filter((name) => !own.includes(name)),
  );
}

/** Undefined if a setting contains characters with a meaning in URLs, or the line is too long. */
function hlsPlaylist(url: string, options: SrtPlaylistOptions): string | undefined {
  const set = srtSettings(url, options);
  if (set.some(([, value]) => /[&+%\s]/.test(value))) return undefined;
  const own = withoutSet(url, set);
  // ffmpeg uses the first of two equal parameters, and the URL's come first.
  const line = `${own}${own.includes('?') ? '&' : '?'}${set.map(([name, value]) => `${name}=${value}`).join('&')}`;
  if (Buffer.byteLength(line) > MAX_LINE_BYTES || /\s/.test(line)) return undefined;
  return `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n${line}\n#EXT-X-ENDLIST\n`;
}

/** Undefined if a value contains a line break. */
function concatScript(url: string, options: SrtPlaylistOptions): string | undefined {
  const set = srtSettings(url, options);
  const lines = [
    'ffconcat version 1.0',
    `file ${quoted(withoutSet(url, set))}`,
    ...[...set, ...PROBE, ...ONLY_MEDIA].map(([name, value]) => `option ${name} ${quoted(value)}`),
  ];
  return lines.some((line) => /[\r\n]/.test(line)) ? undefined : `${lines.join('\n')}\n`;
}

/** The inner demuxer needs its own probe options. */
const PROBE = [
  ['analyzeduration', '500000'],
  ['probesize', '1000000'],
] as const;
/** The peer must not be able to send another script. */
const ONLY_MEDIA = [
  ['protocol_whitelist', 'srt'],
  ['format_whitelist', formatWhitelist('srt', true)],
] as const;

/** No character has a meaning inside the quotes. */
function quoted(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}

/** A local camera. Without a setting, the device uses its own default. */
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
 * Whether a source's video can be copied without encoding. HLS cannot carry motion JPEG or raw frames, and the test source is generated
 * raw. Pure.
 */
export function isCopyable({ kind }: Pick<Source | UnknownSource, 'kind'>, device: InputSettings['device']): boolean {
  if (kind === 'device') return device.format === 'h264';
  return kind !== 'test' && kind !== 'mjpeg';
}

/** Whether a source is a recording, which starts from the beginning each time it is opened. Pure. */
export function isRecorded(source: Source | UnknownSource): boolean {
  const { kind } = source;
  if (kind === 'http') return RECORDED.test(new URL(source.url).pathname);
  return kind === 'file' || kind === 'directory';
}

/**
 * A publisher's media arrives as FLV or Matroska. Its header announces the kinds of media, so probing ends with the first packet of each, or after
 * `-analyzeduration` if no audio arrives, which is shorter if no audio was announced. Without `-fpsprobesize 0` ffmpeg would wait for
 * twenty more frames to guess a rate that the metadata and the codec already state. With `async:` ffmpeg still reads commands from its
 * standard input; with an input that starts with `pipe:` it does not.
 */
function pushInput({
  protocols,
  isSilent: isSaidSilent = false,
  isAudioLate = false,
  publisherFormat = 'flv',
}: InputOptions): string[] {
  const isSilent = isSaidSilent && !isAudioLate;
  const short = ['-analyzeduration', isSilent ? '100000' : '500000', '-probesize', '500000'];
  const probe = [...(isAudioLate ? LONG_PROBE : short), '-fpsprobesize', '0'];
  return [
    '-protocol_whitelist',
    'async,pipe',
    '-f',
    publisherFormat,
    ...probe,
    '-i',
    takesCommands(protocols) ? 'async:pipe:6' : 'pipe:6',
  ];
}

/** Whether ffmpeg reads commands while it reads a publisher's media. Pure. */
export function takesCommands(protocols: ReadonlySet<string>): boolean {
  return protocols.has('async');
}

/** A moving test pattern with a clock and a frame counter, and a tone that beeps every second. */
function testInput(): string[] {
  const { width, height } = TEST_PICTURE;
  const picture = `testsrc2=size=${width}x${height}:rate=${TEST_FRAME_RATE}[out0]`;
  return ['-re', '-f', 'lavfi', '-i', `${picture};sine=frequency=220:beep_factor=4:sample_rate=48000[out1]`];
}
