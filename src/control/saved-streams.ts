import { createHash } from 'node:crypto';
import { SidepipeError } from '../errors.js';
import type { Logger } from '../telemetry/logger.js';

/** An API stream in saved form. */
export interface SavedStream {
  /** As the API accepted it, with later changes: without defaults, so that those of a later version apply. */
  readonly input: Readonly<Record<string, unknown>> & { readonly name: string };
  /** Hash of the request that created it; undefined once it was changed. */
  readonly madeFrom: string | undefined;
}

/** The place where API streams are saved. */
export interface StateStore {
  /** For logs: a path, or a store and a key. */
  readonly description: string;
  /** Throws `state-unavailable` if it cannot be read now. Unreadable content is put aside and reported. */
  load(): Promise<LoadedState>;
  /** Atomic. `conflict`: another node has saved since, and nothing was written. Throws `state-unavailable`. */
  save(streams: readonly SavedStream[]): Promise<'saved' | 'conflict'>;
  /**
   * The streams that another node has saved since; undefined if none has. Throws `state-unavailable`, also if they cannot be read.
   * Missing if only one node can save.
   */
  follow?(): Promise<readonly SavedStream[] | undefined>;
}

export interface LoadedState {
  readonly streams: readonly SavedStream[];
  /** What was wrong with the saved state. */
  readonly problem?: string;
}

export interface SavedStreamsOptions {
  /** Undefined: API streams are lost when the node stops. */
  readonly state: StateStore | undefined;
  /** Called when it is time to load the state again. */
  readonly onRetry: () => void;
  /** Called when it is time to `follow`. */
  readonly onFollow: () => void;
  readonly log: Logger;
}

export interface ChangeOptions {
  /** Called again if another node's change came first. */
  readonly edit: (streams: ReadonlyMap<string, SavedStream>) => ReadonlyMap<string, SavedStream> | undefined;
  /** Throws if the streams cannot start. */
  readonly admit: () => Promise<void>;
  /** Called after another node's streams were adopted. */
  readonly onFollowed: () => Promise<void>;
}

/** Interval of the checks for another node's changes. */
const FOLLOW_MS = 5000;
/** Maximum attempts of a change when another node's change comes first. */
const ATTEMPTS = 8;
const ATTEMPT_MS = 200;

/** Delay before an unreadable state is read again. */
const RETRY_MS = 10_000;

/** The desired API streams and their saved state. */
export class SavedStreams {
  readonly #options: SavedStreamsOptions;
  #streams: ReadonlyMap<string, SavedStream> = new Map();
  #isLoaded: boolean;
  #retry: NodeJS.Timeout | undefined;
  #following: NodeJS.Timeout | undefined;
  #isFollowing = true;
  #isClosed = false;

  constructor(options: SavedStreamsOptions) {
    this.#options = options;
    this.#isLoaded = options.state === undefined;
  }

  get(name: string): SavedStream | undefined {
    return this.#streams.get(name);
  }

  list(): readonly SavedStream[] {
    return [...this.#streams.values()];
  }

  /** Loads the streams once. Returns whether they were loaded now; if they cannot be read, `onRetry` is called after a delay. */
  async load(): Promise<boolean> {
    const { state, onRetry, log } = this.#options;
    if (state === undefined || this.#isLoaded) return false;
    try {
      const { streams, problem } = await state.load();
      this.#isLoaded = true;
      if (problem !== undefined) log.error({ state: state.description, problem }, 'saved streams are unreadable');
      this.#streams = new Map(streams.map((saved) => [saved.input.name, saved]));
      log.info({ state: state.description, streams: streams.length }, 'saved streams loaded');
      this.#followLater();
      return true;
    } catch (err) {
      log.error({ err, state: state.description }, 'cannot load saved streams; retrying');
      this.#retry = setTimeout(onRetry, RETRY_MS).unref();
      return false;
    }
  }

  /** Throws `state-unavailable` if they have not been loaded yet: saving now would overwrite them. */
  mustBeLoaded(): void {
    if (this.#isLoaded) return;
    const message = 'The saved streams have not been loaded yet. Try again later.';
    throw new SidepipeError(message, { code: 'state-unavailable', fault: 'node', retryable: true });
  }

  /**
   * Saves the result of `edit`; undefined: no change. If another node has saved in between, its streams are adopted and the edit
   * is repeated on them, so that no change is lost. Throws the errors of `edit` and `admit`, or `state-unavailable`; then nothing
   * has changed.
   */
  async change({ edit, admit, onFollowed }: ChangeOptions): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const edited = edit(this.#streams);
      if (edited === undefined || (await this.#replace(edited, admit)) === 'saved') return;
      if (await this.follow()) await onFollowed();
      await new Promise((resolve) => setTimeout(resolve, Math.random() * ATTEMPT_MS * (attempt + 1)));
    }
    const message = 'Other nodes keep changing the saved streams. Try again.';
    throw new SidepipeError(message, { code: 'state-unavailable', fault: 'node', retryable: true });
  }

  /** Adopts the streams that another node has saved. Returns whether one has. Throws `state-unavailable`. */
  async follow(): Promise<boolean> {
    const { state, log } = this.#options;
    const streams = await state?.follow?.();
    if (streams === undefined) return false;
    this.#streams = new Map(streams.map((saved) => [saved.input.name, saved]));
    log.info(
      { state: state?.description, streams: streams.length },
      'saved streams reloaded after a change by another node',
    );
    return true;
  }

  /** Called after a check for another node's changes; `error`: they could not be read. */
  followed(error?: unknown): void {
    const { state, log } = this.#options;
    // Logged once per outage.
    if (error !== undefined && this.#isFollowing) {
      log.warn({ err: error, state: state?.description }, 'cannot read changes of other nodes');
    }
    this.#isFollowing = error === undefined;
    this.#followLater();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#following);
  }

  #followLater(): void {
    const { state, onFollow } = this.#options;
    if (state?.follow === undefined || this.#isClosed) return;
    clearTimeout(this.#following);
    this.#following = setTimeout(onFollow, FOLLOW_MS).unref();
  }

  async #replace(streams: ReadonlyMap<string, SavedStream>, admit: () => Promise<void>): Promise<'saved' | 'conflict'> {
    const { state } = this.#options;
    const before = this.#streams;
    this.#streams = streams;
    try {
      await admit();
      const result = state === undefined ? 'saved' : await state.save(this.list());
      if (result === 'conflict') this.#streams = before;
      return result;
    } catch (error) {
      this.#streams = before;
      throw error;
    }
  }
}

/** A hash of the request that created a stream, independent of the order of members. Pure apart from the hash. */
export function fingerprintOf(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('base64url');
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, each]) => `${JSON.stringify(name)}:${canonical(each)}`).join(',')}}`;
}
