import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import type { ObjectStore } from '../../src/storage/store.js';
import { listedFiles } from './bucket.js';
import { createPlaylistChecker } from './playlist-check.js';

export interface RemoteWatch {
  /** Playlists that were read and checked, each with all that it lists. */
  readonly polls: number;
  /** Empty: each was right, and each of its segments was there. */
  readonly problems: readonly string[];
  stop(): Promise<void>;
}

/** Reads a stream's playlist from a real store again and again, as a player would, and looks each listed segment up. */
export function watchRemote(store: ObjectStore, playlistKey: string): RemoteWatch {
  const checker = createPlaylistChecker({ mayReopen: true });
  const watch = { polls: 0, problems: [] as string[] };
  let stopped = false;
  const textOf = async () => Buffer.from((await store.get(playlistKey))?.body ?? []).toString();
  const poll = async (): Promise<void> => {
    const text = await textOf();
    if (text === '') return;
    try {
      checker.check(text);
    } catch (error) {
      watch.problems.push(`${String(error)}\n${text}`);
    }
    for (const file of listedFiles(text).files) {
      const info = await store.head(playlistKey.replace('index.m3u8', file));
      // Polls are slow: what is listed no more may be gone.
      if (!info?.bytes && (await textOf()).includes(file)) watch.problems.push(`${file} is listed and not there`);
    }
    watch.polls += 1;
  };
  const watching = (async () => {
    while (!stopped) {
      // While the store is down a player sees nothing, too.
      await poll().catch(() => undefined);
      await delay(20);
    }
  })();
  const stop = async () => {
    stopped = true;
    await watching;
  };
  onTestFinished(stop);
  return Object.assign(watch, { stop });
}
