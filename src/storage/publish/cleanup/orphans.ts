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
  /** Sessions that have a recording: all their files are kept, regardless of its playlist. */
  readonly recorded: ReadonlySet<string>;
  /** By the store's clock. Milliseconds since the epoch. */
  readonly storeNow: number;
  readonly graceMs: number;
}

/** Pure: whether it is a segment or initialization segment of a session without a writer, listed by no playlist, after its grace period. */
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
  /** The keys that this node has on the store, or will have: their sessions are alive. Called after the listing. */
  readonly ownKeys: () => Iterable<string>;
  readonly graceMs: number;
  readonly now: number;
  readonly call: CallOptions;
}

/** Maximum number that one search finds, to bound its memory; the next one continues. */
export const orphansAtOnce = 10_000;

/** The keys of a stream's orphans. The caller holds the stream's lease: no other session is alive. */
export async function findOrphans({ store, stream, ownKeys, graceMs, now, call }: OrphanSearch): Promise<string[]> {
  // The lease was just renewed, so its date is the store's time, regardless of this machine's clock.
  const storeNow = (await store.head(leaseKey(stream), call))?.modifiedAt ?? now;
  const candidates: ObjectInfo[] = [];
  const playlists: string[] = [];
  let live = sessionsOf(ownKeys());
  for await (const info of store.list(streamPrefix(stream), call)) {
    // Every playlist protects the files that it names, also one that is not ours.
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
    // A killed node has not written the complete playlist of its recording.
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
