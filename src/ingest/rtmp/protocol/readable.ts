/** A libavformat version. */
export interface LibavformatVersion {
  readonly major: number;
  readonly minor: number;
}

/** Since this version (ffmpeg 6.1) libavformat reads FLV with these FourCCs of Enhanced RTMP. */
const ENHANCED = { major: 60, minor: 16, codecs: ['hvc1', 'av01', 'vp09'] } as const;
/** Since this version (ffmpeg 8.0) it reads those of the second edition, which include audio. */
const SECOND = { major: 62, minor: 0 } as const;

/**
 * Whether a libavformat version reads FLV with this codec, named as in a publisher's `codecs`. Older versions know no FourCCs, and no
 * version knows the number that some cameras use for HEVC. Pure.
 */
export function readsCodec(codec: string, version: LibavformatVersion): boolean {
  if (codec === 'hevc') return false;
  const isFourCc = codec.length === 4 && !PLAIN.has(codec);
  if (!isFourCc || isAtLeast(version, SECOND)) return true;
  return isAtLeast(version, ENHANCED) && (ENHANCED.codecs as readonly string[]).includes(codec);
}

/** FLV's own codecs whose names have four letters. */
const PLAIN: ReadonlySet<string> = new Set(['h264', 'flv1', 'vp6a']);

function isAtLeast({ major, minor }: LibavformatVersion, least: LibavformatVersion): boolean {
  return major > least.major || (major === least.major && minor >= least.minor);
}
