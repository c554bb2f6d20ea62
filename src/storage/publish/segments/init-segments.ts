import type { SidepipeError } from '../../../errors.js';
import type { StoredObject } from '../../store.js';
import type { AuditedObject } from '../cleanup/audit.js';
import type { Ticket, Uploader } from '../queue/uploader.js';
import type { PublisherSettings } from '../settings.js';
import { storeSegment } from './segment-uploads.js';

interface Shelved {
  readonly object: StoredObject;
  isStored: boolean;
  /** An object with its key may be on the store. */
  attempted: boolean;
  upload: Ticket | undefined;
  failed: boolean;
}

export interface InitSegmentsOptions {
  readonly stream: string;
  readonly settings: PublisherSettings;
  readonly uploader: Uploader;
  /** An initialization segment was stored or given up: segments that wait for it can continue. */
  readonly settled: (key: string, error: SidepipeError | undefined) => void;
}

/**
 * The initialization segments of one rendition, about 1 kB each. They stay in memory while a listed segment needs them, so that they can be
 * written again, or to another store.
 */
export class InitSegments {
  readonly #options: InitSegmentsOptions;
  readonly #shelf = new Map<string, Shelved>();
  #current: string | undefined;

  constructor(options: InitSegmentsOptions) {
    this.#options = options;
  }

  add(object: StoredObject): void {
    this.#current = object.key;
    if (this.#shelf.has(object.key)) return;
    this.#shelf.set(object.key, { object, isStored: false, attempted: false, upload: undefined, failed: false });
  }

  /** `failed`: it will never be stored. Without a key nothing is needed. */
  state(key: string | undefined): 'stored' | 'waiting' | 'failed' {
    const shelved = key === undefined ? undefined : this.#shelf.get(key);
    if (shelved === undefined || shelved.isStored) return 'stored';
    return shelved.failed ? 'failed' : 'waiting';
  }

  object(key: string | undefined): StoredObject | undefined {
    return key === undefined ? undefined : this.#shelf.get(key)?.object;
  }

  /** Starts the upload unless it is done or in progress. */
  ensure(key: string | undefined): void {
    const shelved = key === undefined ? undefined : this.#shelf.get(key);
    if (shelved === undefined || shelved.isStored || shelved.failed || shelved.upload !== undefined) return;
    this.#submit(shelved);
  }

  #submit(shelved: Shelved, restored?: () => void): void {
    const { object } = shelved;
    const { stream, settings, uploader, settled } = this.#options;
    shelved.upload = uploader.submit({
      kind: 'init',
      stream,
      order: 0,
      bytes: object.body.byteLength,
      key: object.key,
      run: (store, attempt, freeSlot) => {
        shelved.attempted = true;
        return storeSegment({ store, object, attempt, verify: settings.verify, freeSlot });
      },
      settled: (error) => {
        shelved.upload = undefined;
        if (error) shelved.failed = true;
        else shelved.isStored = true;
        if (error === undefined) restored?.();
        settled(object.key, error);
      },
    });
  }

  /** The expected objects on this store. */
  expected(key: string): AuditedObject | undefined {
    const shelved = this.#shelf.get(key);
    if (!shelved?.isStored) return undefined;
    return {
      key,
      bytes: shelved.object.body.byteLength,
      changes: false,
      isExpected: () => this.#shelf.get(key)?.isStored === true,
      restore: (done) => {
        if (shelved.upload === undefined) this.#submit(shelved, done);
        return true;
      },
    };
  }

  /** Nothing is sent until `ensure`. */
  suspend(): void {
    for (const shelved of this.#shelf.values()) this.#cancel(shelved);
  }

  /** No player uses this store any more. Returns the keys of objects that may be on it. */
  abandon(): readonly string[] {
    const attempted = [...this.#shelf.values()].filter((shelved) => shelved.attempted);
    for (const shelved of attempted) Object.assign(shelved, { isStored: false, attempted: false });
    return attempted.map(({ object }) => object.key);
  }

  /** Forgets those that no segment of `needed` refers to. Returns the keys of objects that may be on the store. */
  release(needed: ReadonlySet<string | undefined>): readonly string[] {
    const released: string[] = [];
    for (const [key, shelved] of this.#shelf) {
      if (key === this.#current || needed.has(key)) continue;
      this.#cancel(shelved);
      this.#shelf.delete(key);
      if (shelved.attempted) released.push(key);
    }
    return released;
  }

  close(): void {
    for (const shelved of this.#shelf.values()) this.#cancel(shelved);
  }

  #cancel(shelved: Shelved): void {
    if (shelved.upload) this.#options.uploader.cancel(shelved.upload);
    shelved.upload = undefined;
  }
}
