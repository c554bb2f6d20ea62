import type { StreamConfig } from '../config/schema/schema.js';
import { SidepipeError } from '../errors.js';
import type { Source, UnknownSource } from '../ingest/source.js';
import { audioOf } from '../stream/outputs/audio-plan.js';
import { isCopied } from '../stream/outputs/rendition-plan.js';
import { codecsOf, needsOf, type SourceNeeds, wantedOf } from '../stream/outputs/source-needs.js';
import { sourceWarnings } from '../stream/run/source-warnings.js';
import type { CheckResult } from './check.js';
import type { SourceMedia } from './source-media.js';

/** Findings about a source for one stream. Pure. */

type Finding = Pick<CheckResult, 'ok' | 'detail' | 'remedy'>;

export interface AdviceOptions {
  readonly config: StreamConfig;
  readonly source: Source | UnknownSource;
}

/** Segments up to 1.5 times the configured length are acceptable. */
const LONG_SEGMENT = 1.5;

/** Describes the source in one line, then failures, then warnings. */
export function findingsOf(media: SourceMedia, options: AdviceOptions): readonly Finding[] {
  return [{ ok: true, detail: describeMedia(media) }, ...unfit(media, options), ...advice(media, options)];
}

/** `h264 High, yuv420p, 1920×1080, 25 fps, keyframes every 2 s, B-frames, 4.5 Mbit/s; audio aac, 48000 Hz, stereo`. */
export function describeMedia({ video, audio, packets }: SourceMedia): string {
  const { frameRate, hasVariableRate, hasBFrames, bitsPerSecond } = packets;
  const picture = [
    [video?.codec, video?.profile].filter(Boolean).join(' '),
    video?.pixelFormat,
    video?.width === undefined ? 'size unknown' : `${video.width}×${video.height}`,
    frameRate === undefined ? undefined : `${short(frameRate, 2)} fps${hasVariableRate ? ' (variable)' : ''}`,
    keyframesInWords(packets),
    hasBFrames ? 'B-frames' : 'no B-frames',
    bitsPerSecond === undefined ? undefined : `${short(bitsPerSecond / 1e6)} Mbit/s`,
  ];
  const sound = [audio?.codec, audio?.sampleRate && `${audio.sampleRate} Hz`, audio?.channels];
  const inWords = audio === undefined ? 'no audio' : `audio ${sound.filter(Boolean).join(', ')}`;
  return `${picture.filter(Boolean).join(', ')}; ${inWords}`;
}

function keyframesInWords({ keyframeSeconds, keyframes, seconds }: SourceMedia['packets']): string {
  if (keyframeSeconds !== undefined) return `keyframes every ${short(keyframeSeconds)} s`;
  return `${keyframes === 0 ? 'no keyframe' : 'one keyframe'} in ${short(seconds)} s`;
}

/** The plan that the node would use for the source. Throws `source-unsupported`. */
function planOf(media: SourceMedia, { config, source }: AdviceOptions): SourceNeeds {
  return needsOf(codecsOf(media), wantedOf(config, source));
}

function unfit(media: SourceMedia, options: AdviceOptions): Finding[] {
  try {
    planOf(media, options);
    return [];
  } catch (error) {
    if (!(error instanceof SidepipeError)) throw error;
    return [{ ok: false, detail: error.message, remedy: 'Change the setting, or the codec of the device.' }];
  }
}

const warning = (detail: string, remedy: string): Finding => ({ ok: 'warning', detail, remedy });

function advice(media: SourceMedia, options: AdviceOptions): Finding[] {
  const { config, source } = options;
  const found = isCopied(config, source)
    ? [...sourceWarnings(media).map(({ message, remedy }) => warning(message, remedy)), ...gopAdvice(media, options)]
    : [];
  return [...found, ...audioAdvice(media, options)];
}

function gopAdvice({ packets }: SourceMedia, { config }: AdviceOptions): Finding[] {
  const { keyframeSeconds, frameRate = 25, seconds } = packets;
  const wanted = config.hls.segmentSeconds;
  const interval = keyframeSeconds ?? seconds;
  if (interval <= wanted * LONG_SEGMENT) return [];
  const length = short(interval);
  const found =
    keyframeSeconds === undefined
      ? `only one keyframe in ${length} s: segments are longer`
      : `keyframes every ${length} s make segments ${length} s long`;
  const frames = Math.max(1, Math.round(wanted * frameRate));
  return [
    warning(
      `${found}, and hls.segmentSeconds is ${wanted}`,
      `Set the keyframe (I-frame, GOP) interval of the device to ${wanted} s (${frames} ${frames === 1 ? 'frame' : 'frames'}), or set renditions.`,
    ),
  ];
}

function audioAdvice(media: SourceMedia, options: AdviceOptions): Finding[] {
  const { audio, packets } = media;
  const { config, source } = options;
  const wanted = audioOf(config, source);
  if (wanted === 'none' || audio === undefined) return [];
  if (packets.audioPackets === 0 && packets.seconds > 1) {
    const detail = `audio (${audio.codec}) is announced but never arrives: the stream plays without audio until it does`;
    const remedy = 'Enable the microphone of the device, or set audio: none, so that the stream starts sooner.';
    return [warning(detail, remedy)];
  }
  const isFit = unfit(media, options).length === 0;
  if (!isFit || audio.codec === 'aac' || planOf(media, options).audio !== 'aac') return [];
  const name = /^pcm_(?:a|mu)law$/.test(audio.codec) ? 'G.711' : audio.codec;
  return [{ ok: true, detail: `${name} audio is encoded to AAC` }];
}

/** Two digits for rates such as 29.97 and 0.04; seconds and megabits need fewer. */
function short(value: number, digits = value < 1 ? 2 : 1): string {
  return String(Number(value.toFixed(digits)));
}
