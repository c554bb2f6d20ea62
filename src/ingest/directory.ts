import { constants } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SidepipeError } from '../errors.js';
import { playlistAfter, playlistOrder } from './playlist-order.js';
import type { Source, UnknownSource } from './source.js';

/** A file of a directory, open: whatever takes its name's place afterwards, this is what is played. */
export interface PlaylistFile {
  readonly name: string;
  readonly handle: FileHandle;
}

export interface DirectoryPlaylist {
  /**
   * The next file, round after round; undefined when the round is over and there shall be no other. Reads the directory each time.
   * Throws `source-unavailable` where there is nothing to play.
   */
  next(): Promise<PlaylistFile | undefined>;
  /** The next file is the last one again. */
  repeat(): void;
}

interface DirectoryOptions {
  readonly path: string;
  /** Begin again at the end. */
  readonly loop: boolean;
}

/** The playlist of a source that is a directory; undefined where it is none. */
export function playlistOf({ kind, url }: Source | UnknownSource, loop: boolean): DirectoryPlaylist | undefined {
  return kind === 'directory' ? createDirectoryPlaylist({ path: url.slice('file:'.length), loop }) : undefined;
}

/** A directory's files as a playlist. Nothing is followed out of it: a symbolic link is no file. */
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
      throw unavailable('the directory holds no file that can be played');
    },
  };
}

async function list(path: string): Promise<string[]> {
  return readdir(path).catch((cause: NodeJS.ErrnoException) => {
    const words: Readonly<Record<string, string>> = {
      ENOENT: 'there is no such directory',
      ENOTDIR: 'the source is a file, not a directory: write it without the slash at its end',
      EACCES: 'the directory may not be read (permission denied)',
    };
    throw unavailable(words[cause.code ?? ''] ?? 'the directory cannot be read', cause);
  });
}

/** Undefined where it is no plain file that can be read: a link, a pipe, a directory, or gone. */
async function openFile(path: string): Promise<FileHandle | undefined> {
  // A pipe would be waited for.
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
