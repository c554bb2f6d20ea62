import { playlistKey } from '../../keys.js';
import type { CallOptions, ObjectStore } from '../../store.js';
import type { InheritedItem } from '../segments/window.js';
import type { InheritedSegment } from './takeover.js';

/** A playlist as it lies on the store. */
export interface StoredPlaylist {
  readonly etag: string;
  /** Undefined: it is too large to be read. */
  readonly body: Uint8Array | undefined;
  /** Milliseconds since the epoch, by the store's clock. */
  readonly modifiedAt: number;
}

/** A live playlist has a few hundred segments at most; a recording's has ended, and only its numbers would be of use. */
const largestPlaylistBytes = 2 * 1024 ** 2;
const checksAtOnce = 8;

/** The media playlist that is on the store now. */
export async function readPlaylist(
  store: ObjectStore,
  stream: string,
  rendition: string,
  call: CallOptions,
): Promise<StoredPlaylist | undefined> {
  const key = playlistKey(stream, rendition);
  const info = await store.head(key, call);
  if (info === undefined) return undefined;
  if (info.bytes > largestPlaylistBytes) return { etag: info.etag, body: undefined, modifiedAt: info.modifiedAt };
  const object = await store.get(key, call);
  return object && { etag: object.etag, body: object.body, modifiedAt: object.modifiedAt };
}

/** Looks each segment up, and what it needs. One that cannot be played becomes a gap; leading gaps are left out. */
export async function checkTail<T>(
  store: ObjectStore,
  tail: readonly InheritedSegment<T>[],
  call: CallOptions,
): Promise<readonly InheritedItem<T>[]> {
  const keys = [...new Set(tail.flatMap(({ key, initKey, gap }) => (gap ? [] : [key, ...(initKey ? [initKey] : [])])))];
  const sizes = new Map<string, number>();
  for (let at = 0; at < keys.length; at += checksAtOnce) {
    const heads = keys.slice(at, at + checksAtOnce).map(async (key) => {
      sizes.set(key, (await store.head(key, call))?.bytes ?? 0);
    });
    await Promise.all(heads);
  }
  const isThere = (key: string | undefined) => key === undefined || (sizes.get(key) ?? 0) > 0;
  const checked = tail.map((segment) => ({
    ...segment,
    gap: segment.gap || !isThere(segment.key) || !isThere(segment.initKey),
    bytes: sizes.get(segment.key) ?? 0,
  }));
  const first = checked.findIndex(({ gap }) => !gap);
  return first < 0 ? [] : checked.slice(first);
}
