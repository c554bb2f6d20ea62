import { SidepipeError } from '../../../errors.js';
import type { ObjectStore, StoredObject } from '../../store.js';
import { errorClass } from '../queue/retry.js';
import type { Attempt } from '../queue/uploader.js';

/** Maximum number of remembered bodies of attempts with an unknown result; there are never more at once. */
const rememberedBodies = 8;

export interface FenceOptions {
  /** Asks the store, not the local state, whether this node still has the lease. */
  readonly confirmLease: () => Promise<boolean>;
  /** This node has the lease, but the object is not the one that it has written. */
  readonly overwritten: () => void;
}

/**
 * Writes of one key, each only if the object is still the one written before. A late write of this node that was considered lost, or one of
 * a node that has lost its lease, fails at its condition.
 */
export class Fence {
  readonly #options: FenceOptions;
  #known = false;
  #etag: string | undefined;
  #attempted: Uint8Array[] = [];

  constructor(options: FenceOptions) {
    this.#options = options;
  }

  /** The object has this ETag; undefined: there is no object. */
  know(etag: string | undefined): void {
    this.#known = true;
    this.#etag = etag;
    this.#attempted = [];
  }

  /** Another writer may have written since. */
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
      // Just aborted: the next attempt will find this one's body.
      if (attempt.signal.aborted) return;
      this.#etag = etag;
      this.#attempted = [];
    } catch (error) {
      if (errorClass(error) !== 'conflict') throw error;
      await this.#resolve(store, object, attempt, error);
    }
  }

  /** Returns if the object is on the store after all, otherwise throws. */
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
    throw new SidepipeError(`${object.key} was not the object that this node had written; it is written again.`, {
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
