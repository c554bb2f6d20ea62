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
  /** Whole or not at all. Throws `state-unavailable`. */
  save(streams: readonly SavedStream[]): Promise<void>;
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
  readonly log: Logger;
}

/** How long a state that could not be read is left alone before it is tried again. */
const RETRY_MS = 10_000;

/** The streams of the API that there shall be, as they are saved. */
export class SavedStreams {
  readonly #options: SavedStreamsOptions;
  #streams: ReadonlyMap<string, SavedStream> = new Map();
  #isLoaded: boolean;
  #retry: NodeJS.Timeout | undefined;

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

  /** Adds a stream, or changes the one of its name. Throws what `admit` does, or `state-unavailable`: nothing has changed then. */
  set(saved: SavedStream, admit: () => Promise<void>): Promise<void> {
    return this.#replace(new Map(this.#streams).set(saved.input.name, saved), admit);
  }

  /** Takes one away. Throws as `set` does. */
  remove(name: string, admit: () => Promise<void>): Promise<void> {
    return this.#replace(new Map([...this.#streams].filter(([each]) => each !== name)), admit);
  }

  close(): void {
    clearTimeout(this.#retry);
  }

  async #replace(streams: ReadonlyMap<string, SavedStream>, admit: () => Promise<void>): Promise<void> {
    const before = this.#streams;
    this.#streams = streams;
    try {
      await admit();
      await this.#options.state?.save(this.list());
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
