import type { StreamConfig } from '../../config/schema/schema.js';
import type { SourceFacts } from '../../ffmpeg/log/source-facts.js';
import type { AccessUnitPlan } from '../../ffmpeg/output/webrtc.js';
import type { Container } from '../../hls/window.js';
import type { Source, UnknownSource } from '../../ingest/source.js';
import { type AccessUnitPath, accessUnitsOf, firstAccessUnits, type WantedWebRtc } from './access-unit-plan.js';
import { type AudioNeeds, audioNeeds, audioOf, firstAudioNeeds, isLooped, unsupportedSource } from './audio-plan.js';
import { isCopied, isFirstCopied } from './rendition-plan.js';

/** The properties of a source that a plan depends on. */
export interface SourceCodecs {
  /** ffmpeg's name of the first video's codec; undefined without video. */
  readonly video: string | undefined;
  /** The same for audio. */
  readonly audio: string | undefined;
  /** ffmpeg's name of the container; undefined if unknown. */
  readonly format?: string | undefined;
  /** Undefined if not known yet. */
  readonly isInterlaced?: boolean | undefined;
  /** Whether its audio is announced and none arrived. */
  readonly isAudioSilent?: boolean;
  /** Whether the frame size is known. Default: true. */
  readonly hasSize?: boolean;
}

export function codecsOf({ format, video, audio }: SourceFacts): SourceCodecs {
  // A sampling rate shows that packets arrived while ffmpeg probed the source; the codec's name does not.
  const isAudioSilent = audio !== undefined && audio.sampleRate === undefined;
  const hasSize = video?.width !== undefined;
  return {
    format,
    video: video?.codec,
    audio: audio?.codec,
    isInterlaced: video?.isInterlaced,
    isAudioSilent,
    hasSize,
  };
}

/** What a source requires of the plan, known once it is opened. Pure. */
export interface SourceNeeds extends AudioNeeds {
  readonly container: Container;
  /** See `HlsPlan.hls.videoTag`. */
  readonly videoTag: string | undefined;
  /** If it is decoded, it is deinterlaced. */
  readonly isInterlaced: boolean;
  /** Undefined without WebRTC. */
  readonly webrtc?: AccessUnitPlan | undefined;
}

/** What the configuration requires of it. */
export interface Wanted {
  readonly container: Container;
  readonly audio: StreamConfig['audio'];
  /** The source's own video is passed on. */
  readonly isCopied: boolean;
  /** The source is a file that loops. */
  readonly isLooped: boolean;
  /** Undefined without WebRTC. */
  readonly webrtc?: Omit<AccessUnitPath, 'isMute'> | undefined;
}

/** What a stream's configuration requires of its source. */
export function wantedOf(
  config: StreamConfig,
  source: Pick<Source | UnknownSource, 'kind'>,
  webrtc?: WantedWebRtc | undefined,
): Wanted {
  return {
    ...(webrtc && { webrtc: { webrtc, isFirstCopied: isFirstCopied(config, source) } }),
    container: config.hls.container,
    audio: audioOf(config, source),
    isCopied: isCopied(config, source),
    isLooped: isLooped(config, source),
  };
}

/** Video that players support only in fMP4. */
const FMP4_ONLY = new Set(['hevc', 'av1', 'vp9']);

/** The initial assumption, before the source is known. */
export function firstNeeds(
  config: Pick<StreamConfig, 'hls' | 'audio' | 'loop' | 'video' | 'renditions' | 'device'>,
  source: Pick<Source | UnknownSource, 'kind'>,
  webrtc?: WantedWebRtc | undefined,
): SourceNeeds {
  const { container } = config.hls;
  return {
    ...{ container, videoTag: undefined, isInterlaced: false },
    ...firstAudioNeeds(config, source, container),
    ...firstWebRtcNeeds(config, source, webrtc),
  };
}

/** The same for WebRTC alone. */
export function firstWebRtcNeeds(
  config: Pick<StreamConfig, 'audio' | 'video' | 'renditions' | 'device'>,
  source: Pick<Source | UnknownSource, 'kind'>,
  webrtc: WantedWebRtc | undefined,
): Pick<SourceNeeds, 'webrtc'> {
  if (webrtc === undefined) return {};
  const path = { webrtc, isFirstCopied: isFirstCopied(config, source) };
  return { webrtc: firstAccessUnits(config, source, path) };
}

/**
 * What a source needs. Throws `source-unsupported` with the remedy if HLS cannot carry what should be copied.
 */
export function needsOf(
  { format, video, audio, isInterlaced = false, isAudioSilent = false, hasSize = true }: SourceCodecs,
  { isCopied, isLooped, webrtc, ...config }: Wanted,
): SourceNeeds {
  const movesToFmp4 = isCopied && video !== undefined && FMP4_ONLY.has(video);
  if (isCopied && video !== undefined && video !== 'h264' && !movesToFmp4) {
    const remedy = `Encode it by setting ${video === 'mjpeg' ? 'input.format to mjpeg' : 'renditions'}.`;
    throw unsupportedSource(`The source's video is ${video}, which HLS cannot carry. ${remedy}`);
  }
  const container = movesToFmp4 ? 'fmp4' : config.container;
  return {
    container,
    videoTag: isCopied && video === 'hevc' ? 'hvc1' : undefined,
    ...audioNeeds(audio, { container, isLooped, format }, config.audio, isAudioSilent),
    isInterlaced,
    ...(webrtc && {
      webrtc: accessUnitsOf(
        { video, audio: isAudioSilent ? undefined : audio, hasSize },
        { ...webrtc, isMute: config.audio === 'none' },
      ),
    }),
  };
}

/** Whether a plan for `planned` also suits `needed`. Audio that the source lacks is left out of every plan except for silence. */
export function suits(planned: SourceNeeds, needed: SourceNeeds): boolean {
  if (planned.isAudioSilent !== needed.isAudioSilent) return false;
  const hasAudio = planned.audio === needed.audio || (needed.audio === 'none' && planned.audio !== 'silence');
  const hasVideo = planned.videoTag === needed.videoTag && planned.isInterlaced === needed.isInterlaced;
  const [one, other] = [planned.webrtc, needed.webrtc];
  const hasAccessUnits = one?.video === other?.video && one?.audio === other?.audio;
  return planned.container === needed.container && hasVideo && hasAudio && hasAccessUnits;
}
