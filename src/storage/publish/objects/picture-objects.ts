import type { StoredObject } from '../../store.js';
import type { AuditedObject } from '../cleanup/audit.js';
import type { Evictable, RenditionUploadContext, StoreTarget } from '../context.js';
import type { Ticket } from '../queue/uploader.js';
import { OverwrittenObject } from './overwritten-object.js';

interface Waiting extends Evictable {
  readonly object: StoredObject;
}

/** A key that is overwritten with the newest picture. */
interface Frame {
  readonly document: OverwrittenObject<Waiting>;
  waiting: Waiting | undefined;
}

interface Once {
  readonly series: string;
  readonly order: number;
  running: { readonly ticket: Ticket; readonly target: StoreTarget } | undefined;
}

/** The pictures of a stream on their way to the store. */
export class PictureObjects {
  readonly #context: RenditionUploadContext;
  readonly #frames = new Map<string, Frame>();
  readonly #once = new Map<Waiting, Once>();
  /** By series: the immutable pictures on the store, the newest last. */
  readonly #series = new Map<string, { readonly key: string; readonly target: StoreTarget }[]>();
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

  /** What should be on the store in use: the newest picture of each key. */
  expected(): readonly AuditedObject[] {
    const { place } = this.#context.target();
    const all = [...this.#frames.values()].map(({ document }) => document.expected(place));
    return all.filter((object) => object !== undefined);
  }

  /** The newest picture of its key: what waits of an older one is dropped. */
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

  /** A picture whose key is never written again. */
  add(object: StoredObject, series: string): void {
    const waiting: Waiting = {
      object,
      kind: 'image',
      stream: this.#context.options.name,
      bytes: object.body.byteLength,
      busy: () => this.#once.get(waiting)?.running?.ticket.running ?? false,
      giveUp: () => this.#settled(waiting, undefined),
    };
    if (this.#context.standsBy()) return;
    const once: Once = { series, order: this.#order++, running: undefined };
    this.#once.set(waiting, once);
    this.#context.backlog.hold(waiting);
    this.#submit(waiting, once);
    this.#context.held();
  }

  /** The lease was got. */
  resume(): void {
    for (const { document } of this.#frames.values()) document.pump();
    for (const [waiting, once] of this.#once) if (once.running === undefined) this.#submit(waiting, once);
  }

  /** Another node writes the stream: its pictures are the ones to see. */
  yield(): void {
    for (const waiting of [...this.#once.keys()]) this.#settled(waiting, undefined);
    for (const { document } of this.#frames.values()) document.restart();
  }

  /** Another store is in use from now on. */
  moved(): void {
    for (const { document } of this.#frames.values()) document.restart();
    for (const [waiting, once] of this.#once) {
      this.#halt(once);
      this.#submit(waiting, once);
    }
  }

  close(): void {
    for (const frame of this.#frames.values()) {
      frame.document.close();
      if (frame.waiting) this.#context.backlog.release(frame.waiting);
    }
    for (const waiting of [...this.#once.keys()]) this.#settled(waiting, undefined);
  }

  #submit(waiting: Waiting, once: Once): void {
    if (!this.#context.mayUpload()) return;
    const target = this.#context.target();
    const ticket = target.uploader.submit({
      kind: 'image',
      stream: waiting.stream,
      order: once.order,
      bytes: waiting.bytes,
      run: async (store, attempt) => {
        await store.put(waiting.object, attempt);
      },
      settled: (error) => {
        this.#settled(waiting, error === undefined ? target : undefined);
        this.#context.counted(error);
      },
    });
    once.running = { ticket, target };
  }

  #halt(once: Once): void {
    if (once.running) once.running.target.uploader.cancel(once.running.ticket);
    once.running = undefined;
  }

  #frame(key: string): Frame {
    const { settings, options, target, mayPublish, counted } = this.#context;
    const frame: Frame = {
      waiting: undefined,
      document: new OverwrittenObject<Waiting>({
        kind: 'image',
        stream: options.name,
        key,
        settings,
        target,
        ready: mayPublish,
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

  /** `storedOn` is undefined when it was not stored. */
  #settled(waiting: Waiting, storedOn: StoreTarget | undefined): void {
    const once = this.#once.get(waiting);
    if (once === undefined) return;
    this.#once.delete(waiting);
    this.#halt(once);
    this.#context.backlog.release(waiting);
    if (storedOn) this.#retireOlder(once.series, waiting.object.key, storedOn);
    this.#context.released();
  }

  /** The one before the newest stays: players may just have read a page that names it. */
  #retireOlder(series: string, key: string, target: StoreTarget): void {
    const { options } = this.#context;
    if (options.cleanup === 'keep') return;
    const keys = this.#series.get(series) ?? [];
    const older = keys.filter((one) => one.key !== key);
    for (const one of older.slice(0, -1)) one.target.retention.retire(options.name, [one.key], this.#context.graceMs());
    target.retention.spare([key]);
    this.#series.set(series, [...older.slice(-1), { key, target }]);
  }
}
