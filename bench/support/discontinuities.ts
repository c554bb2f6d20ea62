/**
 * The discontinuities that a media playlist counts before its first segment, and those that it lists. A later playlist's sum minus an
 * earlier one's first number is how many there were. Pure.
 */
export function discontinuitiesOf(playlist: string): { readonly sequence: number; readonly tags: number } {
  return {
    sequence: Number(/^#EXT-X-DISCONTINUITY-SEQUENCE:(\d+)$/m.exec(playlist)?.[1] ?? 0),
    tags: playlist.match(/^#EXT-X-DISCONTINUITY$/gm)?.length ?? 0,
  };
}
