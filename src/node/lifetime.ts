import { SidepipeError } from '../errors.js';

export interface LifetimeOptions {
  /** Starts; calls `mustBeOpen` after every await. */
  readonly start: () => Promise<void>;
  /** Ends everything that has been started so far. */
  readonly end: () => Promise<void>;
}

/** Ensures one start and one end, however often and in whatever order they are requested. */
export class Lifetime {
  readonly #options: LifetimeOptions;
  #starting: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #ending: Promise<void> | undefined;
  #hasStarted = false;

  constructor(options: LifetimeOptions) {
    this.#options = options;
  }

  /** Throws the error of the start, after ending everything that had been started; `aborted` after `close`. */
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

  /** Throws `aborted` after `close` was called. */
  mustBeOpen(): void {
    if (this.#closing === undefined) return;
    throw new SidepipeError('node closed', { code: 'aborted', fault: 'caller' });
  }

  /** Throws `aborted` unless the start is complete and nothing has ended it. */
  mustBeStarted(): void {
    if (this.phase === 'started') return;
    const message = this.phase === 'closing' ? 'the node was closed' : 'the node has not started: call start() first';
    throw new SidepipeError(message, { code: 'aborted', fault: 'caller' });
  }

  async #close(): Promise<void> {
    // Parts that are still being created cannot be ended yet.
    await this.#starting?.catch(() => {});
    await this.#end();
  }

  #end(): Promise<void> {
    this.#ending ??= this.#options.end();
    return this.#ending;
  }
}
