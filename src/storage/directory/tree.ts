import type { BigIntStats } from 'node:fs';
import { lstat, mkdir, readdir, rmdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SidepipeError } from '../../errors.js';
import { compareKeys } from '../keys.js';
import type { ObjectInfo } from '../store.js';
import { isAbsent, systemCode } from './errors.js';

const temporary = /^\.sidepipe-([0-9a-f]+)-\d+\.tmp$/;

/** The temporary file beside the object: the same directory, so the same file system, so rename is atomic. */
export const temporaryName = (owner: string, number: number): string => `.sidepipe-${owner}-${number}.tmp`;

/** A new inode for every write makes this change whenever the object does. */
export function infoOf(key: string, stats: BigIntStats): ObjectInfo {
  return {
    key,
    bytes: Number(stats.size),
    etag: `"${stats.ino.toString(36)}-${stats.size.toString(36)}-${stats.mtimeNs.toString(36)}"`,
    modifiedAt: Number(stats.mtimeNs / 1_000_000n),
  };
}

/** All regular files below `root`, as keys in the order of keys. Links are not followed and not listed. */
export async function* walk(root: string, folder: string): AsyncGenerator<string> {
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch((error: unknown) => {
    if (isAbsent(error)) return [];
    throw error;
  });
  const named = entries
    .filter((entry) => entry.isFile() || entry.isDirectory())
    .map((entry) => ({ key: `${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`, entry }))
    .sort((a, b) => compareKeys(a.key, b.key));
  for (const { key, entry } of named) {
    if (entry.isDirectory()) yield* walk(root, key);
    else yield key;
  }
}

/**
 * What a crash left half written. `owner` marks the files of this process, which may be under way. A file of another
 * living process can be hit too: its put notices and writes again.
 */
export async function removeLeftovers(root: string, owner: string): Promise<void> {
  for await (const key of walk(root, '')) {
    const [, writer] = temporary.exec(key.slice(key.lastIndexOf('/') + 1)) ?? [];
    if (writer === undefined || writer === owner) continue;
    await unlink(join(root, key)).catch((error: unknown) => {
      if (!isAbsent(error)) throw error;
    });
  }
}

/** Makes the folders of keys below `root` and never one through a link that leads out of it. */
export function createFolders(root: string) {
  const known = new Set<string>();
  return {
    async ensure(folder: string): Promise<string> {
      let path = root;
      for (const part of folder.split('/').filter((item) => item !== '')) {
        path = join(path, part);
        if (known.has(path)) continue;
        await mkdir(path).catch((error: unknown) => {
          if (systemCode(error) !== 'EEXIST') throw error;
        });
        if (!(await lstat(path)).isDirectory()) {
          throw new SidepipeError(`${folder} in the storage directory is a file or a link, not a folder: remove it`, {
            code: 'storage-refused',
            fault: 'storage',
            retryable: true,
            details: { key: folder },
          });
        }
        known.add(path);
      }
      return path;
    },
    forget(): void {
      known.clear();
    },
    /** Removes the folder and those above it as long as they are empty. */
    async prune(folder: string): Promise<void> {
      for (let path = join(root, folder); path.length > root.length; path = dirname(path)) {
        try {
          await rmdir(path);
        } catch {
          return;
        } finally {
          known.delete(path);
        }
      }
    },
  };
}
