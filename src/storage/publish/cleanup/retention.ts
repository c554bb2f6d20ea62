import type { SidepipeError } from '../../../errors.js';
import type { Ticket, Uploader } from '../queue/uploader.js';
import type { PublisherSettings } from '../settings.js';

/** Small enough for one request on every store, and for the deadline of one attempt if each key is a request. */
const batchKeys = 250;
/** Maximum number of keys that wait for deletion. More are left to the search for orphans of the next start. */
const limitKeys = 100_000;

export interface RetentionOptions {
  readonly settings: PublisherSettings;
  readonly uploader: Uploader;
  /** The last check: whether a playlist on the store, or one being written, lists this key. */
  readonly isListed: (stream: string, key: string) => boolean;
}

interface Doomed {
  readonly stream: string;
  readonly dueAt: number;
}

/** Deletes keys on one store that this node wrote and that no playlist lists, after their grace period. */
export class Retention {
  readonly #options: RetentionOptions;
  readonly #doomed = new Map<string, Doomed>();
  #cancelTimer: (() => void) | undefined;
  #ticket: Ticket | undefined;
  #told = false;
  #closed = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#doomed.size;
  }

  has(key: string): boolean {
    return this.#doomed.has(key);
  }

  /** Delete these keys after `graceMs`. */
  retire(stream: string, keys: Iterable<string>, graceMs: number): void {
    const dueAt = this.#options.settings.clock.now() + graceMs;
    for (const key of keys) {
      if (this.#doomed.size >= limitKeys) break;
      this.#doomed.delete(key);
      this.#doomed.set(key, { stream, dueAt });
    }
    this.#arm();
  }

  /** These keys are being written again. */
  spare(keys: Iterable<string>): void {
    for (const key of keys) this.#doomed.delete(key);
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
    if (this.#ticket) this.#options.uploader.cancel(this.#ticket);
  }

  #arm(): void {
    if (this.#closed || this.#ticket !== undefined || this.#cancelTimer !== undefined || this.#doomed.size === 0)
      return;
    const { clock } = this.#options.settings;
    let earliest = Number.POSITIVE_INFINITY;
    // Insertion order is nearly chronological, because grace periods differ little: checking the first few is enough.
    let looked = 0;
    for (const { dueAt } of this.#doomed.values()) {
      earliest = Math.min(earliest, dueAt);
      looked += 1;
      if (looked === batchKeys) break;
    }
    // Waits at least a second for more keys, to delete batches instead of single keys.
    const waitMs = Math.max(1000, earliest - clock.now());
    this.#cancelTimer = clock.after(waitMs, () => {
      this.#cancelTimer = undefined;
      this.#sweep();
    });
  }

  #sweep(): void {
    const { settings, uploader, isListed } = this.#options;
    const now = settings.clock.now();
    const keys: string[] = [];
    for (const [key, { stream, dueAt }] of this.#doomed) {
      if (keys.length === batchKeys) break;
      if (dueAt > now) continue;
      if (isListed(stream, key)) this.#doomed.delete(key);
      else keys.push(key);
    }
    if (keys.length === 0) {
      this.#arm();
      return;
    }
    this.#ticket = uploader.submit({
      kind: 'rest',
      stream: '',
      order: 0,
      bytes: 0,
      timeoutMs: 30_000,
      run: (store, attempt) => store.delete(keys, attempt),
      settled: (error) => this.#settled(keys, error),
    });
  }

  #settled(keys: readonly string[], error: SidepipeError | undefined): void {
    const { settings } = this.#options;
    this.#ticket = undefined;
    if (error === undefined) {
      if (this.#told) {
        settings.log({ level: 'info', event: 'cleanup-works', message: 'Old segments are deleted again.' });
      }
      this.#told = false;
      const perStream = new Map<string, number>();
      for (const key of keys) {
        const stream = this.#doomed.get(key)?.stream ?? '';
        perStream.set(stream, (perStream.get(stream) ?? 0) + 1);
        this.#doomed.delete(key);
      }
      for (const [stream, objects] of perStream) settings.observe({ type: 'deleted', stream, objects });
    } else {
      if (!this.#told) {
        settings.log({
          level: 'warn',
          event: 'cleanup-failed',
          message: `Old segments cannot be deleted; retried every minute: ${error.message}`,
          details: { objects: this.#doomed.size },
          error,
        });
      }
      this.#told = true;
      for (const key of keys) {
        const doomed = this.#doomed.get(key);
        this.#doomed.delete(key);
        if (doomed) this.#doomed.set(key, { ...doomed, dueAt: settings.clock.now() + 60_000 });
      }
    }
    this.#arm();
  }
}

/**
 * Keys that have left a rendition's window and may be on the store. The playlist there lists them until it is written again; only then does
 * their grace period start.
 */
export class PendingDeletes {
  readonly #keys: string[] = [];

  get keys(): readonly string[] {
    return this.#keys;
  }

  add(key: string): void {
    this.#keys.push(key);
  }

  /** No playlist lists them any more. */
  release(): readonly string[] {
    return this.#keys.splice(0);
  }
}
