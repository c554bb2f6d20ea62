import type { BuildOptions } from '../build-options.js';

/** The H.264 encoders, their arguments, and how one is chosen. Pure. */

/** The values of a rendition's `encoder`; `libx264` is an alias of `software`. */
export type EncoderSetting = 'auto' | 'software' | 'libx264' | HardwareKind;

type HardwareKind = 'v4l2m2m' | 'vaapi' | 'nvenc' | 'qsv' | 'videotoolbox';

/** ffmpeg's encoder names. */
export type Encoder = 'libx264' | `h264_${HardwareKind}`;

/** The order in which `auto` tests them: graphics cards first, then encoders of boards. */
export const HARDWARE_ENCODERS: readonly Exclude<Encoder, 'libx264'>[] = [
  'h264_nvenc',
  'h264_qsv',
  'h264_vaapi',
  'h264_videotoolbox',
  'h264_v4l2m2m',
];

/** The settings for one encoder. */
export interface Encoding {
  readonly encoder: Encoder;
  /** The maximum height of the rendition. */
  readonly height: number;
  /** Bits per second. */
  readonly bitrate: number;
  readonly fps: number | undefined;
  /** libx264 only: the others have their own presets. */
  readonly preset: string;
  readonly segmentSeconds: number;
  /** False: each frame is decoded in display order, so that timestamps are the same in all renditions. */
  readonly reorder: boolean;
  /** Each frame is output before the next one is read, also with several threads. Default: false. */
  readonly isImmediate?: boolean;
  /** Parameter sets are written once, as extradata. Default: what the container needs. */
  readonly hasGlobalHeader?: boolean;
  readonly options: Pick<BuildOptions, 'hasQsvForcedIdr'>;
}

/** Arguments before all inputs: the device that frames are uploaded to. */
export function deviceArguments(encoders: readonly Encoder[]): string[] {
  // libva chooses the device: the first available one.
  return encoders.includes('h264_vaapi') ? ['-init_hw_device', 'vaapi=gpu', '-filter_hw_device', 'gpu'] : [];
}

/** The end of the filter chain: 8 bits, 4:2:0, in the memory that the encoder needs. */
export function formatFilter(encoder: Encoder): string {
  switch (encoder) {
    case 'h264_vaapi':
      return 'format=nv12,hwupload';
    case 'h264_qsv':
      return 'format=nv12';
    default:
      return 'format=yuv420p';
  }
}

/** The codec with bitrate and keyframes. All keyframes are forced ones. */
export function encoderArguments(encoding: Encoding): string[] {
  const { encoder, bitrate } = encoding;
  const rate = ['-b:v', String(bitrate), '-maxrate', String(bitrate), '-bufsize', String(bitrate * 2)];
  return ['-c:v', encoder, ...rate, ...ownArguments(encoding)];
}

/** Longer than any segment. */
const ENDLESS_GOP = '100000';

function ownArguments(encoding: Encoding): string[] {
  const { encoder, height, fps, preset, segmentSeconds, reorder, options } = encoding;
  const { isImmediate = false, hasGlobalHeader = false } = encoding;
  const profile = ['-profile:v', 'high'];
  if (encoder === 'libx264') {
    return [
      ...['-preset', preset, ...(isImmediate ? ['-tune', 'zerolatency'] : []), ...profile, '-level:v', levelOf(height)],
      ...['-g', ENDLESS_GOP, '-keyint_min', '1', '-sc_threshold', '0'],
      ...['-flags', `+cgop${hasGlobalHeader ? '+global_header' : ''}`],
      ...(isImmediate ? [] : lookaheadArguments(preset)),
      ...(reorder ? [] : ['-bf', '0']),
    ];
  }
  return [
    ...hardwareArguments({ encoder, fps, segmentSeconds, options }, profile),
    ...(hasGlobalHeader ? ['-flags', '+global_header'] : []),
  ];
}

interface HardwareEncoding extends Pick<Encoding, 'fps' | 'segmentSeconds' | 'options'> {
  readonly encoder: Exclude<Encoder, 'libx264'>;
}

function hardwareArguments({ encoder, fps, segmentSeconds, options }: HardwareEncoding, profile: string[]): string[] {
  switch (encoder) {
    case 'h264_nvenc':
      return [...profile, '-g', ENDLESS_GOP, '-forced-idr', '1', '-bf', '0'];
    case 'h264_qsv':
      return [...profile, '-g', ENDLESS_GOP, ...(options.hasQsvForcedIdr ? ['-forced_idr', '1'] : []), '-bf', '0'];
    case 'h264_vaapi':
      return [...profile, '-g', '1000', '-bf', '0'];
    case 'h264_videotoolbox':
      return [...profile, '-g', ENDLESS_GOP, '-realtime', '1', '-bf', '0'];
    case 'h264_v4l2m2m':
      // Older versions cannot force a keyframe, so keyframes come at the interval of the segments.
      return ['-g', String(Math.max(1, Math.round((fps ?? 25) * segmentSeconds))), '-bf', '0'];
  }
}

/** Presets without lookahead. */
const BLIND_PRESETS: readonly string[] = ['ultrafast', 'superfast'];

/**
 * Each frame of x264's lookahead adds one frame of latency: presets use 10 to 60, and 4 more for a thread of its own. With 6, the quality
 * of two real clips at 600 kbit/s was 0.1 to 0.6 dB lower (SSIM) than with 10.
 */
function lookaheadArguments(preset: string): string[] {
  return BLIND_PRESETS.includes(preset) ? [] : ['-rc-lookahead', '6', '-x264-params', 'sync-lookahead=0'];
}

/**
 * Set explicitly, because x264 would derive it from the time base, which is the source's and can be 90,000 per second. Sufficient for
 * 60 frames per second at 16:9.
 */
function levelOf(height: number): string {
  if (height <= 360) return '3.0';
  if (height <= 480) return '3.1';
  if (height <= 720) return '3.2';
  if (height <= 1088) return '4.2';
  return height <= 1440 ? '5.1' : '5.2';
}

/** A short encode that exercises everything a real one needs. The output goes to standard output. */
export function trialArguments(encoder: Encoder, options: Encoding['options']): string[] {
  const size = { height: 240, bitrate: 500_000, fps: 25, preset: 'ultrafast', segmentSeconds: 1, reorder: false };
  return [
    ...['-hide_banner', '-nostdin', '-loglevel', 'error', ...deviceArguments([encoder])],
    ...['-f', 'lavfi', '-i', 'testsrc=size=320x240:rate=25', '-vf', formatFilter(encoder), '-frames:v', '10'],
    ...[...encoderArguments({ ...size, encoder, options }), '-f', 'h264', 'pipe:1'],
  ];
}

/** The result of testing an encoder. */
export type TrialResult = { readonly works: true } | { readonly works: false; readonly reason: string };

export interface EncoderChoice {
  readonly encoder: Encoder;
  /** Why this encoder was chosen. */
  readonly reason: string;
}

/** The encoders that a setting allows, best first; libx264 is always the last. */
export function candidates(setting: EncoderSetting): readonly Encoder[] {
  if (setting === 'software' || setting === 'libx264') return ['libx264'];
  if (setting === 'auto') return [...HARDWARE_ENCODERS, 'libx264'];
  return [`h264_${setting}`, 'libx264'];
}

/** The first working encoder of a setting. `tried` contains those before libx264, in order. */
export function chooseEncoder(
  setting: EncoderSetting,
  tried: readonly (readonly [Encoder, TrialResult])[],
): EncoderChoice {
  const [encoder] = tried.find(([, { works }]) => works) ?? [];
  if (encoder !== undefined) return { encoder, reason: 'tested and working' };
  if (tried.length === 0) return { encoder: 'libx264', reason: 'as configured' };
  const failures = tried.map(([name, result]) => `${name}: ${result.works ? '' : result.reason}`);
  const why = setting === 'auto' ? 'no hardware encoder works' : `encoder ${setting} does not work`;
  return { encoder: 'libx264', reason: `${why} (${failures.join('; ')})` };
}

/** ffmpeg's messages if an encoder, its device or its setup fails. */
const FAILURE =
  /Error (?:initializing output stream|while opening encoder|submitting .* to the encoder|sending frames to .*encoders?)|Video encoding failed|hwupload|Device creation failed|Failed to set value .*init_hw_device/i;

/** The messages about a failed hardware encoder in a run's log; undefined if there are none. */
export function encoderFailure(
  lines: readonly { readonly level: string; readonly module: string; readonly text: string }[],
  encoders: readonly Encoder[],
): string | undefined {
  const hardware = encoders.filter((each) => each !== 'libx264');
  if (hardware.length === 0) return undefined;
  const errors = lines.filter(({ level }) => level === 'error' || level === 'fatal');
  const own = errors.find(({ module }) => hardware.some((each) => module === each || module === 'AVHWDeviceContext'));
  return (own ?? errors.find(({ text }) => FAILURE.test(text)))?.text;
}
