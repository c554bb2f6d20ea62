import { SidepipeError } from '../../../errors.js';
import type { ObjectStore, StoredObject } from '../../store.js';
import { errorClass } from '../queue/retry.js';
import type { Attempt } from '../queue/uploader.js';

/** Bodies of attempts whose fate is unknown: more than these are never under way. */
const rememberedBodies = 8;

export interface FenceOptions {
  /** Asks the store, not the memory, whether the lease is still this node's. */
  readonly confirmLease: () => Promise<boolean>;
  /** The lease is this node's, and the object is not what it has written. */
  readonly overwritten: () => void;
}

/**
 * Writes of one key, each only if the object is still the one written before: a write of this node that was believed
 * lost and arrives late, or one of a node that has lost its lease meanwhile, changes nothing.
 */
export class Fence {
  readonly #options: FenceOptions;
  #known = false;
  #etag: string | undefined;
  #attempted: Uint8Array[] = [];

  constructor(options: FenceOptions) {
    this.#options = options;
  }

  /** The object is as it was read with this ETag; undefined: there is none. */
  know(etag: string | undefined): void {
    this.#known = true;
    this.#etag = etag;
    this.#attempted = [];
  }

  /** Others may have written since. */
  forget(): void {
    this.#known = false;
    this.#attempted = [];
  }

  async put(store: ObjectStore, object: StoredObject, attempt: Attempt): Promise<void> {
    const { ifNoneMatch, ifMatch } = await store.capabilities(attempt);
    if (!ifNoneMatch || !ifMatch) {
      await store.put(object, attempt);
      return;
    }
    if (!this.#known) {
      this.#etag = (await store.head(object.key, attempt))?.etag;
      this.#known = true;
    }
    this.#attempted = [...this.#attempted.slice(1 - rememberedBodies), object.body];
    try {
      const condition = this.#etag === undefined ? { ifNoneMatch: '*' as const } : { ifMatch: this.#etag };
      const { etag } = await store.put(object, { ...attempt, ...condition });
      // Called off at this moment: the next attempt will find this one's body.
      if (attempt.signal.aborted) return;
      this.#etag = etag;
      this.#attempted = [];
    } catch (error) {
      if (errorClass(error) !== 'conflict') throw error;
      await this.#resolve(store, object, attempt, error);
    }
  }

  /** Returns when the object is on the store after all, else throws. */
  async #resolve(store: ObjectStore, object: StoredObject, attempt: Attempt, cause: unknown): Promise<void> {
    const current = await store.get(object.key, attempt);
    const ours = current === undefined || this.#attempted.some((body) => sameBytes(body, current.body));
    if (!ours && !(await this.#options.confirmLease())) {
      throw new SidepipeError(`${object.key} was written by another node.`, {
        code: 'storage-conflict',
        fault: 'storage',
        cause,
        details: { key: object.key },
      });
    }
    if (!ours) this.#options.overwritten();
    this.#etag = current?.etag;
    if (current !== undefined && sameBytes(current.body, object.body)) {
      this.#attempted = [];
      return;
    }
    throw new SidepipeError(`${object.key} was not what this node had written last; it is written again.`, {
      code: 'storage-conflict',
      fault: 'storage',
      retryable: true,
      cause,
      details: { key: object.key },
    });
  }
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
