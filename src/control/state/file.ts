import { open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { messageOf, SidepipeError } from '../../errors.js';
import type { LoadedState, SavedStream, StateStore } from '../saved-streams.js';
import { readState, writeState } from './document.js';

/** Only who runs the node may read what is saved: it holds stream keys and passwords. */
const MODE = 0o600;

/**
 * Streams saved in one file. A new text is written beside it, brought to the disk, and put in its place in one step: after a power
 * cut the file is the old one or the new one, whole.
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
    // A device or a pipe would be waited for, or put aside: and the machine be without its /dev/null.
    if (!(await stat(path)).isFile()) throw new Error('there is something else than a file');
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { streams: [] };
    throw unavailable(path, 'read', error);
  }
  const { streams, problem } = readState(text);
  if (problem === undefined) return { streams };
  const aside = `${path}.unreadable-${new Date(now()).toISOString().replaceAll(/[:.]/g, '-')}`;
  // Where it cannot be put aside, nothing may be written over it.
  await rename(path, aside).catch((error: unknown) => {
    throw unavailable(path, 'put aside', error);
  });
  if (streams.length > 0) await save(path, streams);
  return { streams, problem: `${path} cannot be used: ${problem}. It was put aside as ${aside}.` };
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
    throw unavailable(path, 'written', error);
  }
}

/** The new name itself must be on the disk, too. Some file systems cannot be asked for it. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}

function unavailable(path: string, what: string, cause: unknown): SidepipeError {
  return new SidepipeError(`The saved streams in ${path} (state.file) cannot be ${what}: ${messageOf(cause)}`, {
    code: 'state-unavailable',
    fault: 'node',
    retryable: true,
    cause,
  });
}
