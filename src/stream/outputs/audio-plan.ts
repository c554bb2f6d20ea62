import type { StreamConfig } from '../../config/schema/schema.js';
import { SidepipeError } from '../../errors.js';
import type { AudioPlan } from '../../ffmpeg/output/hls-output.js';
import type { Container } from '../../hls/window.js';
import type { Source, UnknownSource } from '../../ingest/source.js';

/** Decides whether a source's audio is copied, encoded, replaced by silence or left out. Pure. */

export interface AudioNeeds {
  readonly audio: AudioPlan;
  /** The source announces audio but sends none: the plan leaves it out, and waits for it. */
  readonly isAudioSilent: boolean;
}

/** What matters for copied audio. */
interface AudioPath {
  readonly container: Container;
  /** The source is a file that loops. */
  readonly isLooped: boolean;
  /** ffmpeg's name of the source's container; undefined if unknown. */
  readonly format?: string | undefined;
}

/** RFC 8216, 3.1 to 3.4, and what players support beyond it. */
const AUDIO: Readonly<Record<Container, ReadonlySet<string>>> = {
  mpegts: new Set(['aac', 'mp3', 'ac3', 'eac3']),
  fmp4: new Set(['aac', 'mp3', 'ac3', 'eac3', 'opus', 'flac', 'alac']),
};
/** Audio that every browser plays in both containers. */
const BROWSER_AUDIO = new Set(['aac', 'mp3']);

/** The configured audio mode. The test source has no encoded audio that could be copied. */
export function audioOf(
  { audio }: Pick<StreamConfig, 'audio'>,
  { kind }: Pick<Source | UnknownSource, 'kind'>,
): StreamConfig['audio'] {
  return kind === 'test' && audio !== 'none' ? 'aac' : audio;
}

export function isLooped(
  { loop }: Pick<StreamConfig, 'loop'>,
  { kind }: Pick<Source | UnknownSource, 'kind'>,
): boolean {
  return loop && kind === 'file';
}

/** The initial assumption, before the source is known. Most sources have AAC. */
export function firstAudioNeeds(
  config: Pick<StreamConfig, 'audio' | 'loop'>,
  source: Pick<Source | UnknownSource, 'kind'>,
  container: Container,
): AudioNeeds {
  const wanted = audioOf(config, source);
  const path = { container, isLooped: isLooped(config, source), format: undefined };
  return {
    audio: wanted === 'auto' || wanted === 'copy' ? copied('aac', path) : wanted,
    isAudioSilent: false,
  };
}

/**
 * What a source with this codec needs; `codec` is undefined without audio. Throws `source-unsupported` with the remedy if HLS cannot carry
 * what should be copied.
 */
export function audioNeeds(
  codec: string | undefined,
  path: AudioPath,
  wanted: StreamConfig['audio'],
  isSilent: boolean,
): AudioNeeds {
  const audio = audioNeed(codec, path, wanted);
  if (!isSilent || codec === undefined || wanted === 'none') return { audio, isAudioSilent: false };
  // Without a silent track instead: up to ffmpeg 6 no other input is read while the output that reports audio waits for it.
  return { audio: 'none', isAudioSilent: true };
}

function audioNeed(codec: string | undefined, path: AudioPath, wanted: StreamConfig['audio']): AudioPlan {
  const { container } = path;
  if (wanted === 'none') return 'none';
  if (wanted === 'aac') return codec === undefined ? 'silence' : 'aac';
  if (codec === undefined) return 'none';
  if (wanted === 'auto') return BROWSER_AUDIO.has(codec) ? copied(codec, path) : 'aac';
  if (AUDIO[container].has(codec)) return copied(codec, path);
  const where = container === 'mpegts' ? 'HLS in MPEG-TS' : 'HLS';
  throw unsupportedSource(
    `The source's audio is ${codec}, which ${where} cannot carry. Set audio to auto, aac or none.`,
  );
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

export function unsupportedSource(message: string): SidepipeError {
  return new SidepipeError(message, { code: 'source-unsupported', fault: 'caller', retryable: true });
}
