import { SidepipeError } from '../../errors.js';
import { playlistKey } from '../keys.js';
import type { StoredObject } from '../store.js';
import type { Evictable, LaneContext } from './context.js';
import { Copies } from './copies.js';
import { Document } from './document.js';
import { InitShelf } from './init-shelf.js';
import { Leavings } from './leavings.js';
import { fetchSegment, storeSegment } from './segment-job.js';
import type { StoreTarget } from './target.js';
import type { AppendOptions, RenditionLane, RenditionOptions } from './types.js';
import type { Ticket } from './uploader.js';
import { listed, RemoteWindow, type Snapshot, type WindowItem } from './window.js';

/** Entries are kept at most so long while no playlist can be written: hours of an outage, of which all but the end are gaps. */
const unlistedSegments = 5000;

/** A segment on its way. */
interface Upload<T> extends Evictable {
  readonly item: WindowItem<T>;
  readonly order: number;
  /** Undefined once it is stored, and for one that is copied from another store. */
  object: StoredObject | undefined;
  /** The store that has it, though not yet its initialization segment. */
  storedOn: number | undefined;
  running: { readonly ticket: Ticket; readonly target: StoreTarget } | undefined;
}

/** One rendition of a stream on the stores. */
export class Lane<T> implements RenditionLane<T> {
  readonly name: string;
  readonly #context: LaneContext;
  readonly #render: RenditionOptions<T>['render'];
  readonly #window: RemoteWindow<T>;
  readonly #inits: InitShelf;
  readonly #playlist: Document<{ snapshot: Snapshot<T>; final: boolean }>;
  readonly #uploads = new Map<WindowItem<T>, Upload<T>>();
  readonly #copies: Copies;
  readonly #leavings: Leavings;
  #listedPlace: number | undefined;
  #order = 0;
  #toldForgotten = false;
  #state: 'open' | 'ending' | 'ended' | 'closed' = 'open';

  constructor(context: LaneContext, { name, render }: RenditionOptions<T>) {
    const { settings, options } = context;
    this.name = name;
    this.#context = context;
    this.#render = render;
    this.#window = new RemoteWindow({
      windowSegments: options.windowSegments,
      recordSegments: options.cleanup === 'keep' ? (options.recordSegments ?? 200_000) : 0,
    });
    this.#inits = new InitShelf({
      stream: options.name,
      settings,
      settled: (key, error) => this.#initSettled(key, error),
    });
    const { counted, targets, graceMs } = context;
    this.#copies = new Copies({ stream: options.name, targets, counted });
    this.#leavings = new Leavings({ stream: options.name, graceMs });
    this.#playlist = new Document({
      kind: 'playlist',
      stream: options.name,
      settings,
      target: () => context.target(),
      ready: () => context.mayPublish(),
      content: () => this.#content(),
      stored: (note, target) => this.#published(note, target),
      settled: counted,
      fence: (target) => context.fence(target, playlistKey(options.name, name)),
    });
  }

  append({ object, init, durationSeconds, entry }: AppendOptions<T>): void {
    if (this.#state !== 'open') return;
    const bytes = object.body.byteLength;
    const item = this.#window.append({ entry, key: object.key, bytes, durationSeconds, initKey: init?.key });
    if (init) this.#inits.add(init);
    this.#upload(item, object);
    if (this.#context.mayUpload()) this.#submit(this.#uploads.get(item)!);
    this.#standBy();
    this.#context.held();
  }

  end(): void {
    if (this.#state !== 'open') return;
    this.#state = 'ending';
    this.#playlist.mark();
  }

  get lagSeconds(): number | undefined {
    return this.#order === 0 ? undefined : this.#window.lagSeconds;
  }

  get idle(): boolean {
    return this.#uploads.size === 0 && this.#copies.size === 0 && !this.#playlist.dirty;
  }

  /** Whether the store in use has this rendition's playlist. */
  listedOn(place: number): boolean {
    return this.#listedPlace === place;
  }

  /** A playlist lists the key, or may soon. */
  lists(key: string): boolean {
    return this.#window.items.some((item) => (item.key === key && item.state !== 'gap') || item.initKey === key);
  }

  /** Keys that the sessions in use are known by. */
  keys(): readonly string[] {
    const inWindow = this.#window.items.flatMap(({ key, initKey }) => (initKey === undefined ? [key] : [key, initKey]));
    return [...inWindow, ...this.#leavings.keys()];
  }

  /** What a player can fetch by the playlist that is on the store now. */
  published(): readonly WindowItem<T>[] {
    const { place } = this.#context.target();
    return this.#window.items.filter((i) => i.state === 'stored' && i.listedAt !== undefined && i.place === place);
  }

  /** The store has lost a segment that it had: the playlist must say so. */
  lose(item: WindowItem<unknown>): void {
    if (this.#window.move(item as WindowItem<T>, 'gap')) this.#playlist.mark();
  }

  /** The lease was got: what has waited for it goes. */
  resume(): void {
    for (const upload of this.#uploads.values()) if (upload.running === undefined) this.#submit(upload);
    this.#playlist.pump();
  }

  /** Another node writes the stream: what this one had there is of no use, and only the newest is kept ready. */
  yield(): void {
    for (const upload of this.#uploads.values()) this.#halt(upload);
    this.#window.unlist();
    this.#listedPlace = undefined;
    this.#playlist.restart();
    this.#standBy();
  }

  /** Another store is in use from now on. */
  moved(): void {
    const target = this.#context.target();
    this.#window.unlist();
    this.#listedPlace = undefined;
    for (const upload of [...this.#uploads.values()]) {
      this.#halt(upload);
      if (upload.object !== undefined) continue;
      // On a store already: the one in use until now, or the one it was being copied from.
      this.#uploads.delete(upload.item);
      this.#window.move(upload.item, 'stored', upload.storedOn ?? upload.item.place);
    }
    if (target.place === 0) this.#reconcile(target);
    if (this.#context.mayUpload()) for (const upload of this.#uploads.values()) this.#submit(upload);
    this.#playlist.restart();
  }

  /** What was on the fallback store is there no more for anybody, once its playlists are gone. */
  abandon(target: StoreTarget): void {
    for (const item of this.#window.items) {
      if (item.place !== target.place && item.attempted.delete(target.place))
        this.#leavings.add([target.place], item.key);
    }
    this.#leavings.release(target);
  }

  close(): void {
    this.#state = 'closed';
    this.#playlist.close();
    this.#inits.close();
    for (const upload of [...this.#uploads.values()]) this.#drop(upload);
    this.#copies.close();
  }

  #upload(item: WindowItem<T>, object: StoredObject | undefined): void {
    const upload: Upload<T> = {
      item,
      object,
      kind: 'segment',
      stream: this.#context.options.name,
      bytes: item.bytes,
      order: this.#order++,
      storedOn: undefined,
      running: undefined,
      busy: () => upload.running?.ticket.running ?? false,
      giveUp: () => this.#giveUp(upload),
    };
    this.#uploads.set(item, upload);
    if (object) this.#context.backlog.hold(upload);
  }

  #submit(upload: Upload<T>): void {
    const { settings } = this.#context;
    const target = this.#context.target();
    const { item } = upload;
    this.#inits.ensure(item.initKey, target);
    if (upload.storedOn !== undefined) return;
    const ticket = target.uploader.submit({
      kind: 'segment',
      stream: upload.stream,
      order: upload.order,
      bytes: item.bytes,
      run: async (store, signal, freeSlot) => {
        const object = upload.object ?? (await this.#fetch(item, signal));
        item.attempted.add(target.place);
        await storeSegment({ store, object, signal, verify: settings.verify, freeSlot });
      },
      settled: (error) => {
        upload.running = undefined;
        if (error) {
          this.#giveUp(upload, error);
          return;
        }
        upload.storedOn = target.place;
        upload.object = undefined;
        this.#context.backlog.release(upload);
        this.#context.counted(undefined);
        this.#context.released();
        this.#settle(upload);
      },
    });
    upload.running = { ticket, target };
  }

  #fetch(item: WindowItem<T>, signal: AbortSignal): Promise<StoredObject> {
    return fetchSegment(this.#context.targets[item.place]!.store, item.key, signal);
  }

  #halt(upload: Upload<T>): void {
    if (upload.running) upload.running.target.uploader.cancel(upload.running.ticket);
    upload.running = undefined;
  }

  /** Stored is settled only when a player could decode it: with its initialization segment. */
  #settle(upload: Upload<T>): void {
    const { place } = this.#context.target();
    if (upload.storedOn !== place || !this.#uploads.has(upload.item)) return;
    const init = this.#inits.state(upload.item.initKey, place);
    if (init === 'waiting') return;
    this.#uploads.delete(upload.item);
    this.#window.move(upload.item, init === 'stored' ? 'stored' : 'gap', place);
    this.#playlist.mark();
  }

  #initSettled(key: string, error: SidepipeError | undefined): void {
    this.#context.counted(error);
    for (const upload of [...this.#uploads.values()]) if (upload.item.initKey === key) this.#settle(upload);
  }

  #drop(upload: Upload<T>): void {
    this.#halt(upload);
    upload.object = undefined;
    this.#uploads.delete(upload.item);
    this.#context.backlog.release(upload);
  }

  #giveUp(upload: Upload<T>, error?: SidepipeError): void {
    this.#drop(upload);
    this.#window.move(upload.item, 'gap');
    this.#context.counted(error ?? noRoom());
    this.#context.released();
    this.#playlist.mark();
  }

  /** A node that only stands by keeps the newest segments, so that it can take over, and nothing else. */
  #standBy(): void {
    const standsBy = this.#context.standsBy();
    for (const item of this.#window.prune(standsBy ? this.#context.options.windowSegments : unlistedSegments)) {
      const upload = this.#uploads.get(item);
      if (upload) this.#drop(upload);
      this.#retire(item);
    }
    if (!standsBy) return;
    this.#releaseInits();
    for (const target of this.#context.targets) this.#leavings.release(target);
  }

  #content(): { object: StoredObject; note: { snapshot: Snapshot<T>; final: boolean } } | undefined {
    const { settings, options } = this.#context;
    const { place } = this.#context.target();
    const final = this.#state === 'ending' && this.#uploads.size === 0 && this.#window.settled;
    const snapshot = this.#window.snapshot(settings.clock.now(), place, { final });
    if (snapshot === undefined) return undefined;
    const whole = final && options.cleanup === 'keep';
    const list = whole ? this.#window.recording(place) : snapshot.items.map((item) => listed(item, place));
    return { object: this.#render(list, { ended: final, whole }), note: { snapshot, final } };
  }

  #published({ snapshot, final }: { snapshot: Snapshot<T>; final: boolean }, target: StoreTarget): void {
    for (const item of this.#window.acknowledge(snapshot, this.#context.settings.clock.now())) this.#retire(item);
    this.#releaseInits();
    this.#leavings.release(target);
    this.#listedPlace = target.place;
    if (final) this.#state = 'ended';
    if (this.#window.forgotten > 0 && !this.#toldForgotten) {
      this.#toldForgotten = true;
      this.#context.settings.log({
        level: 'warn',
        event: 'recording-truncated',
        stream: this.#context.options.name,
        message: `The recording of ${this.name} is longer than its playlist can be: the playlist will begin later.`,
      });
    }
    this.#context.published(target);
  }

  #retire(item: WindowItem<T>): void {
    if (this.#context.options.cleanup === 'delete') this.#leavings.add(item.attempted, item.key);
  }

  #releaseInits(): void {
    const needed = new Set(this.#window.items.map((item) => item.initKey));
    for (const { key, places } of this.#inits.release(needed)) {
      if (this.#context.options.cleanup === 'delete') this.#leavings.add(places, key);
    }
  }

  /** Back on the first store: what the other one holds of the window, and of the recording, is copied. */
  #reconcile(target: StoreTarget): void {
    for (const item of this.#window.items) {
      if (item.state !== 'stored' || item.place === target.place) continue;
      this.#window.move(item, 'pending');
      this.#upload(item, undefined);
    }
    this.#copies.begin(this.#window.recordedElsewhere(target.place), target);
  }
}

function noRoom(): SidepipeError {
  return new SidepipeError('A segment was given up because too much waits for the object store.', {
    code: 'limit-reached',
    fault: 'storage',
  });
}
