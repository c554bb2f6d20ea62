import type { StoredObject } from '../../store.js';
import type { AuditedObject } from '../cleanup/audit.js';
import type { Evictable, RenditionUploadContext } from '../context.js';
import type { Ticket } from '../queue/uploader.js';
import { OverwrittenObject } from './overwritten-object.js';

interface Waiting extends Evictable {
  readonly object: StoredObject;
}

/** A key that is overwritten with the newest image. */
interface Frame {
  readonly document: OverwrittenObject<Waiting>;
  waiting: Waiting | undefined;
}

interface Once {
  readonly series: string;
  readonly order: number;
  running: Ticket | undefined;
}

/** An image that is not on the store yet; with a series it is immutable. */
export interface UnsentPicture {
  readonly object: StoredObject;
  readonly series: string | undefined;
}

/** Uploads the images of a stream. */
export class PictureObjects {
  readonly #context: RenditionUploadContext;
  readonly #frames = new Map<string, Frame>();
  readonly #once = new Map<Waiting, Once>();
  /** By series: the immutable images on the store, newest last. */
  readonly #series = new Map<string, readonly string[]>();
  #order = 0;

  constructor(context: RenditionUploadContext) {
    this.#context = context;
  }

  get idle(): boolean {
    if (this.#once.size > 0) return false;
    return [...this.#frames.values()].every(({ document }) => !document.dirty);
  }

  get keys(): readonly string[] {
    return [...this.#frames.keys()];
  }

  /** The expected objects on the store: the newest image of each key. */
  expected(): readonly AuditedObject[] {
    const all = [...this.#frames.values()].map(({ document }) => document.expected());
    return all.filter((object) => object !== undefined);
  }

  /** The newest image of its key: a waiting older one is dropped. */
  replace(object: StoredObject): void {
    let frame = this.#frames.get(object.key);
    if (frame === undefined) {
      frame = this.#frame(object.key);
      this.#frames.set(object.key, frame);
    }
    const { backlog } = this.#context;
    if (frame.waiting) backlog.release(frame.waiting);
    const { document } = frame;
    const owner = frame;
    const waiting: Waiting = {
      object,
      kind: 'image',
      stream: this.#context.options.name,
      bytes: object.body.byteLength,
      busy: () => document.busy,
      giveUp: () => this.#drop(owner, waiting),
    };
    frame.waiting = waiting;
    backlog.hold(waiting);
    document.mark();
    this.#context.held();
  }

  /** An image whose key is never written again. */
  add(object: StoredObject, series: string): void {
    const waiting: Waiting = {
      object,
      kind: 'image',
      stream: this.#context.options.name,
      bytes: object.body.byteLength,
      busy: () => this.#once.get(waiting)?.running?.running ?? false,
      giveUp: () => this.#settled(waiting, false),
    };
    if (this.#context.access.standsBy()) return;
    const once: Once = { series, order: this.#order++, running: undefined };
    this.#once.set(waiting, once);
    this.#context.backlog.hold(waiting);
    this.#submit(waiting, once);
    this.#context.held();
  }

  /** The lease was acquired. */
  resume(): void {
    for (const { document } of this.#frames.values()) document.pump();
    for (const [waiting, once] of this.#once) if (once.running === undefined) this.#submit(waiting, once);
  }

  /** Another node writes the stream, so viewers see its images. */
  yield(): void {
    for (const waiting of [...this.#once.keys()]) this.#settled(waiting, false);
    for (const { document } of this.#frames.values()) document.restart();
  }

  /** Another store is in use: returns the images that this one has not stored. */
  suspend(): readonly UnsentPicture[] {
    const unsent: UnsentPicture[] = [];
    for (const frame of this.#frames.values()) {
      frame.document.suspend();
      if (frame.waiting === undefined) continue;
      unsent.push({ object: frame.waiting.object, series: undefined });
      this.#drop(frame, frame.waiting);
    }
    for (const [waiting, { series }] of [...this.#once]) {
      unsent.push({ object: waiting.object, series });
      this.#settled(waiting, false);
    }
    return unsent;
  }

  /** This store is in use again. */
  restart(): void {
    for (const { document } of this.#frames.values()) document.restart();
  }

  /** The immutable images left on the store, which no player uses any more. */
  abandon(): readonly string[] {
    const keys = [...this.#series.values()].flat();
    this.#series.clear();
    return keys;
  }

  close(): void {
    for (const frame of this.#frames.values()) {
      frame.document.close();
      if (frame.waiting) this.#context.backlog.release(frame.waiting);
    }
    for (const waiting of [...this.#once.keys()]) this.#settled(waiting, false);
  }

  #submit(waiting: Waiting, once: Once): void {
    if (!this.#context.access.mayUpload()) return;
    once.running = this.#context.target.uploader.submit({
      kind: 'image',
      stream: waiting.stream,
      order: once.order,
      bytes: waiting.bytes,
      run: async (store, attempt) => {
        await store.put(waiting.object, attempt);
      },
      settled: (error) => {
        this.#settled(waiting, error === undefined);
        this.#context.counted(error);
      },
    });
  }

  #halt(once: Once): void {
    if (once.running) this.#context.target.uploader.cancel(once.running);
    once.running = undefined;
  }

  #frame(key: string): Frame {
    const { settings, options, target, access, counted } = this.#context;
    const frame: Frame = {
      waiting: undefined,
      document: new OverwrittenObject<Waiting>({
        kind: 'image',
        stream: options.name,
        key,
        settings,
        target,
        ready: () => access.mayPublish(),
        content: () => {
          const waiting = this.#frames.get(key)?.waiting;
          return waiting && { object: waiting.object, note: waiting };
        },
        stored: (waiting) => {
          if (frame.waiting === waiting) this.#drop(frame, waiting);
          this.#context.released();
        },
        settled: counted,
      }),
    };
    return frame;
  }

  #drop(frame: Frame, waiting: Waiting): void {
    this.#context.backlog.release(waiting);
    if (frame.waiting === waiting) frame.waiting = undefined;
  }

  #settled(waiting: Waiting, isStored: boolean): void {
    const once = this.#once.get(waiting);
    if (once === undefined) return;
    this.#once.delete(waiting);
    this.#halt(once);
    this.#context.backlog.release(waiting);
    if (isStored) this.#retireOlder(once.series, waiting.object.key);
    this.#context.released();
  }

  /** The second newest stays, because players may just have read a page that names it. */
  #retireOlder(series: string, key: string): void {
    const { options, target } = this.#context;
    if (options.cleanup === 'keep') return;
    const older = (this.#series.get(series) ?? []).filter((one) => one !== key);
    target.retention.retire(options.name, older.slice(0, -1), this.#context.durations.graceMs);
    target.retention.spare([key]);
    this.#series.set(series, [...older.slice(-1), key]);
  }
}
