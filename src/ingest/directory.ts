import { constants } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SidepipeError } from '../errors.js';
import { playlistAfter, playlistOrder } from './playlist-order.js';
import type { Source, UnknownSource } from './source.js';

/** An open file of a directory. Renaming or replacing the file does not change what is played. */
export interface PlaylistFile {
  readonly name: string;
  readonly handle: FileHandle;
}

export interface DirectoryPlaylist {
  /**
   * The next file, starting over after the last one; undefined after the last one if the source does not loop. Reads the directory
   * each time. Throws `source-unavailable` if the directory has no playable file.
   */
  next(): Promise<PlaylistFile | undefined>;
  /** Makes the last file the next one again. */
  repeat(): void;
}

interface DirectoryOptions {
  readonly path: string;
  /** Start over after the last file. */
  readonly loop: boolean;
}

/** The playlist of a directory source; undefined for other sources. */
export function playlistOf({ kind, url }: Source | UnknownSource, loop: boolean): DirectoryPlaylist | undefined {
  return kind === 'directory' ? createDirectoryPlaylist({ path: url.slice('file:'.length), loop }) : undefined;
}

/** Plays the files of a directory. Never leaves the directory: symbolic links are skipped. */
function createDirectoryPlaylist({ path, loop }: DirectoryOptions): DirectoryPlaylist {
  let last: string | undefined;
  let before: string | undefined;
  return {
    repeat() {
      last = before;
    },
    async next() {
      const ordered = playlistOrder(await list(path));
      let wrapped = false;
      for (const name of playlistAfter(ordered, last)) {
        wrapped ||= name === undefined;
        if (wrapped && !loop && last !== undefined) return undefined;
        const handle = name === undefined ? undefined : await openFile(join(path, name));
        if (name === undefined || handle === undefined) continue;
        before = last;
        last = name;
        return { name, handle };
      }
      throw unavailable('The source directory holds no file that can be played.');
    },
  };
}

async function list(path: string): Promise<string[]> {
  return readdir(path).catch((cause: NodeJS.ErrnoException) => {
    const words: Readonly<Record<string, string>> = {
      ENOENT: 'The source directory does not exist.',
      ENOTDIR: 'The source is a file, not a directory. Write its path without the slash at the end.',
      EACCES: 'The source directory cannot be read (permission denied).',
    };
    throw unavailable(words[cause.code ?? ''] ?? 'The source directory cannot be read.', cause);
  });
}

/** Undefined unless the path is a readable, non-empty regular file: not for a link, a pipe or a directory. */
async function openFile(path: string): Promise<FileHandle | undefined> {
  // O_NONBLOCK: opening a pipe would block.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(path, flags).catch(() => undefined);
  const found = await handle?.stat();
  if (found?.isFile() && found.size > 0) return handle;
  await handle?.close();
  return undefined;
}

function unavailable(message: string, cause?: unknown): SidepipeError {
  return new SidepipeError(message, { code: 'source-unavailable', fault: 'source', retryable: true, cause });
}
