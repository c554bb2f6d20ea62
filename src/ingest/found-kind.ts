import type { Source, UnknownSource } from './source.js';

/** The options that only the HLS demuxer takes, and ffmpeg's word when another one opened the source. */
const NO_PLAYLIST = /^Option (?:extension_picky|live_start_index) not found/;
/**
 * What the HLS demuxer says of segments whose names it does not know or that are encrypted, the prober of playlists that look like none from outside, and
 * ffmpeg of a playlist that it has opened.
 */
const PLAYLIST =
  /^Input #0, hls\b|is not in allowed_(?:segment_)?extensions|^detected format .* mismatches allowed extensions|^Protocol 'crypto' not on whitelist|^Not detecting m3u8\/hls with non standard extension/;

/**
 * The source as ffmpeg's log shows it to be, where its URL told something else: HLS without `.m3u8` in its path, or something else with
 * it. Undefined where the log says nothing of the kind. The kinds differ in how ffmpeg opens them (names of segments, and reading a playlist
 * in real time), not in where they may lead. Pure.
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
