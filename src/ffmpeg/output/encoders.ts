import type { BuildOptions } from '../build-options.js';

/** The encoders that video can be made H.264 with, what each is told, and which one is taken. Pure. */

/** What a rendition may ask for; `libx264` is another name of `software`. */
export type EncoderSetting = 'auto' | 'software' | 'libx264' | HardwareKind;

type HardwareKind = 'v4l2m2m' | 'vaapi' | 'nvenc' | 'qsv' | 'videotoolbox';

/** As ffmpeg calls them. */
export type Encoder = 'libx264' | `h264_${HardwareKind}`;

/** The order in which `auto` tries them: graphics cards first, then what boards have. */
export const HARDWARE_ENCODERS: readonly Exclude<Encoder, 'libx264'>[] = [
  'h264_nvenc',
  'h264_qsv',
  'h264_vaapi',
  'h264_videotoolbox',
  'h264_v4l2m2m',
];

/** What one encoder shall make. */
export interface Encoding {
  readonly encoder: Encoder;
  /** The rendition's height at most. */
  readonly height: number;
  /** Bits a second. */
  readonly bitrate: number;
  readonly fps: number | undefined;
  /** libx264 only: the others have presets of their own. */
  readonly preset: string;
  readonly segmentSeconds: number;
  /** False: each picture is decoded right after it is shown, so that timestamps are the same in each rendition. */
  readonly reorder: boolean;
  readonly options: Pick<BuildOptions, 'hasQsvForcedIdr'>;
}

/** What comes before all inputs: the device that pictures are uploaded to. */
export function deviceArguments(encoders: readonly Encoder[]): string[] {
  // libva's own choice of a device, which is the first that there is.
  return encoders.includes('h264_vaapi') ? ['-init_hw_device', 'vaapi=gpu', '-filter_hw_device', 'gpu'] : [];
}

/** The end of the filter chain: 8 bits, 4:2:0, where the encoder wants it. */
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

/** The codec with its rate and its keyframes, of which there are those that are forced and no others. */
export function encoderArguments(encoding: Encoding): string[] {
  const { encoder, bitrate } = encoding;
  const rate = ['-b:v', String(bitrate), '-maxrate', String(bitrate), '-bufsize', String(bitrate * 2)];
  return ['-c:v', encoder, ...rate, ...ownArguments(encoding)];
}

/** More than any segment has. */
const ENDLESS_GOP = '100000';

function ownArguments({ encoder, height, fps, preset, segmentSeconds, reorder, options }: Encoding): string[] {
  const profile = ['-profile:v', 'high'];
  switch (encoder) {
    case 'libx264':
      return [
        ...['-preset', preset, ...profile, '-level:v', levelOf(height)],
        ...['-g', ENDLESS_GOP, '-keyint_min', '1', '-sc_threshold', '0', '-flags', '+cgop'],
        ...lookaheadArguments(preset),
        ...(reorder ? [] : ['-bf', '0']),
      ];
    case 'h264_nvenc':
      return [...profile, '-g', ENDLESS_GOP, '-forced-idr', '1', '-bf', '0'];
    case 'h264_qsv':
      return [...profile, '-g', ENDLESS_GOP, ...(options.hasQsvForcedIdr ? ['-forced_idr', '1'] : []), '-bf', '0'];
    case 'h264_vaapi':
      return [...profile, '-g', '1000', '-bf', '0'];
    case 'h264_videotoolbox':
      return [...profile, '-g', ENDLESS_GOP, '-realtime', '1', '-bf', '0'];
    case 'h264_v4l2m2m':
      // Older versions cannot force a keyframe: then one comes as often as a segment shall begin.
      return ['-g', String(Math.max(1, Math.round((fps ?? 25) * segmentSeconds))), '-bf', '0'];
  }
}

/** Presets that look at no picture ahead. */
const BLIND_PRESETS: readonly string[] = ['ultrafast', 'superfast'];

/**
 * Every picture that x264 looks ahead is one more by which viewers are late: presets take 10 to 60, and 4 more for a thread of its
 * own. With 6, the picture of two real clips at 600 kbit/s was 0.1 to 0.6 dB worse (SSIM) than with 10.
 */
function lookaheadArguments(preset: string): string[] {
  return BLIND_PRESETS.includes(preset) ? [] : ['-rc-lookahead', '6', '-x264-params', 'sync-lookahead=0'];
}

/**
 * Told, because x264 would work it out from the time base, which is that of the source and may be 90,000 to the second. Room
 * for 60 pictures a second of 16:9.
 */
function levelOf(height: number): string {
  if (height <= 360) return '3.0';
  if (height <= 480) return '3.1';
  if (height <= 720) return '3.2';
  if (height <= 1088) return '4.2';
  return height <= 1440 ? '5.1' : '5.2';
}

/** A tiny encode that needs all that a real one does. What it makes comes on standard output. */
export function trialArguments(encoder: Encoder, options: Encoding['options']): string[] {
  const size = { height: 240, bitrate: 500_000, fps: 25, preset: 'ultrafast', segmentSeconds: 1, reorder: false };
  return [
    ...['-hide_banner', '-nostdin', '-loglevel', 'error', ...deviceArguments([encoder])],
    ...['-f', 'lavfi', '-i', 'testsrc=size=320x240:rate=25', '-vf', formatFilter(encoder), '-frames:v', '10'],
    ...[...encoderArguments({ ...size, encoder, options }), '-f', 'h264', 'pipe:1'],
  ];
}

/** What came of trying one encoder. */
export type TrialResult = { readonly works: true } | { readonly works: false; readonly reason: string };

export interface EncoderChoice {
  readonly encoder: Encoder;
  /** Why it is this one and no other, in words. */
  readonly reason: string;
}

/** The encoders that a setting allows, the best first; libx264 is always the last. */
export function candidates(setting: EncoderSetting): readonly Encoder[] {
  if (setting === 'software' || setting === 'libx264') return ['libx264'];
  if (setting === 'auto') return [...HARDWARE_ENCODERS, 'libx264'];
  return [`h264_${setting}`, 'libx264'];
}

/** The first of a setting's encoders that works. `tried` has those before libx264, in order. */
export function chooseEncoder(
  setting: EncoderSetting,
  tried: readonly (readonly [Encoder, TrialResult])[],
): EncoderChoice {
  const [encoder] = tried.find(([, { works }]) => works) ?? [];
  if (encoder !== undefined) return { encoder, reason: 'it was tried and works' };
  if (tried.length === 0) return { encoder: 'libx264', reason: 'as configured' };
  const failures = tried.map(([name, result]) => `${name}: ${result.works ? '' : result.reason}`);
  const why = setting === 'auto' ? 'no hardware encoder works' : `encoder ${setting} does not work`;
  return { encoder: 'libx264', reason: `${why} (${failures.join('; ')})` };
}

/** What ffmpeg says when an encoder, its device or the way to it fails. */
const FAILURE =
  /Error (?:initializing output stream|while opening encoder|submitting .* to the encoder|sending frames to .*encoders?)|Video encoding failed|hwupload|Device creation failed|Failed to set value .*init_hw_device/i;

/** What a run's log says of a hardware encoder that failed; undefined where it says nothing of the kind. */
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
