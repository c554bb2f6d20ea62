import { createHash } from 'node:crypto';
import { messageOf, SidepipeError } from '../errors.js';
import type { Logger } from '../telemetry/logger.js';

/** A stream that was made through the API, as it is saved. */
export interface SavedStream {
  /** As the API took it, and as later changes left it: without defaults, so that those of a later version hold. */
  readonly input: Readonly<Record<string, unknown>> & { readonly name: string };
  /** Of the words that it was made from; undefined once it was changed. */
  readonly madeFrom: string | undefined;
}

/** Where streams of the API are saved. */
export interface StateStore {
  /** For logs: a path, or a store and a key. */
  readonly description: string;
  /** Throws `state-unavailable` when it cannot be read now. What is there but makes no sense is put aside, and told. */
  load(): Promise<LoadedState>;
  /** Whole or not at all. `conflict`: another node has saved since, and nothing was written. Throws `state-unavailable`. */
  save(streams: readonly SavedStream[]): Promise<'saved' | 'conflict'>;
  /**
   * What another node has saved since; undefined when none has. Throws `state-unavailable`, also for what cannot be read.
   * Missing where only one node can save.
   */
  follow?(): Promise<readonly SavedStream[] | undefined>;
}

export interface LoadedState {
  readonly streams: readonly SavedStream[];
  /** What was wrong with it, in words. */
  readonly problem?: string;
}

export interface SavedStreamsOptions {
  /** Undefined: streams of the API are gone when the node is. */
  readonly state: StateStore | undefined;
  /** What could not be read may be there by now. */
  readonly onRetry: () => void;
  /** It is time to `follow`. */
  readonly onFollow: () => void;
  readonly log: Logger;
}

export interface ChangeOptions {
  /** Called again when another node's change came first. */
  readonly edit: (streams: ReadonlyMap<string, SavedStream>) => ReadonlyMap<string, SavedStream> | undefined;
  /** Throws what keeps the streams from beginning. */
  readonly admit: () => Promise<void>;
  /** Another node's streams were taken over. */
  readonly onFollowed: () => Promise<void>;
}

/** How often another node's changes are looked for. */
const FOLLOW_MS = 5000;
/** How often a change is made again because another node's came first. */
const ATTEMPTS = 8;
const ATTEMPT_MS = 200;

/** How long a state that could not be read is left alone before it is tried again. */
const RETRY_MS = 10_000;

/** The streams of the API that there shall be, as they are saved. */
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

  /** Reads them, once. Answers whether they were read now; where they cannot be, `onRetry` is called after a while. */
  async load(): Promise<boolean> {
    const { state, onRetry, log } = this.#options;
    if (state === undefined || this.#isLoaded) return false;
    try {
      const { streams, problem } = await state.load();
      this.#isLoaded = true;
      if (problem !== undefined) log.error({ state: state.description }, `saved streams: ${problem}`);
      this.#streams = new Map(streams.map((saved) => [saved.input.name, saved]));
      log.info({ state: state.description, streams: streams.length }, 'saved streams were read');
      this.#followLater();
      return true;
    } catch (err) {
      log.error({ err, state: state.description }, `saved streams cannot be read yet: ${messageOf(err)}`);
      this.#retry = setTimeout(onRetry, RETRY_MS).unref();
      return false;
    }
  }

  /** Throws `state-unavailable` where they could not be read yet: what is saved now would take their place. */
  mustBeLoaded(): void {
    if (this.#isLoaded) return;
    const message = 'The saved streams could not be read yet, so nothing can be added to them.';
    throw new SidepipeError(message, { code: 'state-unavailable', fault: 'node', retryable: true });
  }

  /**
   * Saves what `edit` makes of the streams; undefined: nothing. Where another node has saved in between, its streams are taken
   * over and the edit is made again on them, so that neither change is lost. Throws what `edit` and `admit` do, or
   * `state-unavailable`: nothing has changed then.
   */
  async change({ edit, admit, onFollowed }: ChangeOptions): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const edited = edit(this.#streams);
      if (edited === undefined || (await this.#replace(edited, admit)) === 'saved') return;
      if (await this.follow()) await onFollowed();
      await new Promise((resolve) => setTimeout(resolve, Math.random() * ATTEMPT_MS * (attempt + 1)));
    }
    const message = 'Other nodes change the saved streams all the time. Try again.';
    throw new SidepipeError(message, { code: 'state-unavailable', fault: 'node', retryable: true });
  }

  /** Takes over what another node has saved. Answers whether one has. Throws `state-unavailable`. */
  async follow(): Promise<boolean> {
    const { state, log } = this.#options;
    const streams = await state?.follow?.();
    if (streams === undefined) return false;
    this.#streams = new Map(streams.map((saved) => [saved.input.name, saved]));
    log.info(
      { state: state?.description, streams: streams.length },
      'saved streams were read: another node changed them',
    );
    return true;
  }

  /** Another node's changes were looked for, and `error` kept them from being read. */
  followed(error?: unknown): void {
    const { state, log } = this.#options;
    // Once an outage.
    if (error !== undefined && this.#isFollowing) {
      log.warn({ err: error, state: state?.description }, `changes of other nodes cannot be read: ${messageOf(error)}`);
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

/** A name for the words that a stream was made from, whatever the order of their members. Pure but for the hash. */
export function fingerprintOf(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('base64url');
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, each]) => `${JSON.stringify(name)}:${canonical(each)}`).join(',')}}`;
}
