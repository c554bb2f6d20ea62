import { SidepipeError } from '../../../errors.js';
import type { StoredObject } from '../../store.js';
import type { Evictable, RenditionUploadContext, StoreTarget } from '../context.js';
import type { Ticket } from '../queue/uploader.js';
import type { LossReason } from '../types.js';
import type { InitSegments } from './init-segments.js';
import { fetchSegment, storeSegment } from './segment-job.js';
import type { WindowItem } from './window.js';

interface Upload<T> extends Evictable {
  readonly item: WindowItem<T>;
  readonly order: number;
  /** Undefined once it is stored, and for one that is copied from another store. */
  object: StoredObject | undefined;
  /** The store that has it, though not yet its initialization segment. */
  storedOn: number | undefined;
  running: { readonly ticket: Ticket; readonly target: StoreTarget } | undefined;
  /** The store's last refusal. */
  refusal: SidepipeError | undefined;
  /** Since when newer segments are on the store and wait for this one, which is refused. Milliseconds since the epoch. */
  holdsUpSince: number | undefined;
}

export interface SegmentUploadsOptions<T> {
  readonly context: RenditionUploadContext;
  readonly inits: InitSegments;
  /** A player could fetch and decode it. */
  readonly stored: (item: WindowItem<T>, place: number) => void;
  /** It will never be on the store. */
  readonly lost: (item: WindowItem<T>, reason: LossReason, error: SidepipeError | undefined) => void;
}

/** The segments of one rendition that are on their way, and the memory that they hold. */
export class SegmentUploads<T> {
  readonly #options: SegmentUploadsOptions<T>;
  readonly #uploads = new Map<WindowItem<T>, Upload<T>>();
  readonly #restoring = new Map<string, { readonly ticket: Ticket; readonly target: StoreTarget }>();
  #order = 0;
  #newestStored = -1;

  constructor(options: SegmentUploadsOptions<T>) {
    this.#options = options;
  }

  get size(): number {
    return this.#uploads.size;
  }

  /** How many there have ever been. */
  get made(): number {
    return this.#order;
  }

  /** Without an object it is copied from the store that has it. `submit` sends it. */
  add(item: WindowItem<T>, object: StoredObject | undefined): void {
    const { context } = this.#options;
    const upload: Upload<T> = {
      item,
      object,
      kind: 'segment',
      stream: context.options.name,
      bytes: item.bytes,
      order: this.#order++,
      storedOn: undefined,
      running: undefined,
      refusal: undefined,
      holdsUpSince: undefined,
      busy: () => upload.running?.ticket.running ?? false,
      giveUp: () => this.#giveUp(upload, 'backlog-full', noRoom()),
    };
    this.#uploads.set(item, upload);
    if (object) context.backlog.hold(upload);
  }

  /** Puts a segment back that the store has had. */
  restore(object: StoredObject, done: () => void): void {
    const { context } = this.#options;
    if (this.#restoring.has(object.key)) return;
    const target = context.target();
    const ticket = target.uploader.submit({
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
    this.#restoring.set(object.key, { ticket, target });
  }

  /** No playlist lists it any more: what is not back by now is not put back. */
  unrestore(key: string): void {
    const running = this.#restoring.get(key);
    if (running) running.target.uploader.cancel(running.ticket);
    this.#restoring.delete(key);
  }

  /** Sends everything that is not being sent yet to the store in use. */
  submit(): void {
    if (!this.#options.context.mayUpload()) return;
    for (const upload of this.#uploads.values()) if (upload.running === undefined) this.#submit(upload);
  }

  /** Nothing is sent any more until `submit`. */
  halt(): void {
    for (const key of [...this.#restoring.keys()]) this.unrestore(key);
    for (const upload of this.#uploads.values()) this.#halt(upload);
  }

  /** As `halt`, because another store is in use. */
  abandon(): void {
    for (const key of [...this.#restoring.keys()]) this.unrestore(key);
    for (const upload of this.#uploads.values()) {
      upload.running?.target.uploader.abandon(upload.running.ticket);
      upload.running = undefined;
      upload.refusal = undefined;
      upload.holdsUpSince = undefined;
    }
    this.#newestStored = -1;
  }

  /**
   * Called about once a second. A segment that is refused while newer ones are taken must not hold these up for longer than
   * players have patience: the newest wins, and it becomes a gap.
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

  /** Forgets those that are on some store already, because their init or their copy was waited for, and tells which. */
  land(): readonly { readonly item: WindowItem<T>; readonly place: number }[] {
    const landed = [...this.#uploads.values()].filter(({ object }) => object === undefined);
    for (const { item } of landed) this.#uploads.delete(item);
    return landed.map(({ item, storedOn }) => ({ item, place: storedOn ?? item.place }));
  }

  /** It is of no interest any more. */
  drop(item: WindowItem<T>): void {
    const upload = this.#uploads.get(item);
    if (upload) this.#drop(upload);
  }

  /** An initialization segment is stored, or never will be. */
  initSettled(key: string): void {
    for (const upload of [...this.#uploads.values()]) if (upload.item.initKey === key) this.#settle(upload);
  }

  close(): void {
    for (const key of [...this.#restoring.keys()]) this.unrestore(key);
    for (const upload of [...this.#uploads.values()]) this.#drop(upload);
  }

  #submit(upload: Upload<T>): void {
    const { context, inits } = this.#options;
    const target = context.target();
    const { item } = upload;
    inits.ensure(item.initKey, target);
    if (upload.storedOn !== undefined) return;
    const ticket = target.uploader.submit({
      kind: 'segment',
      stream: upload.stream,
      order: upload.order,
      bytes: item.bytes,
      key: item.key,
      run: async (store, attempt, freeSlot) => {
        const object = upload.object ?? (await fetchSegment(context.targets[item.place]!.store, item.key, attempt));
        item.attempted.add(target.place);
        await storeSegment({ store, object, attempt, verify: context.settings.verify, freeSlot });
      },
      refused: (error) => {
        upload.refusal = error;
      },
      settled: (error) => {
        upload.running = undefined;
        if (error) this.#giveUp(upload, 'rejected', error);
        else this.#stored(upload, target);
      },
    });
    upload.running = { ticket, target };
  }

  #stored(upload: Upload<T>, target: StoreTarget): void {
    const { context } = this.#options;
    upload.storedOn = target.place;
    upload.object = undefined;
    upload.refusal = undefined;
    this.#newestStored = Math.max(this.#newestStored, upload.order);
    context.backlog.release(upload);
    context.counted(undefined);
    this.#settle(upload);
  }

  /** Stored is settled only when a player could decode it: with its initialization segment. */
  #settle(upload: Upload<T>): void {
    const { context, inits, stored, lost } = this.#options;
    const { place } = context.target();
    if (upload.storedOn !== place) return;
    const init = inits.state(upload.item.initKey, place);
    if (init === 'waiting') return;
    this.#uploads.delete(upload.item);
    if (init === 'stored') stored(upload.item, place);
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
    if (upload.running) upload.running.target.uploader.cancel(upload.running.ticket);
    upload.running = undefined;
  }
}

function noRoom(): SidepipeError {
  return new SidepipeError('A segment was given up because too much waits for the object store.', {
    code: 'limit-reached',
    fault: 'storage',
  });
}
