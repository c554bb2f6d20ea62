import type { SidepipeError } from '../../../errors.js';
import type { StoredObject } from '../../store.js';
import type { AuditedObject } from '../cleanup/audit.js';
import type { StoreTarget } from '../context.js';
import type { Ticket } from '../queue/uploader.js';
import type { PublisherSettings } from '../settings.js';
import { storeSegment } from './segment-job.js';

interface Shelved {
  readonly object: StoredObject;
  /** Where it is readable, and where an object of its key may lie. */
  readonly stored: Set<number>;
  readonly attempted: Set<number>;
  upload: { readonly ticket: Ticket; readonly target: StoreTarget } | undefined;
  failed: boolean;
}

export interface InitSegmentsOptions {
  readonly stream: string;
  readonly settings: PublisherSettings;
  /** An initialization segment was stored, or given up: what waits for it can go on. */
  readonly settled: (key: string, error: SidepipeError | undefined) => void;
}

/**
 * The initialization segments of one rendition. They are a kilobyte each and stay in memory while a listed segment needs
 * them, so that another store can be given them too.
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
    this.#shelf.set(object.key, { object, stored: new Set(), attempted: new Set(), upload: undefined, failed: false });
  }

  /** `failed` means that it never will be. No key needs nothing. */
  state(key: string | undefined, place: number): 'stored' | 'waiting' | 'failed' {
    const shelved = key === undefined ? undefined : this.#shelf.get(key);
    if (shelved === undefined || shelved.stored.has(place)) return 'stored';
    return shelved.failed ? 'failed' : 'waiting';
  }

  /** Begins the upload to the target unless it is done or under way. */
  ensure(key: string | undefined, target: StoreTarget): void {
    const shelved = key === undefined ? undefined : this.#shelf.get(key);
    if (shelved === undefined || shelved.stored.has(target.place) || shelved.failed) return;
    if (shelved.upload?.target === target) return;
    this.#cancel(shelved);
    this.#submit(shelved, target);
  }

  #submit(shelved: Shelved, target: StoreTarget, restored?: () => void): void {
    const { object } = shelved;
    const { stream, settings, settled } = this.#options;
    const ticket = target.uploader.submit({
      kind: 'init',
      stream,
      order: 0,
      bytes: object.body.byteLength,
      key: object.key,
      run: (store, attempt, freeSlot) => {
        shelved.attempted.add(target.place);
        return storeSegment({ store, object, attempt, verify: settings.verify, freeSlot });
      },
      settled: (error) => {
        shelved.upload = undefined;
        if (error) shelved.failed = true;
        else shelved.stored.add(target.place);
        if (error === undefined) restored?.();
        settled(object.key, error);
      },
    });
    shelved.upload = { ticket, target };
  }

  /** What should be on this store. */
  expected(key: string, target: StoreTarget): AuditedObject | undefined {
    const shelved = this.#shelf.get(key);
    if (shelved === undefined || !shelved.stored.has(target.place)) return undefined;
    return {
      key,
      bytes: shelved.object.body.byteLength,
      changes: false,
      isExpected: () => this.#shelf.get(key)?.stored.has(target.place) === true,
      restore: (done) => {
        if (shelved.upload === undefined) this.#submit(shelved, target, done);
        return true;
      },
    };
  }

  /** Forgets what no segment of `needed` refers to. Returns the places and keys of what may lie on stores. */
  release(
    needed: ReadonlySet<string | undefined>,
  ): readonly { readonly key: string; readonly places: ReadonlySet<number> }[] {
    const released: { key: string; places: ReadonlySet<number> }[] = [];
    for (const [key, shelved] of this.#shelf) {
      if (key === this.#current || needed.has(key)) continue;
      this.#cancel(shelved);
      this.#shelf.delete(key);
      released.push({ key, places: shelved.attempted });
    }
    return released;
  }

  close(): void {
    for (const shelved of this.#shelf.values()) this.#cancel(shelved);
  }

  #cancel(shelved: Shelved): void {
    if (shelved.upload) shelved.upload.target.uploader.cancel(shelved.upload.ticket);
    shelved.upload = undefined;
  }
}
