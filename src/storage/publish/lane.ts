import { playlistKey } from '../keys.js';
import type { StoredObject } from '../store.js';
import type { LaneContext } from './context.js';
import { Copies } from './copies.js';
import { Document } from './document.js';
import { InitShelf } from './init-shelf.js';
import { Leavings } from './leavings.js';
import { Recording } from './recording.js';
import { SegmentUploads } from './segment-uploads.js';
import type { StoreTarget } from './target.js';
import type { AppendOptions, RenditionLane, RenditionOptions } from './types.js';
import { listed, RemoteWindow, type Snapshot, type WindowItem } from './window.js';

/** Entries are kept at most so long while no playlist can be written: hours of an outage, of which all but the end are gaps. */
const unlistedSegments = 5000;

interface PlaylistNote<T> {
  readonly snapshot: Snapshot<T>;
  /** It had ENDLIST. */
  readonly final: boolean;
}

/** One rendition of a stream on the stores. */
export class Lane<T> implements RenditionLane<T> {
  readonly #context: LaneContext;
  readonly #render: RenditionOptions<T>['render'];
  readonly #window: RemoteWindow<T>;
  readonly #inits: InitShelf;
  readonly #uploads: SegmentUploads<T>;
  readonly #playlist: Document<PlaylistNote<T>>;
  readonly #copies: Copies;
  readonly #leavings: Leavings;
  /** With `keep`. */
  readonly #recording: Recording<T> | undefined;
  /** Stores that are not in use and have an old playlist of this rendition all the same. */
  readonly #stale = new Set<number>();
  #listedPlace: number | undefined;
  #toldForgotten = false;
  #state: 'open' | 'ending' | 'ended' | 'closed' = 'open';

  constructor(context: LaneContext, { name, render }: RenditionOptions<T>) {
    const { settings, options, counted, targets } = context;
    this.#context = context;
    this.#render = render;
    this.#window = new RemoteWindow({
      windowSegments: options.windowSegments,
      targetSeconds: () => context.targetSeconds(),
      recordSegments: options.cleanup === 'keep' ? (options.recordSegments ?? 100_000) : 0,
    });
    this.#inits = new InitShelf({
      stream: options.name,
      settings,
      settled: (key, error) => {
        counted(error);
        this.#uploads.initSettled(key);
      },
    });
    this.#uploads = new SegmentUploads({
      context,
      inits: this.#inits,
      stored: (item, place) => {
        this.#window.move(item, 'stored', place);
        this.#playlist.mark();
      },
      lost: (item) => this.lose(item),
    });
    if (options.cleanup === 'keep')
      this.#recording = new Recording({ context, rendition: name, render, window: this.#window });
    this.#copies = new Copies({ stream: options.name, targets, counted });
    this.#leavings = new Leavings({ stream: options.name, graceMs: () => context.graceMs() });
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
    this.#context.sawDuration(durationSeconds);
    if (init) this.#inits.add(init);
    this.#uploads.add(item, object);
    this.#uploads.submit();
    this.#prune();
    this.#context.held();
  }

  end(): void {
    if (this.#state !== 'open') return;
    this.#state = 'ending';
    this.#playlist.mark();
  }

  /** Undefined before the first segment. */
  get lagSeconds(): number | undefined {
    return this.#uploads.made === 0 ? undefined : this.#window.lagSeconds;
  }

  get idle(): boolean {
    const isRecorded = this.#recording === undefined || this.#recording.idle;
    return this.#uploads.size === 0 && this.#copies.size === 0 && !this.#playlist.dirty && isRecorded;
  }

  /** Whether the store has this rendition's playlist as it is now. */
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

  /** The segment is not on the store, or not any more: the playlist must say so. */
  lose(item: WindowItem<unknown>): void {
    if (this.#window.move(item as WindowItem<T>, 'gap')) this.#playlist.mark();
  }

  /** The lease was got: what has waited for it goes. */
  resume(): void {
    this.#window.gather();
    this.#uploads.submit();
    this.#playlist.pump();
    this.#recording?.resume();
  }

  /** Another node writes the stream: what this one had there is of no use, and only the newest is kept ready. */
  yield(): void {
    this.#uploads.halt();
    this.#window.unlist();
    this.#listedPlace = undefined;
    this.#playlist.restart();
    this.#prune();
  }

  /** Another store is in use from now on. */
  moved(from: StoreTarget): void {
    const target = this.#context.target();
    this.#stale.add(from.place);
    this.#stale.delete(target.place);
    this.#listedPlace = undefined;
    this.#window.unlist();
    this.#uploads.halt();
    for (const { item, place } of this.#uploads.land()) this.#window.move(item, 'stored', place);
    if (target.place === 0) this.#reconcile(target);
    this.#uploads.submit();
    this.#playlist.restart();
    this.#recording?.moved();
  }

  /** The playlist on this store, which is not in use, is being removed. */
  abandon(target: StoreTarget): void {
    this.#stale.delete(target.place);
    for (const item of this.#window.items) {
      const copied = item.state !== 'pending' && item.place !== target.place;
      if (copied && item.attempted.delete(target.place)) this.#leavings.add([target.place], item.key);
    }
    this.#leavings.release(target);
  }

  close(): void {
    this.#state = 'closed';
    this.#playlist.close();
    this.#recording?.close();
    this.#inits.close();
    this.#uploads.close();
    this.#copies.close();
  }

  /** A node that only stands by keeps the newest segments, so that it can take over, and nothing else. */
  #prune(): void {
    const standsBy = this.#context.standsBy();
    for (const item of this.#window.prune(standsBy ? this.#context.options.windowSegments : unlistedSegments)) {
      this.#uploads.drop(item);
      this.#retire(item);
    }
    if (!standsBy) return;
    this.#releaseInits();
    for (const target of this.#context.targets) this.#leavings.release(target);
  }

  #content(): { object: StoredObject; note: PlaylistNote<T> } | undefined {
    const { settings, options } = this.#context;
    const { place } = this.#context.target();
    const final = this.#state === 'ending' && this.#uploads.size === 0 && this.#window.settled;
    const snapshot = this.#window.snapshot(settings.clock.now(), place, { final });
    if (snapshot === undefined) return undefined;
    const whole = final && options.cleanup === 'keep';
    const list = whole ? this.#window.recording(place) : snapshot.items.map((item) => listed(item, place));
    return { object: this.#render(list, { ended: final, whole }), note: { snapshot, final } };
  }

  #published({ snapshot, final }: PlaylistNote<T>, target: StoreTarget): void {
    const { settings, options } = this.#context;
    const keys = snapshot.items.filter((i) => i.listedAt === undefined && i.state === 'stored').map(({ key }) => key);
    for (const item of this.#window.acknowledge(snapshot, settings.clock.now())) this.#retire(item);
    if (keys.length > 0) settings.observe({ type: 'listed', stream: options.name, keys });
    this.#recording?.listed(keys, final);
    this.#releaseInits();
    for (const one of this.#context.targets) if (!this.#stale.has(one.place)) this.#leavings.release(one);
    this.#listedPlace = target.place;
    if (final) this.#state = 'ended';
    if (this.#window.forgotten > 0 && !this.#toldForgotten) {
      this.#toldForgotten = true;
      this.#context.settings.log({
        level: 'warn',
        event: 'recording-truncated',
        stream: this.#context.options.name,
        message: 'The recording is longer than the playlist of it can be: that will begin later.',
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
      this.#uploads.add(item, undefined);
    }
    this.#copies.begin(this.#window.recordedElsewhere(target.place), target);
  }
}
