/** Which libavformat it is. */
export interface LibavformatVersion {
  readonly major: number;
  readonly minor: number;
}

/** From this version on (ffmpeg 6.1) FLV with the FourCCs of Enhanced RTMP is read: these. */
const ENHANCED = { major: 60, minor: 16, codecs: ['hvc1', 'av01', 'vp09'] } as const;
/** From this one on (ffmpeg 8.0) those of its second edition, sound's among them. */
const SECOND = { major: 62, minor: 0 } as const;

/**
 * Whether a libavformat reads FLV with this codec, as `codecs` of a publisher names it: older ones know nothing of FourCCs, and none
 * knows the number that some cameras use for HEVC. Pure.
 */
export function readsCodec(codec: string, version: LibavformatVersion): boolean {
  if (codec === 'hevc') return false;
  const isFourCc = codec.length === 4 && !PLAIN.has(codec);
  if (!isFourCc || isAtLeast(version, SECOND)) return true;
  return isAtLeast(version, ENHANCED) && (ENHANCED.codecs as readonly string[]).includes(codec);
}

/** FLV's own codecs whose names happen to have four letters. */
const PLAIN: ReadonlySet<string> = new Set(['h264', 'flv1', 'vp6a']);

function isAtLeast({ major, minor }: LibavformatVersion, least: LibavformatVersion): boolean {
  return major > least.major || (major === least.major && minor >= least.minor);
}
