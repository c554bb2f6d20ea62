import { SidepipeError } from '../../errors.js';

/** Maximum number of stored responses, and how long they are kept. */
const MOST = 1000;
const KEPT_MS = 24 * 3600 * 1000;

interface Remembered {
  readonly words: string;
  readonly at: number;
  readonly answer: Promise<IdempotentAnswer>;
}

/** A response that can be repeated. */
export interface IdempotentAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

/** Stores the responses to requests with an `Idempotency-Key`, so that a repeated request has no further effect. */
export class Idempotency {
  readonly #now: () => number;
  readonly #known = new Map<string, Remembered>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Returns the response of the first request with this key, even if it is still running; without one, the result of `run`.
   * Failures are not stored. `words`: the request body. Throws `idempotency-conflict` if it differs from the first one.
   */
  async once(key: string, words: string, run: () => Promise<IdempotentAnswer>) {
    const now = this.#now();
    const before = this.#known.get(key);
    if (before !== undefined && now - before.at < KEPT_MS) {
      if (before.words !== words) throw conflict();
      return { ...(await before.answer), replayed: true };
    }
    const answer = run();
    this.#known.delete(key);
    this.#known.set(key, { words, at: now, answer });
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST && oldest !== undefined) this.#known.delete(oldest);
    try {
      return { ...(await answer), replayed: false };
    } catch (error) {
      if (this.#known.get(key)?.answer === answer) this.#known.delete(key);
      throw error;
    }
  }
}

function conflict(): SidepipeError {
  const message = 'This Idempotency-Key was used before with another body. Use a new key for another stream.';
  return new SidepipeError(message, { code: 'idempotency-conflict', fault: 'caller' });
}
