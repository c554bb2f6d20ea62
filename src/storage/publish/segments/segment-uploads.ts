import { SidepipeError } from '../../../errors.js';
import type { CallOptions, ObjectStore, StoredObject } from '../../store.js';
import type { Evictable, RenditionUploadContext } from '../context.js';
import type { Attempt, Ticket } from '../queue/uploader.js';
import type { LossReason } from '../types.js';
import type { InitSegments } from './init-segments.js';
import type { WindowItem } from './window.js';

interface Upload<T> extends Evictable {
  readonly item: WindowItem<T>;
  readonly order: number;
  /** Undefined once it is stored, and if it is copied from another store. */
  object: StoredObject | undefined;
  /** Reads it from the other store. */
  readonly load: LoadSegment | undefined;
  /** It is on the store, but maybe not yet its initialization segment. */
  isStored: boolean;
  running: Ticket | undefined;
  /** The last refusal by the store. */
  refusal: SidepipeError | undefined;
  /** Since when stored newer segments wait for this one, which is refused. Milliseconds since the epoch. */
  holdsUpSince: number | undefined;
}

/** Reads a segment from another store. */
export type LoadSegment = (call: CallOptions) => Promise<StoredObject>;

export interface SegmentUploadsOptions<T> {
  readonly context: RenditionUploadContext;
  readonly inits: InitSegments;
  /** A player could fetch and decode it. */
  readonly stored: (item: WindowItem<T>) => void;
  /** It is lost for the store. */
  readonly lost: (item: WindowItem<T>, reason: LossReason, error: SidepipeError | undefined) => void;
}

/** Uploads the segments of one rendition, and tracks their memory. Only this class gives a segment up. */
export class SegmentUploads<T> {
  readonly #options: SegmentUploadsOptions<T>;
  readonly #uploads = new Map<WindowItem<T>, Upload<T>>();
  readonly #restoring = new Map<string, Ticket>();
  #order = 0;
  #newestStored = -1;

  constructor(options: SegmentUploadsOptions<T>) {
    this.#options = options;
  }

  get size(): number {
    return this.#uploads.size;
  }

  /** Total number of segments. */
  get made(): number {
    return this.#order;
  }

  /** Some are copied from another store. */
  get isCopying(): boolean {
    return [...this.#uploads.values()].some(({ load, isStored }) => load !== undefined && !isStored);
  }

  /** `submit` sends it. `stored`: it is on the store; only its initialization segment may be missing. */
  add(item: WindowItem<T>, source: StoredObject | LoadSegment | 'stored'): void {
    const { context } = this.#options;
    const object = typeof source === 'object' ? source : undefined;
    const upload: Upload<T> = {
      item,
      object,
      load: typeof source === 'function' ? source : undefined,
      kind: 'segment',
      stream: context.options.name,
      bytes: item.bytes,
      order: this.#order++,
      isStored: source === 'stored',
      running: undefined,
      refusal: undefined,
      holdsUpSince: undefined,
      busy: () => upload.running?.running ?? false,
      giveUp: () => this.#giveUp(upload, 'backlog-full', noRoom()),
    };
    this.#uploads.set(item, upload);
    if (object) context.backlog.hold(upload);
  }

  /** Restores a segment that the store had. */
  restore(object: StoredObject, done: () => void): void {
    const { context } = this.#options;
    if (this.#restoring.has(object.key)) return;
    const ticket = context.target.uploader.submit({
      kind: 'segment',
      stream: context.options.name,
      order: 0,
      bytes: object.body.byteLength,
      key: object.key,
      run: (store, attempt, freeSlot) =>
        storeSegment({ store, object, attempt, verify: context.settings.verify, freeSlot }),
      settled: (error) => {
        this.#restoring.delete(object.key);
        if (error === undefined) done();
      },
    });
    this.#restoring.set(object.key, ticket);
  }

  /** No playlist lists it any more, so it is no longer restored. */
  unrestore(key: string): void {
    const running = this.#restoring.get(key);
    if (running) this.#options.context.target.uploader.cancel(running);
    this.#restoring.delete(key);
  }

  /** Sends all segments that are not being sent. */
  submit(): void {
    if (!this.#options.context.access.mayUpload()) return;
    for (const upload of this.#uploads.values()) if (upload.running === undefined) this.#submit(upload);
  }

  /** Nothing is sent until `submit`. */
  halt(): void {
    for (const key of [...this.#restoring.keys()]) this.unrestore(key);
    for (const upload of this.#uploads.values()) this.#halt(upload);
  }

  /** Another store is in use: returns the segments that this one has not stored. `stored`: only the initialization segment is missing. */
  suspend(): ReadonlyMap<WindowItem<T>, StoredObject | 'stored'> {
    const { target, backlog } = this.#options.context;
    const unsent = new Map<WindowItem<T>, StoredObject | 'stored'>();
    for (const key of [...this.#restoring.keys()]) this.unrestore(key);
    for (const upload of this.#uploads.values()) {
      if (upload.running) target.uploader.abandon(upload.running);
      const left = upload.isStored ? 'stored' : upload.object;
      if (left !== undefined) unsent.set(upload.item, left);
      backlog.release(upload);
    }
    this.#uploads.clear();
    this.#newestStored = -1;
    return unsent;
  }

  /**
   * Called about once per second. A refused segment must not delay accepted newer ones for longer than players wait: it becomes a gap.
   */
  watch(): void {
    const { clock, timing } = this.#options.context.settings;
    const now = clock.now();
    for (const upload of [...this.#uploads.values()]) {
      if (upload.refusal === undefined || upload.order > this.#newestStored) continue;
      upload.holdsUpSince ??= now;
      if (now - upload.holdsUpSince < timing.refusedSegmentMs || upload.busy()) continue;
      this.#giveUp(upload, 'refused', upload.refusal);
    }
  }

  /** It is no longer needed. */
  drop(item: WindowItem<T>): void {
    const upload = this.#uploads.get(item);
    if (upload) this.#drop(upload);
  }

  /** An initialization segment is stored, or was given up. */
  initSettled(key: string): void {
    for (const upload of [...this.#uploads.values()]) if (upload.item.initKey === key) this.#settle(upload);
  }

  close(): void {
    for (const key of [...this.#restoring.keys()]) this.unrestore(key);
    for (const upload of [...this.#uploads.values()]) this.#drop(upload);
  }

  #submit(upload: Upload<T>): void {
    const { context, inits } = this.#options;
    const { item } = upload;
    inits.ensure(item.initKey);
    if (upload.isStored) {
      this.#settle(upload);
      return;
    }
    upload.running = context.target.uploader.submit({
      kind: 'segment',
      stream: upload.stream,
      order: upload.order,
      bytes: item.bytes,
      key: item.key,
      run: async (store, attempt, freeSlot) => {
        const object = upload.object ?? (await upload.load?.(attempt));
        if (object === undefined) return;
        item.attempted = true;
        await storeSegment({ store, object, attempt, verify: context.settings.verify, freeSlot });
      },
      refused: (error) => {
        upload.refusal = error;
      },
      settled: (error) => {
        upload.running = undefined;
        if (error) this.#giveUp(upload, 'rejected', error);
        else this.#stored(upload);
      },
    });
  }

  #stored(upload: Upload<T>): void {
    const { context } = this.#options;
    upload.isStored = true;
    upload.object = undefined;
    upload.refusal = undefined;
    this.#newestStored = Math.max(this.#newestStored, upload.order);
    context.backlog.release(upload);
    context.counted(undefined);
    this.#settle(upload);
  }

  /** A stored segment is settled only once a player can decode it: with its initialization segment. */
  #settle(upload: Upload<T>): void {
    const { inits, stored, lost } = this.#options;
    if (!upload.isStored) return;
    const init = inits.state(upload.item.initKey);
    if (init === 'waiting') return;
    this.#uploads.delete(upload.item);
    if (init === 'stored') stored(upload.item);
    else lost(upload.item, 'init-lost', undefined);
  }

  #giveUp(upload: Upload<T>, reason: LossReason, error: SidepipeError): void {
    this.#drop(upload);
    this.#options.lost(upload.item, reason, error);
    this.#options.context.counted(error);
  }

  #drop(upload: Upload<T>): void {
    this.#halt(upload);
    upload.object = undefined;
    this.#uploads.delete(upload.item);
    this.#options.context.backlog.release(upload);
  }

  #halt(upload: Upload<T>): void {
    if (upload.running) this.#options.context.target.uploader.cancel(upload.running);
    upload.running = undefined;
  }
}

function noRoom(): SidepipeError {
  return new SidepipeError('A segment was given up because too many bytes wait for the object store.', {
    code: 'limit-reached',
    fault: 'storage',
  });
}

interface StoreSegmentOptions {
  readonly store: ObjectStore;
  readonly object: StoredObject;
  readonly attempt: Attempt;
  readonly verify: boolean;
  readonly freeSlot: () => void;
}

/** Puts an immutable object and checks that it is there, because an accepted put is not yet a readable object. */
export async function storeSegment({ store, object, attempt, verify, freeSlot }: StoreSegmentOptions): Promise<void> {
  await store.put(object, attempt);
  if (!verify || attempt.signal.aborted) return;
  freeSlot();
  const found = await store.head(object.key, attempt);
  if (found?.bytes === object.body.byteLength) return;
  throw new SidepipeError(
    `${object.key} was accepted, but ${found === undefined ? 'is missing' : `has ${found.bytes} bytes`}.`,
    { code: 'storage-failed', fault: 'storage', retryable: true, details: { key: object.key } },
  );
}
