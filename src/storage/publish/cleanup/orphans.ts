import { leaseKey, parseKey, streamPrefix } from '../../keys.js';
import type { CallOptions, ObjectInfo, ObjectStore } from '../../store.js';

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
  /** Sessions of which there is a recording: kept whole, whatever its playlist names. */
  readonly recorded: ReadonlySet<string>;
  /** By the store's clock. Milliseconds since the epoch. */
  readonly storeNow: number;
  readonly graceMs: number;
}

/** Pure: a segment or initialization segment of a session that nobody writes and no playlist lists, past its grace. */
export function isOrphan(
  info: ObjectInfo,
  { liveSessions, listed, recorded, storeNow, graceMs }: OrphanFacts,
): boolean {
  const parsed = parseKey(info.key);
  if (parsed?.session === undefined || liveSessions.has(parsed.session)) return false;
  if (recorded.has(parsed.session)) return false;
  return storeNow - info.modifiedAt > graceMs && !listed.has(info.key.split('/').at(-1)!);
}

export interface OrphanSearch {
  readonly store: ObjectStore;
  readonly stream: string;
  /** The keys that this node has on the store, or will: their sessions are alive. Asked when the listing is done. */
  readonly ownKeys: () => Iterable<string>;
  readonly graceMs: number;
  readonly now: number;
  readonly call: CallOptions;
}

/** One search finds at most so many, so that its memory is bounded; the next goes on. */
export const orphansAtOnce = 10_000;

/** The keys of a stream's orphans. The caller holds the stream's lease: no other session is alive. */
export async function findOrphans({ store, stream, ownKeys, graceMs, now, call }: OrphanSearch): Promise<string[]> {
  // The lease was renewed a moment ago, so its date is the store's time, whatever this machine believes.
  const storeNow = (await store.head(leaseKey(stream), call))?.modifiedAt ?? now;
  const candidates: ObjectInfo[] = [];
  const playlists: string[] = [];
  let live = sessionsOf(ownKeys());
  for await (const info of store.list(streamPrefix(stream), call)) {
    // Any playlist protects what it names, also one that somebody put beside ours.
    if (info.key.endsWith('.m3u8')) playlists.push(info.key);
    else if (
      candidates.length < orphansAtOnce &&
      isOrphan(info, { liveSessions: live, listed: none, recorded: none, storeNow, graceMs })
    )
      candidates.push(info);
  }
  if (candidates.length === 0) return [];
  const listings = new Map<string, Set<string>>();
  const recorded = new Set<string>();
  for (const key of playlists) {
    const playlist = await store.get(key, call);
    const folder = folderOf(key);
    const files = listings.get(folder) ?? new Set();
    const named = filesOf(playlist ? Buffer.from(playlist.body).toString('utf8') : '');
    for (const file of named) files.add(file);
    // A node that was killed has not written all of its recording's playlist.
    if (parseKey(key)?.kind === 'recording')
      for (const session of sessionsOf([...named].map((file) => `${folder}/${file}`))) recorded.add(session);
    listings.set(folder, files);
  }
  live = sessionsOf(ownKeys());
  return candidates
    .filter((info) => {
      const listed = listings.get(folderOf(info.key)) ?? none;
      return isOrphan(info, { liveSessions: live, listed, recorded, storeNow, graceMs });
    })
    .map(({ key }) => key);
}

const none: ReadonlySet<string> = new Set();

function folderOf(key: string): string {
  return key.slice(0, key.lastIndexOf('/'));
}

function sessionsOf(keys: Iterable<string>): ReadonlySet<string> {
  const sessions = new Set<string>();
  for (const key of keys) {
    const session = parseKey(key)?.session;
    if (session !== undefined) sessions.add(session);
  }
  return sessions;
}
