import type { MonitorConfig, StreamConfig } from '../../config/schema/schema.js';
import type { Capabilities } from '../../ffmpeg/capabilities.js';
import type { StreamPlan } from '../../ffmpeg/output/arguments.js';
import type { EncoderChoice } from '../../ffmpeg/output/encoders.js';
import type { RenditionPlan } from '../../ffmpeg/output/hls-output.js';
import type { MonitorPlan } from '../../ffmpeg/output/monitor.js';
import { type DecodeChoice, everyFrame, FIRST_CHOICE, longestGapSeconds } from '../../frames/decode.js';
import {
  type InputSettings,
  inputArguments,
  isCopyable,
  isRecorded,
  type SrtPlaylist,
  srtPlaylist,
  takesCommands,
} from '../../ingest/input.js';
import type { PublisherFormat } from '../../ingest/publisher.js';
import { type Source, srtMode, type UnknownSource } from '../../ingest/source.js';
import { longestWaitMs, type SourceTimeouts, timeoutsOf } from '../../ingest/timeouts.js';
import { type RestartPolicy, restartPolicyOf } from '../run/restart-policy.js';
import { isOnlyCopied, type WantedRendition, wantedRenditions } from './rendition-plan.js';
import { firstNeeds, type SourceNeeds } from './source-needs.js';

/** Thumbnails up to this width are made from keyframes without the loop filter: a third of full HD. */
const DEBLOCKED_WIDTH = 640;

export interface PlanOptions {
  readonly config: StreamConfig;
  readonly source: Source | UnknownSource;
  readonly capabilities: Pick<Capabilities, 'options' | 'protocols'> &
    Partial<Pick<Capabilities, 'hasNarrowTimestamps'>>;
  /** Whether media for players is made; otherwise only frames. */
  readonly makesMedia: boolean;
  /** By rendition. Default: libx264. */
  readonly encoders?: ReadonlyMap<string, Pick<EncoderChoice, 'encoder'>>;
  /** The needs of the source. Default: the initial assumption. */
  readonly needs?: SourceNeeds;
  /** What ffmpeg opens instead of the source's URL. */
  readonly sourceUrl?: string | undefined;
  /** Whether the stream is subject to a policy. */
  readonly isBound?: boolean;
  /** Which frames of a copied stream are decoded. Default: the initial choice. */
  readonly decode?: DecodeChoice;
  /** Whether the decoder is made to output keyframes at once: see `canFlushKeyframes`. */
  readonly flushesKeyframes?: boolean;
  /** The maximum frame size that is decoded. Default: no limit. */
  readonly maxPixels?: number;
  /** The publisher announced no audio. */
  readonly isSilent?: boolean;
  /** The container of a publisher's media. Default: FLV. */
  readonly publisherFormat?: PublisherFormat | undefined;
  /** See `InputOptions`. */
  readonly isAudioLate?: boolean;
  /** See `RunOptions`. */
  readonly startsLate?: boolean;
}

/** Plans one ffmpeg process for a stream. Throws `source-unsupported` if this ffmpeg cannot run it. Pure. */
export function planStream({
  config,
  source,
  capabilities,
  makesMedia,
  encoders = new Map(),
  needs = firstNeeds(config, source),
  sourceUrl,
  isBound = false,
  decode,
  flushesKeyframes = false,
  maxPixels,
  isSilent = false,
  publisherFormat,
  isAudioLate = false,
  startsLate = false,
}: PlanOptions): StreamPlan {
  const { thumbnail, hls, loop } = config;
  const { options, protocols, hasNarrowTimestamps = false } = capabilities;
  const { container, videoTag, audio, isAudioSilent, isInterlaced, webrtc } = needs;
  const renditions = makesMedia
    ? wantedRenditions(config, source).map((each) => renditionPlan(each, encoders.get(each.name)))
    : [];
  return {
    input: inputArguments(source, {
      ...{ loop, protocols, isBound, isSilent, publisherFormat, isAudioLate, startsLate, url: sourceUrl },
      rtspTimeout: options.rtspTimeout,
      hasPickyHls: options.hasPickyHls,
      settings: inputSettings(config),
      timeouts: waitFor(config, source),
    }),
    renditions,
    audio,
    // A recording would start from its beginning when its audio is added.
    awaitsAudio: makesMedia && isAudioSilent && !isRecorded(source),
    isInterlaced,
    hls: { segmentSeconds: hls.segmentSeconds, container, videoTag, dropsSequenceEnds: flushesKeyframes },
    frames: {
      intervalSeconds: thumbnail.intervalSeconds / thumbnail.bestOf,
      width: thumbnail.width,
      height: boxHeight(thumbnail),
      packetTimes: isCopyable(source, config.device),
      deblock: thumbnail.deblock === 'always' || (thumbnail.deblock === 'auto' && thumbnail.width > DEBLOCKED_WIDTH),
      ...(isOnlyCopied(config, source)
        ? frameGaps(decode ?? fixedDecode(config, source) ?? FIRST_CHOICE, thumbnail.intervalSeconds)
        : {}),
    },
    snapshots: canSnapshot(source, capabilities),
    ...(config.monitor.enabled ? { monitor: monitorPlan(config.monitor) } : {}),
    ...(makesMedia && webrtc !== undefined ? { webrtc } : {}),
    options,
    hasNarrowTimestamps,
    maxPixels,
  };
}

/** What is decoded regardless of the source; undefined if the source decides. Pure. */
export function fixedDecode(
  config: StreamConfig,
  source: Pick<Source | UnknownSource, 'kind'>,
): DecodeChoice | undefined {
  const { monitor, thumbnail } = config;
  if (!isOnlyCopied(config, source)) return everyFrame('the video is encoded, so all of it is decoded');
  if (monitor.enabled) return everyFrame('the monitor shows every frame');
  return thumbnail.decode === 'auto' ? undefined : { mode: thumbnail.decode, reason: 'configured' };
}

/** The monitor's frame is 16:9, with even sides. */
export function monitorPlan({ width, fps, bitrate }: MonitorConfig): MonitorPlan {
  return { width, height: Math.round((width * 9) / 32) * 2, fps, bitrate };
}

/** Whether full-size frames of a source can be requested while it runs. Pure. */
export function canSnapshot(
  { kind }: Pick<Source | UnknownSource, 'kind'>,
  { protocols }: Pick<Capabilities, 'protocols'>,
): boolean {
  return kind !== 'push' || takesCommands(protocols);
}

export interface FlushOptions extends Pick<PlanOptions, 'config' | 'source'> {
  readonly capabilities: Pick<Capabilities, 'bitstreamFilters'>;
}

/** Whether H.264 that the node itself writes to ffmpeg may contain marks for a keyframe decoder, which must not reach players. Pure. */
export function canFlushKeyframes({ config, source, capabilities }: FlushOptions): boolean {
  return source.kind === 'push' && isOnlyCopied(config, source) && capabilities.bitstreamFilters.has('filter_units');
}

/** Keyframes arrive irregularly; all other frames arrive continuously. */
function frameGaps({ mode }: DecodeChoice, intervalSeconds: number): Partial<StreamPlan['frames']> {
  return mode === 'keyframes'
    ? { decode: mode, longestGapSeconds: longestGapSeconds(intervalSeconds) }
    : { decode: mode };
}

/** The timeouts of a stream's source. */
export function waitFor({ input, srt }: StreamConfig, source: Source | UnknownSource): SourceTimeouts {
  return timeoutsOf(source, input, source.kind === 'srt' && srtMode(source.url, srt.mode) === 'listener');
}

/** The delays before a stream's source is opened again. */
export function restartOf(
  { input, srt }: StreamConfig,
  source: Source | UnknownSource,
  policy: RestartPolicy,
): RestartPolicy {
  const isListener = source.kind === 'srt' && srtMode(source.url, srt.mode) === 'listener';
  return restartPolicyOf(policy, input, longestWaitMs(source, isListener));
}

/** See `srtPlaylist`. Pure. */
export function srtPlaylistOf(
  { config, source, capabilities }: Pick<PlanOptions, 'config' | 'source' | 'capabilities'>,
  url: string,
): SrtPlaylist | undefined {
  if (source.kind !== 'srt') return undefined;
  const { protocols, options } = capabilities;
  const { hasConcatOptions } = options;
  return srtPlaylist(url, {
    protocols,
    hasConcatOptions,
    settings: inputSettings(config),
    timeouts: waitFor(config, source),
  });
}

function inputSettings({ input, rtsp, srt, device }: StreamConfig): InputSettings {
  return { timestamps: input.timestamps, rtspTransport: rtsp.transport, srt, device };
}

function renditionPlan({ video }: WantedRendition, choice: Pick<EncoderChoice, 'encoder'> | undefined): RenditionPlan {
  if (video.kind === 'copy') return { video };
  return { video: { ...video, encoder: choice?.encoder ?? 'libx264' } };
}

/** The box for thumbnails is 16:9 unless its height is configured. */
export function boxHeight({ width, height }: { width: number; height?: number | undefined }): number {
  return height ?? Math.round((width * 9) / 16);
}
