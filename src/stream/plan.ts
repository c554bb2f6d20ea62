import type { MonitorConfig, StreamConfig } from '../config/schema.js';
import type { StreamPlan } from '../ffmpeg/arguments.js';
import type { Capabilities } from '../ffmpeg/capabilities.js';
import type { VideoPlan } from '../ffmpeg/hls-output.js';
import type { MonitorPlan } from '../ffmpeg/monitor.js';
import { type DecodeChoice, everyPicture, firstChoice, SAMPLE_PICTURES } from '../frames/decode.js';
import { type InputSettings, inputArguments, isCopyable, takesCommands } from '../ingest/input.js';
import { type Source, srtMode, type UnknownSource } from '../ingest/source.js';
import { longestWaitMs, type SourceTimeouts, timeoutsOf } from '../ingest/timeouts.js';
import { type RestartPolicy, restartPolicyOf } from './restart-policy.js';

/** Pictures up to so wide are made from keyframes whose block edges are left as they are: a third of full HD. */
const DEBLOCKED_WIDTH = 640;

export interface PlanOptions {
  readonly config: StreamConfig;
  readonly source: Source | UnknownSource;
  readonly capabilities: Pick<Capabilities, 'libavformat' | 'protocols'>;
  /** The receiver's URL for this run. */
  readonly url: string;
  /** What ffmpeg opens in the source's place. */
  readonly sourceUrl?: string | undefined;
  /** Whether the stream is under a policy. */
  readonly isBound?: boolean;
  /** What is decoded of a copied stream; what one begins with where it is not told. */
  readonly decode?: DecodeChoice;
  /** Whether the decoder is told to hand keyframes out at once: see `canFlushKeyframes`. */
  readonly flushesKeyframes?: boolean;
}

/** What ffmpeg shall do for a stream. Throws `source-unsupported` where this ffmpeg cannot. Pure. */
export function planStream({
  config,
  source,
  capabilities,
  url,
  sourceUrl,
  isBound = false,
  decode,
  flushesKeyframes = false,
}: PlanOptions): StreamPlan {
  const { thumbnail, hls, audio, loop } = config;
  const { libavformat, protocols } = capabilities;
  const video = videoPlan(config, source);
  return {
    input: inputArguments(source, {
      ...{ loop, libavformat, protocols, isBound, url: sourceUrl },
      settings: inputSettings(config),
      timeouts: waitFor(config, source),
    }),
    video,
    audio: audio === 'copy' && source.kind === 'test' ? 'aac' : audio,
    hls: { url, segmentSeconds: hls.segmentSeconds, container: hls.container, dropsSequenceEnds: flushesKeyframes },
    frames: {
      intervalSeconds: thumbnail.intervalSeconds / thumbnail.bestOf,
      width: thumbnail.width,
      height: boxHeight(thumbnail),
      packetTimes: isCopyable(source, config.device),
      deblock: thumbnail.deblock === 'always' || (thumbnail.deblock === 'auto' && thumbnail.width > DEBLOCKED_WIDTH),
      ...(video.kind === 'copy' ? pictureGaps(decode ?? firstDecode(config)) : {}),
    },
    snapshots: canSnapshot(source, capabilities),
    ...(config.monitor.enabled ? { monitor: monitorPlan(config.monitor) } : {}),
    libavformat,
  };
}

/** What of a copied stream is decoded at first. Pure. */
export function firstDecode({ monitor, thumbnail }: StreamConfig): DecodeChoice {
  if (monitor.enabled) return everyPicture('the monitor shows every picture');
  return firstChoice(thumbnail.decode, thumbnail.intervalSeconds);
}

/** The monitor's picture is 16:9, of even sides. */
export function monitorPlan({ width, fps, bitrate }: MonitorConfig): MonitorPlan {
  return { width, height: Math.round((width * 9) / 32) * 2, fps, bitrate };
}

/** Whether full-size pictures can be had of a source while it runs. Pure. */
export function canSnapshot(
  { kind }: Pick<Source | UnknownSource, 'kind'>,
  { protocols }: Pick<Capabilities, 'protocols'>,
): boolean {
  return kind !== 'push' || takesCommands(protocols);
}

export interface FlushOptions extends Pick<PlanOptions, 'config' | 'source'> {
  readonly capabilities: Pick<Capabilities, 'bitstreamFilters'>;
  readonly decode: DecodeChoice;
}

/** Whether H.264 that the node itself writes to ffmpeg may bear marks for a decoder of keyframes, which players must not get. Pure. */
export function canFlushKeyframes({ config, source, capabilities, decode }: FlushOptions): boolean {
  const isDecodedForPictures = isCopied(config, source) && decode.mode === 'keyframes';
  return source.kind === 'push' && isDecodedForPictures && capabilities.bitstreamFilters.has('filter_units');
}

/** Keyframes come when they come; all other pictures come at every moment. */
function pictureGaps({ mode, longestGapSeconds }: DecodeChoice): Partial<StreamPlan['frames']> {
  return mode === 'keyframes' ? { decode: mode, longestGapSeconds, sample: SAMPLE_PICTURES } : { decode: mode };
}

/** Whether the source's own video is passed on. What cannot be is encoded without being asked. */
export function isCopied({ renditions, device }: StreamConfig, source: Source | UnknownSource): boolean {
  return renditions?.[0] === undefined && isCopyable(source, device);
}

/** How long a stream's source is waited for. */
export function waitFor({ input, srt }: StreamConfig, source: Source | UnknownSource): SourceTimeouts {
  return timeoutsOf(source, input, source.kind === 'srt' && srtMode(source.url, srt.mode) === 'listener');
}

/** How soon a stream's source is opened again. */
export function restartOf(
  { input, srt }: StreamConfig,
  source: Source | UnknownSource,
  policy: RestartPolicy,
): RestartPolicy {
  const isListener = source.kind === 'srt' && srtMode(source.url, srt.mode) === 'listener';
  return restartPolicyOf(policy, input, longestWaitMs(source, isListener));
}

function inputSettings({ input, rtsp, srt, device }: StreamConfig): InputSettings {
  return { timestamps: input.timestamps, rtspTransport: rtsp.transport, srt, device };
}

/** A test picture's rendition is called `source` all the same. */
function videoPlan(config: StreamConfig, source: Source | UnknownSource): VideoPlan {
  const rendition = config.renditions?.[0];
  if (isCopied(config, source)) return { kind: 'copy' };
  const { height = 720, bitrate = 2_000_000, fps, preset = 'superfast' } = rendition ?? {};
  return { kind: 'encode', height, bitrate, fps, preset };
}

/** The box that pictures are fitted into is 16:9 unless its height is told. */
export function boxHeight({ width, height }: { width: number; height?: number | undefined }): number {
  return height ?? Math.round((width * 9) / 16);
}
