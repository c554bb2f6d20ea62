/** What files of video are called. Others in a directory are left alone. */
const MEDIA = /\.(?:mp4|m4v|mov|mkv|webm|ts|m2ts|mts|flv|avi|mpe?g|ogv|mxf)$/i;

const byName = new Intl.Collator('en', { numeric: true });

/** The files of a directory that are played, in the order of their names: numbers in them by their value. Pure. */
export function playlistOrder(names: readonly string[]): string[] {
  return names
    .filter((name) => !name.startsWith('.') && MEDIA.test(name))
    .sort((a, b) => byName.compare(a, b) || (a < b ? -1 : 1));
}

/**
 * What comes after a file, though it may be gone: those behind it, then the next round. `undefined` in the place of the round's
 * first: the round is over there. Pure.
 */
export function playlistAfter(ordered: readonly string[], last: string | undefined): (string | undefined)[] {
  if (last === undefined) return [...ordered, undefined];
  const isBehind = (name: string) => (byName.compare(name, last) || (name < last ? -1 : 1)) > 0 && name !== last;
  const behind = ordered.filter(isBehind);
  return [...behind, undefined, ...ordered.slice(0, ordered.length - behind.length)];
}
