import { SidepipeError } from '../../errors.js';

/** Answers that are remembered, and for how long. */
const MOST = 1000;
const KEPT_MS = 24 * 3600 * 1000;

interface Remembered {
  readonly words: string;
  readonly at: number;
  readonly answer: Promise<IdempotentAnswer>;
}

/** What can be told again. */
export interface IdempotentAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

/** Remembers what requests with an `Idempotency-Key` led to, so that one that is sent again leads to nothing else. */
export class Idempotency {
  readonly #now: () => number;
  readonly #known = new Map<string, Remembered>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * The answer of the first request with this key, whether it is through or still under way; without one, what `run` gives.
   * Failures are not remembered. `words`: what was asked for. Throws `idempotency-conflict` when it is something else now.
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
  const message = 'This Idempotency-Key came before with another body. Use a new one for another stream.';
  return new SidepipeError(message, { code: 'idempotency-conflict', fault: 'caller' });
}
