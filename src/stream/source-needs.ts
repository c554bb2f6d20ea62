import type { StreamConfig } from '../config/schema.js';
import { SidepipeError } from '../errors.js';
import type { SourceFacts } from '../ffmpeg/source-facts.js';
import type { Container } from '../hls/window.js';

/** What a source asks of the plan, found out when it is opened. Pure. */
export interface SourceNeeds {
  readonly container: Container;
  /** See `HlsPlan.hls.videoTag`. */
  readonly videoTag: string | undefined;
  /** The source has no sound where some was promised. */
  readonly silence: boolean;
}

/** What is wanted of it. */
export interface Wanted {
  readonly container: Container;
  readonly audio: 'copy' | 'aac' | 'none';
  /** The source's own video is passed on. */
  readonly isCopied: boolean;
}

/** Video that players know from fMP4 only. */
const FMP4_ONLY = new Set(['hevc', 'av1', 'vp9']);
/** RFC 8216, 3.1 to 3.4, and what players take beyond it. */
const AUDIO: Readonly<Record<Container, ReadonlySet<string>>> = {
  mpegts: new Set(['aac', 'mp3', 'ac3', 'eac3']),
  fmp4: new Set(['aac', 'mp3', 'ac3', 'eac3', 'opus', 'flac', 'alac']),
};

/** What one begins with, before the source is known. */
export function firstNeeds(config: Pick<StreamConfig, 'hls'>): SourceNeeds {
  return { container: config.hls.container, videoTag: undefined, silence: false };
}

/**
 * What a source needs. Throws `source-unsupported` with the remedy in words when what is to be copied cannot be carried in HLS.
 */
export function needsOf({ video, audio }: SourceFacts, { isCopied, ...config }: Wanted): SourceNeeds {
  const movesToFmp4 = isCopied && video !== undefined && FMP4_ONLY.has(video);
  if (isCopied && video !== undefined && video !== 'h264' && !movesToFmp4) {
    const remedy = `encode it by setting ${video === 'mjpeg' ? 'input.format to mjpeg' : 'renditions'}`;
    throw unsupported(`the source's video is ${video}, which HLS cannot carry: ${remedy}`);
  }
  const container = movesToFmp4 ? 'fmp4' : config.container;
  if (config.audio === 'copy' && audio !== undefined && !AUDIO[container].has(audio)) {
    const where = container === 'mpegts' ? 'HLS in MPEG-TS' : 'HLS';
    throw unsupported(`the source's audio is ${audio}, which ${where} cannot carry: set audio to aac or none`);
  }
  return {
    container,
    videoTag: isCopied && video === 'hevc' ? 'hvc1' : undefined,
    silence: config.audio === 'aac' && audio === undefined,
  };
}

/** Whether a plan that was made for one will do for the other. */
export function sameNeeds(one: SourceNeeds, other: SourceNeeds): boolean {
  return one.container === other.container && one.videoTag === other.videoTag && one.silence === other.silence;
}

function unsupported(message: string): SidepipeError {
  return new SidepipeError(message, { code: 'source-unsupported', fault: 'caller', retryable: true });
}
