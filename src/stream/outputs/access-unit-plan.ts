import type { StreamConfig } from '../../config/schema/schema.js';
import type { AccessUnitAudio, AccessUnitPlan } from '../../ffmpeg/output/webrtc.js';
import type { Source, UnknownSource } from '../../ingest/source.js';

/** Which access units ffmpeg writes for WebRTC viewers: those of the first rendition, so a copy only if that one is. Pure. */

/** WebRTC as a stream's outputs see it. */
export interface WantedWebRtc {
  /** Whether this ffmpeg has an encoder for Opus. Without one, audio other than Opus and G.711 is left out. */
  readonly canEncodeOpus: boolean;
}

/** What matters of a source. Names of codecs as in `SourceCodecs`. */
export interface AccessUnitSource {
  readonly video: string | undefined;
  readonly audio: string | undefined;
  /** NUT cannot be started before the frame size is known. */
  readonly hasSize: boolean;
}

export interface AccessUnitPath {
  readonly webrtc: WantedWebRtc;
  /** The first rendition is the source's own video. */
  readonly isFirstCopied: boolean;
  /** The stream is configured without audio. */
  readonly isMute: boolean;
}

/** Video codecs that are passed on. */
const VIDEO = new Set(['h264', 'hevc']);
/** Audio codecs that are passed on. */
const AUDIO: Readonly<Record<string, AccessUnitAudio>> = {
  opus: 'opus-copy',
  pcm_mulaw: 'pcmu-copy',
  pcm_alaw: 'pcma-copy',
};

export function accessUnitsOf(
  source: AccessUnitSource,
  { webrtc, isFirstCopied, isMute }: AccessUnitPath,
): AccessUnitPlan {
  const { video, audio, hasSize } = source;
  const isCarried = !isFirstCopied || (hasSize && video !== undefined && VIDEO.has(video));
  if (!isCarried) return { video: 'none', audio: 'none' };
  const encoded = webrtc.canEncodeOpus ? 'opus' : 'none';
  return {
    video: isFirstCopied ? 'copy' : 'rendition',
    audio: isMute || audio === undefined ? 'none' : (AUDIO[audio] ?? encoded),
  };
}

/** Kinds of source without audio. */
const MUTE_KINDS: ReadonlySet<string> = new Set(['mjpeg', 'device']);

/** The initial assumption, before the source is known. Most sources have H.264 and AAC. */
export function firstAccessUnits(
  { audio }: Pick<StreamConfig, 'audio'>,
  { kind }: Pick<Source | UnknownSource, 'kind'>,
  path: Omit<AccessUnitPath, 'isMute'>,
): AccessUnitPlan {
  const isMute = audio === 'none' || MUTE_KINDS.has(kind);
  return accessUnitsOf({ video: 'h264', audio: 'aac', hasSize: true }, { ...path, isMute });
}
