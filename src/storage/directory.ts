import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, type FileHandle, link, lstat, mkdir, open, realpath, rename, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { messageOf, SidepipeError } from '../errors.js';
import { isAbsent, systemCode, toStorageError } from './directory/errors.js';
import { createKeyLocks } from './directory/locks.js';
import { createFolders, infoOf, removeLeftovers, temporaryName, walk } from './directory/tree.js';
import { aborted, conflict, throwIfOver, tooLarge } from './failures.js';
import { checkKey, contentTypeOf, mostBytesOf } from './keys.js';
import type {
  CallOptions,
  GetOptions,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  StoreCapabilities,
  StoredObject,
} from './store.js';
import { startLimit, within } from './time-limit.js';

export interface DirectoryStoreOptions {
  /** Created if it does not exist. */
  readonly path: string;
}

const capabilities: StoreCapabilities = {
  ifNoneMatch: true,
  // Compared and renamed under a lock of this process only: between two nodes in one directory only ifNoneMatch is safe.
  ifMatch: true,
  checksum: false,
  acl: false,
  batchDelete: 'none',
  metadata: false,
};

/** Marks the temporary files of this process. */
const owner = randomBytes(6).toString('hex');
let temporaryFiles = 0;

/**
 * Objects as files below `path`, for a web server or a synchroniser to pick up. A put writes a temporary file beside
 * the target and renames it, so a reader sees the old file or the new one. Content type follows from the key;
 * cache headers and metadata are not kept: the web server sets its own.
 *
 * The data is flushed (fdatasync) before the rename, but the directory is not. After a power cut every existing file is complete, and
 * journaling file systems keep the order of renames, so no playlist outlives a segment that it lists. Files renamed in the last seconds may
 * be missing: for a live window that costs less than another flush per file.
 *
 * Throws `storage-misconfigured` when `path` cannot be a writable directory.
 */
export async function createDirectoryStore({ path }: DirectoryStoreOptions): Promise<ObjectStore> {
  const root = await openRoot(path);
  const folders = createFolders(root);
  const oneAtATime = createKeyLocks();
  let closed = false;

  const run = async <T>(
    operation: string,
    key: string,
    call: CallOptions,
    task: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const what = `${operation} ${key}`;
    if (closed) throw aborted(what);
    try {
      // A system call on a disk or mount that hangs can block indefinitely.
      return await within(call, what, task);
    } catch (error) {
      throw toStorageError(error, operation, key);
    }
  };

  const write = async (object: StoredObject, options: PutOptions, signal: AbortSignal): Promise<{ etag: string }> => {
    const folder = await folders.ensure(parentOf(object.key));
    const target = join(root, object.key);
    temporaryFiles += 1;
    const source = join(folder, temporaryName(owner, temporaryFiles));
    try {
      const info = await writeWhole(source, object);
      // An abandoned put must not appear later.
      throwIfOver({ signal }, `put ${object.key}`);
      if (options.ifMatch !== undefined && (await inspect(object.key))?.etag !== options.ifMatch) {
        throw conflict(object.key, 'it has changed');
      }
      if (options.ifNoneMatch === undefined) await rename(source, target);
      else await createOnly(source, target, object.key);
      return { etag: info.etag };
    } catch (error) {
      await unlink(source).catch(() => undefined);
      throw error;
    }
  };

  /** The file of a key; undefined if there is none, or if its path contains a link. */
  const locate = async (key: string): Promise<string | undefined> => {
    const file = join(root, key);
    try {
      return (await realpath(file)) === file ? file : undefined;
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  };

  const inspect = async (key: string): Promise<ObjectInfo | undefined> => {
    const file = await locate(key);
    if (file === undefined) return undefined;
    const stats = await lstat(file, { bigint: true }).catch(ignoreAbsence);
    return stats?.isFile() ? infoOf(key, stats) : undefined;
  };

  return {
    description: `file://${root}`,
    put(object, options = {}) {
      const key = object.key;
      return run('put', key, options, async (signal) => {
        checkKey(key);
        return oneAtATime(key, async () => {
          for (let attempt = 1; ; attempt += 1) {
            try {
              return await write(object, options, signal);
            } catch (error) {
              // The folder was removed by a delete that emptied it, or the temporary file by the start of another node.
              if (systemCode(error) !== 'ENOENT' || attempt === 3) throw error;
              folders.forget();
            }
          }
        });
      });
    },
    get(key, { mostBytes = mostBytesOf(key), ...call }: GetOptions = {}) {
      return run('get', key, call, async () => {
        const file = await locate(checkKey(key));
        const handle = file && (await open(file, constants.O_RDONLY | constants.O_NOFOLLOW).catch(ignoreAbsence));
        if (!handle) return undefined;
        try {
          const stats = await handle.stat({ bigint: true });
          if (!stats.isFile()) return undefined;
          if (Number(stats.size) > mostBytes) throw tooLarge(key, Number(stats.size), mostBytes);
          return {
            ...infoOf(key, stats),
            body: await readAtMost(handle, Number(stats.size)),
            contentType: contentTypeOf(key),
          };
        } finally {
          await handle.close();
        }
      });
    },
    head(key, call: CallOptions = {}) {
      return run('head', key, call, async () => inspect(checkKey(key)));
    },
    async *list(prefix, options: CallOptions = {}) {
      const call = startLimit(options);
      if (prefix.split('/').some((part) => part === '.' || part === '..')) return;
      const keys = walk(root, prefix.slice(0, prefix.lastIndexOf('/') + 1));
      for (;;) {
        const next = await run('list', prefix, call, () => keys.next());
        if (next.done) return;
        const key = next.value;
        if (!key.startsWith(prefix) || !isKey(key)) continue;
        const info = await run('list', prefix, call, () => inspect(key));
        if (info) yield info;
      }
    },
    async delete(keys, options: CallOptions = {}) {
      const call = startLimit(options);
      for (const key of keys) {
        await run('delete', key, call, async () => {
          const file = await locate(checkKey(key));
          if (!file || !(await inspect(key))) return;
          await unlink(file).catch(ignoreAbsence);
          await folders.prune(parentOf(key));
        });
      }
    },
    capabilities: (call: CallOptions = {}) => run('capabilities', '', call, async () => capabilities),
    async close() {
      closed = true;
    },
  };
}

/** A file can grow while it is read, so at most its original size is read. */
async function readAtMost(handle: FileHandle, bytes: number): Promise<Buffer> {
  const body = Buffer.alloc(bytes);
  let used = 0;
  while (used < bytes) {
    const { bytesRead } = await handle.read(body, used, bytes - used);
    if (bytesRead === 0) break;
    used += bytesRead;
  }
  return body.subarray(0, used);
}

async function openRoot(path: string): Promise<string> {
  try {
    await mkdir(resolve(path), { recursive: true });
    const root = await realpath(resolve(path));
    await access(root, constants.R_OK | constants.W_OK | constants.X_OK);
    await removeLeftovers(root, owner);
    return root;
  } catch (error) {
    throw new SidepipeError(`the storage directory ${path} cannot be used: ${messageOf(error)}`, {
      code: 'storage-misconfigured',
      fault: 'storage',
      cause: error,
      details: { operation: 'open', vendorCode: systemCode(error) },
    });
  }
}

async function writeWhole(path: string, object: StoredObject): Promise<ObjectInfo> {
  const handle = await open(path, 'wx', 0o644);
  try {
    await handle.writeFile(object.body);
    await handle.datasync();
    return infoOf(object.key, await handle.stat({ bigint: true }));
  } finally {
    await handle.close();
  }
}

/** A hard link fails if the name exists, also for writers in other processes; a rename would replace the file. */
async function createOnly(source: string, target: string, key: string): Promise<void> {
  try {
    await link(source, target);
  } catch (error) {
    if (systemCode(error) === 'EEXIST') throw conflict(key, 'the object already exists');
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(systemCode(error) ?? '')) throw error;
    // A file system without hard links (FAT): atomic only within this process.
    if (await lstat(target).catch(ignoreAbsence)) throw conflict(key, 'the object already exists');
    await rename(source, target);
    return;
  }
  // The object is in place: the put succeeds even if its second name cannot be removed.
  await unlink(source).catch(() => undefined);
}

const parentOf = (key: string): string => key.slice(0, Math.max(0, key.lastIndexOf('/')));

function ignoreAbsence(error: unknown): undefined {
  if (isAbsent(error)) return undefined;
  throw error;
}

function isKey(key: string): boolean {
  try {
    checkKey(key);
    return true;
  } catch {
    return false;
  }
}
