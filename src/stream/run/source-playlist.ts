import { SidepipeError } from '../../errors.js';
import { type DirectoryPlaylist, type PlaylistFile, playlistOf } from '../../ingest/directory.js';
import type { RtmpPublisher } from '../../ingest/rtmp/server-types.js';
import type { Source, UnknownSource } from '../../ingest/source.js';
import { publisherRefused } from './await-publisher.js';
import { asError, type RunEnd } from './run-end.js';
import type { SourcePart } from './run-options.js';

export interface PartOptions {
  readonly publisher: RtmpPublisher | undefined;
  readonly signal: AbortSignal;
  readonly run: (part: SourcePart) => Promise<RunEnd>;
  /** Whether the last run had any media. */
  readonly hadMedia: () => boolean;
}

/** A source as a series of runs: one file of a directory after the other, or the same source repeatedly. */
export class SourcePlaylist {
  readonly #playlist: DirectoryPlaylist | undefined;
  #attempt = 0;

  constructor(source: Source | UnknownSource, loop: boolean) {
    this.#playlist = playlistOf(source, loop);
  }

  /** The next run. Never rejects. */
  async next(options: PartOptions): Promise<RunEnd> {
    const end = await this.#run(options);
    if (end.kind !== 'failed') return end;
    if (!options.hadMedia()) this.#attempt += 1;
    return { ...end, error: (await publisherRefused(options.publisher)) ?? end.error };
  }

  async #run({ signal, run, hadMedia }: PartOptions): Promise<RunEnd> {
    const attempt = this.#attempt;
    if (this.#playlist === undefined) return run({ file: undefined, attempt });
    let file: PlaylistFile | undefined;
    try {
      file = await this.#playlist.next();
    } catch (error) {
      return { kind: 'failed', error: asError(error) };
    }
    if (file === undefined) return { kind: 'ended' };
    try {
      if (signal.aborted) return { kind: 'stopped' };
      const end = await run({ file, attempt });
      if (end.kind === 'replanned') this.#playlist.repeat();
      // Otherwise a directory of empty videos would be read as fast as processes can start.
      return end.kind !== 'continued' || hadMedia() ? end : { kind: 'failed', error: nothingIn(file.name) };
    } finally {
      await file.handle.close();
    }
  }
}

function nothingIn(name: string): SidepipeError {
  const message = `The file ${name} ended without any video.`;
  return new SidepipeError(message, { code: 'source-not-media', fault: 'source', retryable: true });
}
