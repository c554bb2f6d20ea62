import { leaseKey, parseKey, playlistKey, streamPrefix } from '../keys.js';
import type { ObjectInfo, ObjectStore } from '../store.js';

/** Pure: the files that a media playlist names, without their folders. */
export function filesOf(playlist: string): ReadonlySet<string> {
  const files = new Set<string>();
  for (const line of playlist.split(/\r?\n/)) {
    const uri = line.startsWith('#') ? /\bURI="([^"]*)"/.exec(line)?.[1] : line.trim();
    const file = uri?.split(/[?#]/)[0]?.split('/').at(-1);
    if (file) files.add(file);
  }
  return files;
}

export interface OrphanFacts {
  readonly liveSessions: ReadonlySet<string>;
  /** Files that the playlist of the object's rendition names. */
  readonly listed: ReadonlySet<string>;
  /** By the store's clock. Milliseconds since the epoch. */
  readonly storeNow: number;
  readonly graceMs: number;
}

/** Pure: a segment or initialization segment of a session that nobody writes and no playlist lists, past its grace. */
export function isOrphan(info: ObjectInfo, { liveSessions, listed, storeNow, graceMs }: OrphanFacts): boolean {
  const parsed = parseKey(info.key);
  if (parsed?.session === undefined || liveSessions.has(parsed.session)) return false;
  return storeNow - info.modifiedAt > graceMs && !listed.has(info.key.split('/').at(-1)!);
}

export interface OrphanSearch {
  readonly store: ObjectStore;
  readonly stream: string;
  /** The keys that this node has on the store, or will: their sessions are alive. Asked when the listing is done. */
  readonly ownKeys: () => Iterable<string>;
  readonly graceMs: number;
  readonly now: number;
  readonly signal: AbortSignal;
}

/** The keys of a stream's orphans. The caller holds the stream's lease: no other session is alive. */
export async function findOrphans({ store, stream, ownKeys, graceMs, now, signal }: OrphanSearch): Promise<string[]> {
  // The lease was renewed a moment ago, so its date is the store's time, whatever this machine believes.
  const storeNow = (await store.head(leaseKey(stream), { signal }))?.modifiedAt ?? now;
  const listings = new Map<string, ReadonlySet<string>>();
  const candidates: ObjectInfo[] = [];
  for await (const info of store.list(streamPrefix(stream), { signal })) {
    const parsed = parseKey(info.key);
    if (parsed?.session === undefined || storeNow - info.modifiedAt <= graceMs) continue;
    candidates.push(info);
    if (!listings.has(parsed.rendition!)) {
      const playlist = await store.get(playlistKey(stream, parsed.rendition!), { signal });
      listings.set(parsed.rendition!, filesOf(playlist ? Buffer.from(playlist.body).toString('utf8') : ''));
    }
  }
  const liveSessions = new Set<string>();
  for (const key of ownKeys()) {
    const session = parseKey(key)?.session;
    if (session !== undefined) liveSessions.add(session);
  }
  return candidates
    .filter((info) => {
      const listed = listings.get(parseKey(info.key)!.rendition!)!;
      return isOrphan(info, { liveSessions, listed, storeNow, graceMs });
    })
    .map(({ key }) => key);
}
