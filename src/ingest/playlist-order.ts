/** File extensions of video. Other files in a directory are ignored. */
const MEDIA = /\.(?:mp4|m4v|mov|mkv|webm|ts|m2ts|mts|flv|avi|mpe?g|ogv|mxf)$/i;

const byName = new Intl.Collator('en', { numeric: true });

/** The files of a directory to play, sorted by name with numbers compared by value. Pure. */
export function playlistOrder(names: readonly string[]): string[] {
  return names
    .filter((name) => !name.startsWith('.') && MEDIA.test(name))
    .sort((a, b) => byName.compare(a, b) || (a < b ? -1 : 1));
}

/**
 * The files to try after `last`, which may have been deleted: the ones behind it, then the next round. An `undefined` entry marks the end
 * of a round. Pure.
 */
export function playlistAfter(ordered: readonly string[], last: string | undefined): (string | undefined)[] {
  if (last === undefined) return [...ordered, undefined];
  const isBehind = (name: string) => (byName.compare(name, last) || (name < last ? -1 : 1)) > 0 && name !== last;
  const behind = ordered.filter(isBehind);
  return [...behind, undefined, ...ordered.slice(0, ordered.length - behind.length)];
}
