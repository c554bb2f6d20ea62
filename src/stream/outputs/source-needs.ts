import type { StreamConfig } from '../../config/schema/schema.js';
import { SidepipeError } from '../../errors.js';
import type { SourceFacts } from '../../ffmpeg/log/source-facts.js';
import type { AudioPlan } from '../../ffmpeg/output/hls-output.js';
import type { Container } from '../../hls/window.js';
import type { Source, UnknownSource } from '../../ingest/source.js';
import { isCopied } from './rendition-plan.js';

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
}

export function codecsOf({ format, video, audio }: SourceFacts): SourceCodecs {
  // A sampling rate shows that packets arrived while ffmpeg probed the source; the codec's name does not.
  const isAudioSilent = audio !== undefined && audio.sampleRate === undefined;
  return { format, video: video?.codec, audio: audio?.codec, isInterlaced: video?.isInterlaced, isAudioSilent };
}

/** What a source requires of the plan, known once it is opened. Pure. */
export interface SourceNeeds {
  readonly container: Container;
  /** See `HlsPlan.hls.videoTag`. */
  readonly videoTag: string | undefined;
  readonly audio: AudioPlan;
  /** The source announces audio but sends none: the plan leaves it out, and waits for it. */
  readonly isAudioSilent: boolean;
  /** If it is decoded, it is deinterlaced. */
  readonly isInterlaced: boolean;
}

/** What the configuration requires of it. */
export interface Wanted {
  readonly container: Container;
  readonly audio: StreamConfig['audio'];
  /** The source's own video is passed on. */
  readonly isCopied: boolean;
  /** The source is a file that loops. */
  readonly isLooped: boolean;
}

/** What a stream's configuration requires of its source. */
export function wantedOf(config: StreamConfig, source: Pick<Source | UnknownSource, 'kind'>): Wanted {
  return {
    container: config.hls.container,
    audio: audioOf(config, source),
    isCopied: isCopied(config, source),
    isLooped: isLooped(config, source),
  };
}

function isLooped({ loop }: Pick<StreamConfig, 'loop'>, { kind }: Pick<Source | UnknownSource, 'kind'>): boolean {
  return loop && kind === 'file';
}

/** Video that players support only in fMP4. */
const FMP4_ONLY = new Set(['hevc', 'av1', 'vp9']);
/** RFC 8216, 3.1 to 3.4, and what players support beyond it. */
const AUDIO: Readonly<Record<Container, ReadonlySet<string>>> = {
  mpegts: new Set(['aac', 'mp3', 'ac3', 'eac3']),
  fmp4: new Set(['aac', 'mp3', 'ac3', 'eac3', 'opus', 'flac', 'alac']),
};
/** Audio that every browser plays in both containers. */
const BROWSER_AUDIO = new Set(['aac', 'mp3']);

/** The initial assumption, before the source is known. */
export function firstNeeds(
  config: Pick<StreamConfig, 'hls' | 'audio' | 'loop'>,
  source: Pick<Source | UnknownSource, 'kind'>,
): SourceNeeds {
  const { container } = config.hls;
  return { container, videoTag: undefined, isInterlaced: false, ...firstAudioNeeds(config, source, container) };
}

/** The same for audio alone. Most sources have AAC. */
export function firstAudioNeeds(
  config: Pick<StreamConfig, 'audio' | 'loop'>,
  source: Pick<Source | UnknownSource, 'kind'>,
  container: Container,
): Pick<SourceNeeds, 'audio' | 'isAudioSilent'> {
  const wanted = audioOf(config, source);
  const path = { container, isLooped: isLooped(config, source), format: undefined };
  return {
    audio: wanted === 'auto' || wanted === 'copy' ? copied('aac', path) : wanted,
    isAudioSilent: false,
  };
}

/** The configured audio mode. The test source has no encoded audio that could be copied. */
export function audioOf(
  { audio }: Pick<StreamConfig, 'audio'>,
  { kind }: Pick<Source | UnknownSource, 'kind'>,
): StreamConfig['audio'] {
  return kind === 'test' && audio !== 'none' ? 'aac' : audio;
}

/**
 * What a source needs. Throws `source-unsupported` with the remedy if HLS cannot carry what should be copied.
 */
export function needsOf(
  { format, video, audio, isInterlaced = false, isAudioSilent = false }: SourceCodecs,
  { isCopied, isLooped, ...config }: Wanted,
): SourceNeeds {
  const movesToFmp4 = isCopied && video !== undefined && FMP4_ONLY.has(video);
  if (isCopied && video !== undefined && video !== 'h264' && !movesToFmp4) {
    const remedy = `Encode it by setting ${video === 'mjpeg' ? 'input.format to mjpeg' : 'renditions'}.`;
    throw unsupported(`The source's video is ${video}, which HLS cannot carry. ${remedy}`);
  }
  const container = movesToFmp4 ? 'fmp4' : config.container;
  return {
    container,
    videoTag: isCopied && video === 'hevc' ? 'hvc1' : undefined,
    ...audioNeeds(audio, { container, isLooped, format }, config.audio, isAudioSilent),
    isInterlaced,
  };
}

/** What matters for copied audio. */
interface AudioPath extends Pick<Wanted, 'container' | 'isLooped'>, Pick<SourceCodecs, 'format'> {}

function audioNeeds(
  codec: string | undefined,
  path: AudioPath,
  wanted: Wanted['audio'],
  isSilent: boolean,
): Pick<SourceNeeds, 'audio' | 'isAudioSilent'> {
  const audio = audioNeed(codec, path, wanted);
  if (!isSilent || codec === undefined || wanted === 'none') return { audio, isAudioSilent: false };
  // Without a silent track instead: up to ffmpeg 6 no other input is read while the output that reports audio waits for it.
  return { audio: 'none', isAudioSilent: true };
}

function audioNeed(codec: string | undefined, path: AudioPath, wanted: Wanted['audio']): AudioPlan {
  const { container } = path;
  if (wanted === 'none') return 'none';
  if (wanted === 'aac') return codec === undefined ? 'silence' : 'aac';
  if (codec === undefined) return 'none';
  if (wanted === 'auto') return BROWSER_AUDIO.has(codec) ? copied(codec, path) : 'aac';
  if (AUDIO[container].has(codec)) return copied(codec, path);
  const where = container === 'mpegts' ? 'HLS in MPEG-TS' : 'HLS';
  throw unsupported(`The source's audio is ${codec}, which ${where} cannot carry. Set audio to auto, aac or none.`);
}

/** Containers whose AAC has ADTS headers on each frame, which fMP4 does not have. */
const ADTS = /^(?:mpegts|mpeg|aac|hls)(?:,|$)/;

/**
 * When a file starts over, ffmpeg 5 permanently ends the bitstream filters of copies, and the audio is missing from then on. So if a looped
 * file has ADTS headers, they are removed by encoding.
 */
function copied(codec: string, { container, isLooped, format = '' }: AudioPath): AudioPlan {
  if (codec !== 'aac' || container !== 'fmp4') return 'copy';
  if (!isLooped) return 'copy-aac';
  return ADTS.test(format) ? 'aac' : 'copy';
}

/** Whether a plan for `planned` also suits `needed`. Audio that the source lacks is left out of every plan except for silence. */
export function suits(planned: SourceNeeds, needed: SourceNeeds): boolean {
  if (planned.isAudioSilent !== needed.isAudioSilent) return false;
  const hasAudio = planned.audio === needed.audio || (needed.audio === 'none' && planned.audio !== 'silence');
  const hasVideo = planned.videoTag === needed.videoTag && planned.isInterlaced === needed.isInterlaced;
  return planned.container === needed.container && hasVideo && hasAudio;
}

function unsupported(message: string): SidepipeError {
  return new SidepipeError(message, { code: 'source-unsupported', fault: 'caller', retryable: true });
}
