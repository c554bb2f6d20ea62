import { SidepipeError } from '../errors.js';

export interface LifetimeOptions {
  /** Begins; calls `mustBeOpen` wherever it has waited. */
  readonly start: () => Promise<void>;
  /** Ends whatever has begun so far. */
  readonly end: () => Promise<void>;
}

/** One start and one end, however often and in whatever order they are asked for. */
export class Lifetime {
  readonly #options: LifetimeOptions;
  #starting: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #ending: Promise<void> | undefined;
  #hasStarted = false;

  constructor(options: LifetimeOptions) {
    this.#options = options;
  }

  /** Throws what the start throws, once all that had begun has ended; `aborted` once `close` was called. */
  async start(): Promise<void> {
    this.mustBeOpen();
    this.#starting ??= this.#options.start().then(
      () => {
        this.#hasStarted = true;
      },
      async (error: unknown) => {
        await this.#end();
        throw error;
      },
    );
    return this.#starting;
  }

  get phase(): 'starting' | 'started' | 'closing' {
    if (this.#closing !== undefined || this.#ending !== undefined) return 'closing';
    return this.#hasStarted ? 'started' : 'starting';
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Throws `aborted` once `close` was called. */
  mustBeOpen(): void {
    if (this.#closing === undefined) return;
    throw new SidepipeError('the node was closed', { code: 'aborted', fault: 'caller' });
  }

  /** Throws `aborted` unless the start is complete and nothing has ended it. */
  mustBeStarted(): void {
    if (this.phase === 'started') return;
    const message = this.phase === 'closing' ? 'the node was closed' : 'the node has not started: call start() first';
    throw new SidepipeError(message, { code: 'aborted', fault: 'caller' });
  }

  async #close(): Promise<void> {
    // What is still being made cannot be ended yet.
    await this.#starting?.catch(() => {});
    await this.#end();
  }

  #end(): Promise<void> {
    this.#ending ??= this.#options.end();
    return this.#ending;
  }
}
