import { setMaxListeners } from 'node:events';
import { type ErrorCode, SidepipeError } from '../../src/errors.js';
import type {
  CallOptions,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  StoreCapabilities,
  StoredObject,
} from '../../src/storage/store.js';
import type { VirtualClock } from './virtual-clock.js';

/** What can go wrong with one call. `late`: the caller's connection ends, the object is written seconds afterwards. */
export type Fault =
  | 'latency'
  | '500'
  | '503'
  | '429'
  | '413'
  | 'reset-before'
  | 'reset-after'
  | 'late'
  | 'trickle'
  | 'skew'
  | 'refused-header'
  | 'missing-after-put'
  | 'hang';

export type Operation = 'put' | 'get' | 'head' | 'list' | 'delete';

export interface FaultyStoreOptions {
  readonly clock: VirtualClock;
  readonly latencyMs?: number;
  /** Of one link that all calls share. */
  readonly bytesPerSecond?: number;
  /** Asked for every call. */
  readonly fault?: (operation: Operation, key: string) => Fault | undefined;
  readonly conditional?: boolean;
}

type Entry = StoredObject & ObjectInfo & { readonly readableAt: number };

/** An object store in memory with a slow link, faults on demand, and eyes: every change of its content can be watched. */
export class FaultyStore implements ObjectStore {
  readonly description = 'faulty';
  readonly objects = new Map<string, Entry>();
  /** Called at once after each write of an object. */
  onCommit: (key: string) => void = () => {};
  onDelete: (key: string) => void = () => {};
  /** Every call fails as if nothing were there. `hang`: it never answers. */
  outage: 'none' | 'refuse' | 'hang' | 'deny' = 'none';
  fault: (operation: Operation, key: string) => Fault | undefined;
  /** Asked for every call that no outage ends: what the store answers instead of doing it. */
  answer: (operation: Operation, key: string, bytes: number) => SidepipeError | undefined = () => undefined;
  readonly counts = { put: 0, get: 0, head: 0, list: 0, delete: 0 };
  /** Bytes of put bodies whose calls are under way. */
  inFlight = 0;
  inFlightPuts = 0;
  readonly faultsSeen = new Map<Fault, number>();
  readonly #clock: VirtualClock;
  readonly #latencyMs: number;
  readonly #bytesPerSecond: number;
  readonly #conditional: boolean;
  #linkFreeAt = 0;
  #version = 0;

  constructor(options: FaultyStoreOptions) {
    this.#clock = options.clock;
    this.#latencyMs = options.latencyMs ?? 10;
    this.#bytesPerSecond = options.bytesPerSecond ?? Number.POSITIVE_INFINITY;
    this.#conditional = options.conditional ?? true;
    this.fault = options.fault ?? (() => undefined);
  }

  async put(object: StoredObject, { ifNoneMatch, ifMatch, ...call }: PutOptions = {}): Promise<{ etag: string }> {
    this.inFlight += object.body.byteLength;
    this.inFlightPuts += 1;
    try {
      const commit = (): { etag: string } => this.#commit(object, { ifNoneMatch, ifMatch }, 0);
      const fault = await this.#enter('put', object.key, object.body.byteLength, call);
      if (fault === 'reset-before') throw reset();
      if (fault === 'refused-header') throw failure('storage-failed', 'a header is refused', 400, true);
      if (fault === 'late') {
        this.#clock.after(3000, () => {
          try {
            commit();
          } catch {
            // Refused when it came: as it should be.
          }
        });
        throw reset();
      }
      if (fault === 'missing-after-put') {
        return this.#commit(
          object,
          { ifNoneMatch, ifMatch },
          this.#version % 2 === 0 ? 1500 : Number.POSITIVE_INFINITY,
        );
      }
      const result = commit();
      if (fault === 'reset-after') throw reset();
      return result;
    } finally {
      this.inFlight -= object.body.byteLength;
      this.inFlightPuts -= 1;
    }
  }

  async get(key: string, call: CallOptions = {}): Promise<(StoredObject & ObjectInfo) | undefined> {
    await this.#enter('get', key, 0, call);
    return this.readable(key);
  }

  async head(key: string, call: CallOptions = {}): Promise<ObjectInfo | undefined> {
    await this.#enter('head', key, 0, call);
    return this.readable(key);
  }

  async *list(prefix: string, call: CallOptions = {}): AsyncIterable<ObjectInfo> {
    await this.#enter('list', prefix, 0, call);
    for (const key of [...this.objects.keys()].filter((one) => one.startsWith(prefix)).sort()) {
      const entry = this.objects.get(key);
      if (entry) yield entry;
    }
  }

  async delete(keys: readonly string[], call: CallOptions = {}): Promise<void> {
    await this.#enter('delete', keys[0] ?? '', 0, call);
    for (const key of keys) {
      if (this.objects.delete(key)) this.onDelete(key);
    }
  }

  async capabilities(): Promise<StoreCapabilities> {
    const conditional = this.#conditional;
    return {
      ifNoneMatch: conditional,
      ifMatch: conditional,
      checksum: false,
      acl: false,
      batchDelete: 'none',
      metadata: true,
    };
  }

  async close(): Promise<void> {}

  /** What a player gets now. */
  readable(key: string): Entry | undefined {
    const entry = this.objects.get(key);
    return entry && entry.readableAt <= this.#clock.now() ? entry : undefined;
  }

  text(key: string): string | undefined {
    const entry = this.readable(key);
    return entry && Buffer.from(entry.body).toString('utf8');
  }

  #commit(
    object: StoredObject,
    { ifNoneMatch, ifMatch }: { ifNoneMatch: '*' | undefined; ifMatch: string | undefined },
    unreadableMs: number,
  ): { etag: string } {
    const present = this.objects.get(object.key);
    if (this.#conditional && ((ifNoneMatch && present) || (ifMatch !== undefined && present?.etag !== ifMatch))) {
      throw failure('storage-conflict', 'precondition failed', 412, false);
    }
    this.#version += 1;
    const etag = `"${this.#version}"`;
    const readableAt = this.#clock.now() + unreadableMs;
    this.objects.set(object.key, {
      ...object,
      bytes: object.body.byteLength,
      etag,
      modifiedAt: this.#clock.now(),
      readableAt,
    });
    this.onCommit(object.key);
    return { etag };
  }

  async #enter(operation: Operation, key: string, bytes: number, call: CallOptions): Promise<Fault | undefined> {
    this.counts[operation] += 1;
    const fault = this.fault(operation, key);
    if (fault) this.faultsSeen.set(fault, (this.faultsSeen.get(fault) ?? 0) + 1);
    const now = this.#clock.now();
    if (bytes > 0 && this.outage === 'none') {
      this.#linkFreeAt = Math.max(now, this.#linkFreeAt) + (bytes / this.#bytesPerSecond) * 1000;
    }
    let waitMs = this.#latencyMs + (bytes > 0 ? Math.max(0, this.#linkFreeAt - now) : 0);
    if (fault === 'latency') waitMs += 400;
    if (fault === 'trickle') waitMs += 15_000;
    if (fault === 'hang' || this.outage === 'hang') waitMs = Number.POSITIVE_INFINITY;
    await limited<void>(this.#clock, call, (done) => {
      if (waitMs !== Number.POSITIVE_INFINITY) this.#clock.after(waitMs, done);
    });
    if (this.outage === 'refuse') throw failure('storage-unavailable', 'connection refused', undefined, true);
    if (this.outage === 'deny') throw failure('storage-denied', 'access denied', 403, false);
    const answer = this.answer(operation, key, bytes);
    if (answer) throw answer;
    if (fault === '413') throw failure('storage-refused', 'request entity too large', 413, true, 'HTTP413');
    if (fault === '500') throw failure('storage-unavailable', 'internal error', 500, true);
    if (fault === '503') throw failure('storage-unavailable', 'slow down', 503, true, 'SlowDown');
    if (fault === '429') throw failure('storage-unavailable', 'too many requests', 429, true);
    if (fault === 'skew')
      throw failure('storage-misconfigured', 'the clock is wrong', 403, false, 'RequestTimeTooSkewed');
    return fault;
  }
}

/** Keeps the limits of a call as stores do, in virtual time: rejects at the end of either, also if `done` is never called. */
export async function limited<R>(
  clock: VirtualClock,
  { signal, timeoutMs }: CallOptions,
  start: (done: (result: R) => void, failed: (error: unknown) => void) => void,
): Promise<R> {
  let stop = (): void => {};
  try {
    return await new Promise<R>((resolve, reject) => {
      const abort = (): void => reject(failure('aborted', 'aborted', undefined, false));
      if (signal?.aborted) return abort();
      // As stores do: a caller may make many calls at once.
      if (signal !== undefined) setMaxListeners(0, signal);
      signal?.addEventListener('abort', abort, { once: true });
      const expire = (): void =>
        reject(failure('storage-unavailable', 'no answer in time', undefined, true, 'Timeout'));
      const cancelTimer = timeoutMs === undefined ? () => {} : clock.after(timeoutMs, expire);
      stop = () => {
        cancelTimer();
        signal?.removeEventListener('abort', abort);
      };
      start(resolve, reject);
    });
  } finally {
    stop();
  }
}

function reset(): SidepipeError {
  return failure('storage-unavailable', 'connection reset', undefined, true);
}

function failure(
  code: ErrorCode,
  message: string,
  status: number | undefined,
  retryable: boolean,
  vendorCode?: string,
): SidepipeError {
  return new SidepipeError(message, { code, fault: 'storage', retryable, details: { status, vendorCode } });
}
