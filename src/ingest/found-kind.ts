import type { Source, UnknownSource } from './source.js';

/** Options that only the HLS demuxer accepts, in ffmpeg's message when another demuxer opened the source. */
const NO_PLAYLIST = /^Option (?:extension_picky|live_start_index) not found/;
/**
 * Messages of the HLS demuxer about encrypted segments or unexpected segment names, of the prober about playlists with an unexpected
 * file name, and of ffmpeg about an opened playlist.
 */
const PLAYLIST =
  /^Input #0, hls\b|is not in allowed_(?:segment_)?extensions|^detected format .* mismatches allowed extensions|^Protocol 'crypto' not on whitelist|^Not detecting m3u8\/hls with non standard extension/;

/**
 * The source as ffmpeg's log identifies it if its URL suggested another kind: HLS without `.m3u8` in the path, or `.m3u8` without HLS.
 * Undefined if the log does not contradict the URL. The kinds differ in how ffmpeg opens them (segment names, reading in real time),
 * not in where they may connect to. Pure.
 */
export function sourceAsFound(
  source: Source | UnknownSource,
  lines: readonly { readonly text: string }[],
): Source | undefined {
  const says = (pattern: RegExp) => lines.some(({ text }) => pattern.test(text));
  if (source.kind === 'hls' && says(NO_PLAYLIST)) return { kind: 'http', url: source.url };
  if (source.kind === 'http' && says(PLAYLIST)) return { kind: 'hls', url: source.url };
  return undefined;
}
