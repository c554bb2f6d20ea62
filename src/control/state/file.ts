import { open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { messageOf, SidepipeError } from '../../errors.js';
import type { LoadedState, SavedStream, StateStore } from '../saved-streams.js';
import { readState, writeState } from './document.js';

/** Only the node's user may read the file: it contains stream keys and passwords. */
const MODE = 0o600;

/**
 * Streams saved in one file. A new version is written to a temporary file, flushed to disk and renamed: after a power failure
 * the file is completely the old or the new one.
 */
export function stateFile(path: string, now: () => number = Date.now): StateStore {
  return {
    description: path,
    load: () => load(path, now),
    async save(streams) {
      await save(path, streams);
      return 'saved';
    },
  };
}

async function load(path: string, now: () => number): Promise<LoadedState> {
  let text: string;
  try {
    // Reading a pipe would block, and putting a device aside would take away the machine's /dev/null.
    if (!(await stat(path)).isFile()) throw new Error('not a regular file');
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { streams: [] };
    throw unavailable(path, 'read', error);
  }
  const { streams, problem } = readState(text);
  if (problem === undefined) return { streams };
  const aside = `${path}.unreadable-${new Date(now()).toISOString().replaceAll(/[:.]/g, '-')}`;
  // If it cannot be put aside, it must not be overwritten.
  await rename(path, aside).catch((error: unknown) => {
    throw unavailable(path, 'rename', error);
  });
  if (streams.length > 0) await save(path, streams);
  return { streams, problem: `${path} is unreadable: ${problem}. It was renamed to ${aside}.` };
}

async function save(path: string, streams: readonly SavedStream[]): Promise<void> {
  const folder = dirname(path);
  const next = join(folder, `.${basename(path)}.next`);
  try {
    await unlink(next).catch(() => {});
    const file = await open(next, 'wx', MODE);
    try {
      await file.writeFile(writeState(streams));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(next, path);
    await syncFolder(folder);
  } catch (error) {
    await unlink(next).catch(() => {});
    throw unavailable(path, 'write', error);
  }
}

/** Flushes the new directory entry to disk. Some file systems do not support this. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}

function unavailable(path: string, what: string, cause: unknown): SidepipeError {
  return new SidepipeError(`Cannot ${what} the saved streams in ${path} (state.file): ${messageOf(cause)}`, {
    code: 'state-unavailable',
    fault: 'node',
    retryable: true,
    cause,
  });
}
