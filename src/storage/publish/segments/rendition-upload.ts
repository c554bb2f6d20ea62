import type { SidepipeError } from '../../../errors.js';
import { playlistKey } from '../../keys.js';
import type { StoredObject } from '../../store.js';
import type { AuditedObject } from '../cleanup/audit.js';
import { PendingDeletes } from '../cleanup/retention.js';
import type { RenditionUploadContext, StoreTarget } from '../context.js';
import { sameBytes } from '../lease/fence.js';
import type { FoundPlaylist, Numbering, RenditionUploadFacts } from '../lease/takeover.js';
import { OverwrittenObject } from '../objects/overwritten-object.js';
import { Recording, RecordingCopies } from '../objects/recording.js';
import type { AppendOptions, LossReason, RenditionLane, RenditionUploadOptions } from '../types.js';
import { InitSegments } from './init-segments.js';
import { SegmentUploads } from './segment-uploads.js';
import { type Inheritance, listed, RemoteWindow, type Snapshot, startOf, type WindowItem } from './window.js';

/** Entries are kept at most so long while no playlist can be written: hours of an outage, of which all but the end are gaps. */
const unlistedSegments = 5000;

interface PlaylistNote<T> {
  readonly snapshot: Snapshot<T>;
  /** It had ENDLIST. */
  readonly final: boolean;
  readonly body: Uint8Array;
  /** Of the numbering. */
  readonly revision: number;
}

/** One rendition of a stream on the stores. */
export class RenditionUpload<T> implements RenditionLane<T> {
  readonly name: string;
  readonly #context: RenditionUploadContext;
  readonly #rendition: RenditionUploadOptions<T>;
  readonly #window: RemoteWindow<T>;
  readonly #inits: InitSegments;
  readonly #uploads: SegmentUploads<T>;
  readonly #playlist: OverwrittenObject<PlaylistNote<T>>;
  readonly #copies: RecordingCopies;
  readonly #pendingDeletes: PendingDeletes;
  /** With `keep`. */
  readonly #recording: Recording<T> | undefined;
  /** Stores that are not in use and have an old playlist of this rendition all the same. */
  readonly #stale = new Set<number>();
  #listedPlace: number | undefined;
  /** By store, the last playlist that this node wrote. */
  readonly #written = new Map<number, { readonly body: Uint8Array; readonly revision: number }>();
  /** What other writers left and no playlist lists any more, until when it must stay. */
  readonly #inherited = new Map<string, number>();
  #toldForgotten = false;
  #state: 'open' | 'paused' | 'ending' | 'ended' | 'closed' = 'open';

  constructor(context: RenditionUploadContext, rendition: RenditionUploadOptions<T>) {
    const { settings, options, counted, targets } = context;
    const { name, render } = rendition;
    this.name = name;
    this.#context = context;
    this.#rendition = rendition;
    this.#window = new RemoteWindow({
      windowSegments: options.windowSegments,
      targetSeconds: () => context.targetSeconds(),
      numbersOf: (position) => context.numbersOf(position),
      recordSegments: options.cleanup === 'keep' ? (options.recordSegments ?? 100_000) : 0,
    });
    this.#inits = new InitSegments({
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
      lost: (item, reason, error) => this.lose(item, reason, error),
    });
    if (options.cleanup === 'keep')
      this.#recording = new Recording({ context, rendition: name, render, window: this.#window });
    this.#copies = new RecordingCopies({ stream: options.name, targets, counted });
    this.#pendingDeletes = new PendingDeletes({ stream: options.name, graceMs: () => context.graceMs() });
    this.#playlist = new OverwrittenObject({
      kind: 'playlist',
      stream: options.name,
      settings,
      target: () => context.target(),
      ready: () => context.mayList(),
      content: () => this.#content(),
      stored: (note, target) => this.#published(note, target),
      settled: counted,
      fence: (target) => context.fence(target, playlistKey(options.name, name)),
    });
  }

  append({ object, init, durationSeconds, position, entry }: AppendOptions<T>): void {
    if (this.#state !== 'open') return;
    this.#context.wanted();
    if (this.#window.repeats(position)) return;
    const bytes = object.body.byteLength;
    const item = this.#window.append({
      ...{ entry, key: object.key, bytes, durationSeconds, initKey: init?.key },
      ...(position && { position }),
    });
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

  pause(): void {
    if (this.#state !== 'open') return;
    this.#state = 'paused';
    this.#recording?.complete();
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

  /** Keys that the sessions in use are known by: also of what other writers left, while players may fetch it. */
  keys(): readonly string[] {
    const now = this.#context.settings.clock.now();
    for (const [key, until] of this.#inherited) if (until <= now) this.#inherited.delete(key);
    const inWindow = this.#window.items.flatMap(({ key, initKey }) => (initKey === undefined ? [key] : [key, initKey]));
    return [...inWindow, ...this.#pendingDeletes.keys(), ...this.#inherited.keys()];
  }

  /** Segments that wait here, for the code that continues the playlist on the store. */
  get own(): RenditionUploadFacts<T>['own'] {
    const own = this.#window.items.filter(({ isInherited }) => !isInherited);
    return own.map(({ key, position, durationSeconds }) => ({ key, position, seconds: durationSeconds }));
  }

  read(playlist: Uint8Array): FoundPlaylist<T> | undefined {
    return this.#rendition.read?.(playlist);
  }

  get asGap(): RenditionUploadFacts<T>['asGap'] {
    return this.#rendition.asGap ?? ((entry) => entry);
  }

  /** Whether a playlist on this store is the last one that this node wrote there, with the numbers of now. */
  wrote(place: number, body: Uint8Array | undefined, { revision }: Numbering): boolean {
    const written = this.#written.get(place);
    if (written === undefined || body === undefined || written.revision !== revision) return false;
    return sameBytes(written.body, body);
  }

  /** The playlist on the store is continued. */
  inherit(inheritance: Omit<Inheritance<T>, 'place' | 'now'>, target: StoreTarget): void {
    const now = this.#context.settings.clock.now();
    for (const item of this.#window.inherit({ ...inheritance, place: target.place, now })) {
      this.#uploads.drop(item);
      this.#retire(item);
    }
    for (const item of this.#window.items) if (item.state === 'stored') this.#uploads.drop(item);
    target.retention.spare(inheritance.tail.map(({ key }) => key));
  }

  /** Nothing is written until it is known how the playlist on the store goes on. */
  suspend(): void {
    this.#playlist.restart();
  }

  /** What a player can fetch by the playlist that is on the store now, and that playlist. */
  expected(): readonly AuditedObject[] {
    const target = this.#context.target();
    const isListed = ({ state, listedAt, place }: WindowItem<T>): boolean =>
      state === 'stored' && listedAt !== undefined && place === target.place;
    const items = this.#window.items.filter(isListed);
    const inits = new Set(items.map(({ initKey }) => initKey).filter((key) => key !== undefined));
    const segments = items.map((item) => ({
      key: item.key,
      bytes: item.bytes,
      changes: false,
      isExpected: () => isListed(item) && this.#window.items.includes(item),
      restore: (done: () => void) => this.#restore(item, done),
    }));
    const others = [
      this.#playlist.expected(target.place),
      ...[...inits].map((key) => this.#inits.expected(key, target)),
    ];
    return [...others.filter((object) => object !== undefined), ...segments];
  }

  /** Something else has deleted the segment: it is put back while it is in memory, and is a gap when it is not. */
  #restore(item: WindowItem<T>, done: () => void): boolean {
    const object = this.#rendition.recall?.(item.key);
    if (object?.body.byteLength === item.bytes) {
      this.#uploads.restore(object, done);
      return true;
    }
    this.lose(item, 'missing');
    return false;
  }

  /** The segment is not on the store, or not any more: the playlist must say so. */
  lose(item: WindowItem<T>, reason: LossReason, error?: SidepipeError): void {
    if (!this.#window.move(item, 'gap')) return;
    this.#context.lost({ reason, segments: 1, key: item.key, error });
    this.#playlist.mark();
  }

  /** Called about once a second. */
  watch(): void {
    this.#uploads.watch();
  }

  /** Segments that are still on their way. */
  get waiting(): number {
    return this.#uploads.size;
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
    this.#window.disinherit();
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
    for (const item of this.#window.disinherit()) this.#retire(item);
    this.#window.unlist();
    this.#uploads.abandon();
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
      if (copied && item.attempted.delete(target.place)) this.#pendingDeletes.add([target.place], item.key);
    }
    this.#pendingDeletes.release(target);
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
      if (!standsBy && item.state === 'pending') {
        this.#context.lost({ reason: 'backlog-full', segments: 1, key: item.key });
      }
      this.#uploads.drop(item);
      this.#retire(item);
    }
    // What this node has left on the store is deleted when it has the lease again: the other one's playlist may list it.
    if (standsBy) this.#releaseInits();
  }

  #content(): { object: StoredObject; note: PlaylistNote<T> } | undefined {
    const { settings, options } = this.#context;
    const { place } = this.#context.target();
    const isEnding = this.#state === 'ending' || this.#state === 'ended';
    const final = isEnding && this.#uploads.size === 0 && this.#window.settled;
    const snapshot = this.#window.snapshot(settings.clock.now(), place, { final });
    if (snapshot === undefined) return undefined;
    const whole = final && options.cleanup === 'keep';
    const list = whole ? this.#window.recording(place) : snapshot.items.map((item) => listed(item, place));
    const object = this.#rendition.render(list, {
      ended: final,
      whole,
      targetDurationSeconds: this.#context.targetSeconds(),
      ...startOf(list),
    });
    return { object, note: { snapshot, final, body: object.body, revision: this.#context.revision() } };
  }

  #published({ snapshot, final, body, revision }: PlaylistNote<T>, target: StoreTarget): void {
    const { settings, options } = this.#context;
    this.#written.set(target.place, { body, revision });
    const keys = snapshot.items.filter((i) => i.listedAt === undefined && i.state === 'stored').map(({ key }) => key);
    for (const item of this.#window.acknowledge(snapshot, settings.clock.now())) this.#retire(item);
    if (keys.length > 0) settings.observe({ type: 'listed', stream: options.name, keys });
    this.#recording?.listed(keys, final || this.#state === 'paused');
    this.#releaseInits();
    for (const one of this.#context.targets) if (!this.#stale.has(one.place)) this.#pendingDeletes.release(one);
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
    this.#uploads.unrestore(item.key);
    if (item.isInherited) {
      // It may belong to a recording: the search for orphans knows, and is kept from it until no player needs it.
      if (item.key !== '') this.#inherited.set(item.key, this.#context.settings.clock.now() + this.#context.graceMs());
      return;
    }
    if (this.#context.options.cleanup === 'delete') this.#pendingDeletes.add(item.attempted, item.key);
  }

  #releaseInits(): void {
    const needed = new Set(this.#window.items.map((item) => item.initKey));
    for (const { key, places } of this.#inits.release(needed)) {
      if (this.#context.options.cleanup === 'delete') this.#pendingDeletes.add(places, key);
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
