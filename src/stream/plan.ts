import type { MonitorConfig, StreamConfig } from '../config/schema.js';
import type { StreamPlan } from '../ffmpeg/arguments.js';
import type { Capabilities } from '../ffmpeg/capabilities.js';
import type { EncoderChoice } from '../ffmpeg/encoders.js';
import type { RenditionPlan } from '../ffmpeg/hls-output.js';
import type { MonitorPlan } from '../ffmpeg/monitor.js';
import { type DecodeChoice, everyPicture, firstChoice, SAMPLE_PICTURES } from '../frames/decode.js';
import { type InputSettings, inputArguments, isCopyable, takesCommands } from '../ingest/input.js';
import { type Source, srtMode, type UnknownSource } from '../ingest/source.js';
import { longestWaitMs, type SourceTimeouts, timeoutsOf } from '../ingest/timeouts.js';
import { isOnlyCopied, type WantedRendition, wantedRenditions } from './rendition-plan.js';
import { type RestartPolicy, restartPolicyOf } from './restart-policy.js';
import { firstNeeds, type SourceNeeds } from './source-needs.js';

/** Pictures up to so wide are made from keyframes whose block edges are left as they are: a third of full HD. */
const DEBLOCKED_WIDTH = 640;

/** Where keyframes are chosen they are what tells how far the source is, once packets are told of no more: at least two are compared. */
const PACKETS_SECONDS = 5;

export interface PlanOptions {
  readonly config: StreamConfig;
  readonly source: Source | UnknownSource;
  readonly capabilities: Pick<Capabilities, 'libavformat' | 'protocols'> &
    Partial<Pick<Capabilities, 'hasNarrowTimestamps'>>;
  /** The receivers' URLs for this run, by rendition. */
  readonly urls: ReadonlyMap<string, string>;
  /** By rendition; libx264 where it is not told. */
  readonly encoders?: ReadonlyMap<string, Pick<EncoderChoice, 'encoder'>>;
  /** What the source turned out to need; what one begins with where it is not told. */
  readonly needs?: SourceNeeds;
  /** What ffmpeg opens in the source's place. */
  readonly sourceUrl?: string | undefined;
  /** Whether the stream is under a policy. */
  readonly isBound?: boolean;
  /** What is decoded of a copied stream; what one begins with where it is not told. */
  readonly decode?: DecodeChoice;
  /** Whether the decoder is told to hand keyframes out at once: see `canFlushKeyframes`. */
  readonly flushesKeyframes?: boolean;
  /** The publisher promises no sound. */
  readonly isSilent?: boolean;
}

/** What ffmpeg shall do for a stream. Throws `source-unsupported` where this ffmpeg cannot. Pure. */
export function planStream({
  config,
  source,
  capabilities,
  urls,
  encoders = new Map(),
  needs = firstNeeds(config),
  sourceUrl,
  isBound = false,
  decode,
  flushesKeyframes = false,
  isSilent = false,
}: PlanOptions): StreamPlan {
  const { thumbnail, hls, loop } = config;
  const { libavformat, protocols, hasNarrowTimestamps = false } = capabilities;
  const { container, videoTag, silence } = needs;
  const renditions = wantedRenditions(config, source)
    .filter(({ name }) => urls.has(name))
    .map((each) => renditionPlan(each, urls.get(each.name)!, encoders.get(each.name)));
  return {
    input: inputArguments(source, {
      ...{ loop, libavformat, protocols, isBound, isSilent, url: sourceUrl },
      settings: inputSettings(config),
      timeouts: waitFor(config, source),
    }),
    renditions,
    audio: silence ? 'silence' : audioOf(config, source),
    hls: { segmentSeconds: hls.segmentSeconds, container, videoTag, dropsSequenceEnds: flushesKeyframes },
    frames: {
      intervalSeconds: thumbnail.intervalSeconds / thumbnail.bestOf,
      width: thumbnail.width,
      height: boxHeight(thumbnail),
      packetTimes: isCopyable(source, config.device),
      deblock: thumbnail.deblock === 'always' || (thumbnail.deblock === 'auto' && thumbnail.width > DEBLOCKED_WIDTH),
      ...(isOnlyCopied(config, source) ? pictureGaps(decode ?? firstDecode(config)) : {}),
    },
    snapshots: canSnapshot(source, capabilities),
    ...(config.monitor.enabled ? { monitor: monitorPlan(config.monitor) } : {}),
    libavformat,
    hasNarrowTimestamps,
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
  const isDecodedForPictures = isOnlyCopied(config, source) && decode.mode === 'keyframes';
  return source.kind === 'push' && isDecodedForPictures && capabilities.bitstreamFilters.has('filter_units');
}

/** Keyframes come when they come; all other pictures come at every moment. */
function pictureGaps({
  mode,
  longestGapSeconds,
  keyframeIntervalSeconds = 0,
}: DecodeChoice): Partial<StreamPlan['frames']> {
  if (mode === 'chosen') return { decode: mode, packetTimesSeconds: PACKETS_SECONDS + 2 * keyframeIntervalSeconds };
  return mode === 'keyframes' ? { decode: mode, longestGapSeconds, sample: SAMPLE_PICTURES } : { decode: mode };
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

/** What becomes of the sound. A test tone is made, so it is encoded. */
export function audioOf({ audio }: Pick<StreamConfig, 'audio'>, { kind }: Pick<Source | UnknownSource, 'kind'>) {
  return audio === 'copy' && kind === 'test' ? 'aac' : audio;
}

function renditionPlan(
  { video }: WantedRendition,
  url: string,
  choice: Pick<EncoderChoice, 'encoder'> | undefined,
): RenditionPlan {
  if (video.kind === 'copy') return { url, video };
  return { url, video: { ...video, encoder: choice?.encoder ?? 'libx264' } };
}

/** The box that pictures are fitted into is 16:9 unless its height is told. */
export function boxHeight({ width, height }: { width: number; height?: number | undefined }): number {
  return height ?? Math.round((width * 9) / 16);
}
