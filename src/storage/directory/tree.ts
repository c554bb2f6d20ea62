import type { BigIntStats } from 'node:fs';
import { lstat, mkdir, readdir, rmdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SidepipeError } from '../../errors.js';
import { compareKeys } from '../keys.js';
import type { ObjectInfo } from '../store.js';
import { isAbsent, systemCode } from './errors.js';

const temporary = /^\.sidepipe-([0-9a-f]+)-\d+\.tmp$/;

/** The temporary file of an object, in the same directory and so on the same file system, where rename is atomic. */
export const temporaryName = (owner: string, number: number): string => `.sidepipe-${owner}-${number}.tmp`;

/** Every write creates a new inode, so this changes with the object. */
export function infoOf(key: string, stats: BigIntStats): ObjectInfo {
  return {
    key,
    bytes: Number(stats.size),
    etag: `"${stats.ino.toString(36)}-${stats.size.toString(36)}-${stats.mtimeNs.toString(36)}"`,
    modifiedAt: Number(stats.mtimeNs / 1_000_000n),
  };
}

/** The keys of all regular files below `root`, in order. Links are neither followed nor listed. */
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
 * Removes incomplete files after a crash. `owner` marks the files of this process, which may still be written. A file of another running
 * process can be removed too: its put notices that and writes again.
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

/** Creates the folder of a key below `root`, never through a link that leads out of it. */
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
    /** Removes the folder and its parents while they are empty. */
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
