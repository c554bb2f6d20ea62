import { SidepipeError } from '../../../errors.js';
import { playlistKey } from '../../keys.js';
import type { CallOptions, ObjectStore, StoredObject } from '../../store.js';
import type { AuditedObject } from '../cleanup/audit.js';
import { PendingDeletes } from '../cleanup/retention.js';
import type { RenditionUploadContext } from '../context.js';
import { sameBytes } from '../lease/fence.js';
import type { FoundPlaylist, Numbering, RenditionUploadFacts } from '../lease/takeover.js';
import { OverwrittenObject } from '../objects/overwritten-object.js';
import { Recording, RecordingCopies } from '../objects/recording.js';
import type { AppendOptions, LossReason, RenditionLane, RenditionUploadOptions } from '../types.js';
import { InitSegments } from './init-segments.js';
import { type LoadSegment, SegmentUploads } from './segment-uploads.js';
import {
  type ElsewhereSegment,
  type Inheritance,
  listed,
  type RecordedSegment,
  RemoteWindow,
  type Snapshot,
  startOf,
  type WindowItem,
} from './window.js';

/** Maximum number of entries while no playlist can be written: hours of an outage, of which only the end is not a gap. */
const unlistedSegments = 5000;

interface PlaylistNote<T> {
  readonly snapshot: Snapshot<T>;
  /** It had ENDLIST. */
  readonly final: boolean;
  readonly body: Uint8Array;
  /** The version of the numbering. */
  readonly revision: number;
}

/** A segment that a rendition passes to the same rendition on another store. */
interface HandedSegment<T> {
  readonly segment: ElsewhereSegment<T>;
  readonly init: StoredObject | undefined;
  /** Undefined: it is no longer available. */
  readonly source: StoredObject | LoadSegment | undefined;
}

/** What a rendition passes to the same rendition on another store. */
export interface RenditionHandover<T> {
  readonly window: readonly HandedSegment<T>[];
  /** The segments of the recording that have left the window. */
  readonly record: readonly RecordedSegment<T>[];
  /** Undefined: nothing can be read from the store. */
  readonly read: ((key: string) => LoadSegment) | undefined;
}

/** One rendition of a stream on one store. */
export class RenditionUpload<T> implements RenditionLane<T> {
  readonly name: string;
  readonly #context: RenditionUploadContext;
  readonly #rendition: RenditionUploadOptions<T>;
  readonly #window: RemoteWindow<T>;
  readonly #inits: InitSegments;
  readonly #uploads: SegmentUploads<T>;
  readonly #playlist: OverwrittenObject<PlaylistNote<T>>;
  readonly #copies: RecordingCopies;
  readonly #pendingDeletes = new PendingDeletes();
  /** With `keep`. */
  readonly #recording: Recording<T> | undefined;
  #isListed = false;
  /** Keys of segments that were stored without their initialization segment before another store came into use. */
  #withoutInit: ReadonlySet<string> = new Set();
  /** The last playlist that this node wrote. */
  #written: { readonly body: Uint8Array; readonly revision: number } | undefined;
  /** Objects of other writers that no playlist lists any more, with the time until which they are kept. */
  readonly #inherited = new Map<string, number>();
  #toldForgotten = false;
  #state: 'open' | 'paused' | 'ending' | 'ended' | 'closed' = 'open';

  constructor(context: RenditionUploadContext, rendition: RenditionUploadOptions<T>) {
    const { settings, options, counted, target } = context;
    const { name, render } = rendition;
    this.name = name;
    this.#context = context;
    this.#rendition = rendition;
    this.#window = new RemoteWindow({
      windowSegments: options.windowSegments,
      targetSeconds: () => context.durations.targetSeconds,
      numbersOf: (position) => context.numbering.of(position),
      recordSegments: options.cleanup === 'keep' ? (options.recordSegments ?? 100_000) : 0,
    });
    this.#inits = new InitSegments({
      stream: options.name,
      settings,
      uploader: target.uploader,
      settled: (key, error) => {
        counted(error);
        this.#uploads.initSettled(key);
      },
    });
    this.#uploads = new SegmentUploads({
      context,
      inits: this.#inits,
      stored: (item) => {
        this.#window.move(item, 'stored');
        this.#playlist.mark();
      },
      lost: (item, reason, error) => this.lose(item, reason, error),
    });
    if (options.cleanup === 'keep')
      this.#recording = new Recording({ context, rendition: name, render, window: this.#window });
    this.#copies = new RecordingCopies({ stream: options.name, uploader: target.uploader, counted });
    this.#playlist = new OverwrittenObject({
      kind: 'playlist',
      stream: options.name,
      settings,
      target,
      ready: () => context.access.mayList(),
      content: () => this.#content(),
      stored: (note) => this.#published(note),
      settled: counted,
      fence: () => context.fence(playlistKey(options.name, name)),
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
    this.#context.durations.saw(durationSeconds);
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

  /** Whether the store has the current playlist of this rendition. */
  get isListed(): boolean {
    return this.#isListed;
  }

  /** A playlist lists the key, or may soon. */
  lists(key: string): boolean {
    return this.#window.items.some((item) => (item.key === key && item.state !== 'gap') || item.initKey === key);
  }

  /** Keys that identify the sessions in use, including those of other writers' objects that players may still fetch. */
  keys(): readonly string[] {
    const now = this.#context.settings.clock.now();
    for (const [key, until] of this.#inherited) if (until <= now) this.#inherited.delete(key);
    const inWindow = this.#window.items.flatMap(({ key, initKey }) => (initKey === undefined ? [key] : [key, initKey]));
    return [...inWindow, ...this.#pendingDeletes.keys, ...this.#inherited.keys()];
  }

  /** The waiting segments, for the code that continues the playlist on the store. */
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

  /** Whether a playlist on the store is the last one that this node wrote there, with the current numbers. */
  wrote(body: Uint8Array | undefined, { revision }: Numbering): boolean {
    const written = this.#written;
    if (written === undefined || body === undefined || written.revision !== revision) return false;
    return sameBytes(written.body, body);
  }

  /** The playlist on the store is continued. */
  inherit(inheritance: Omit<Inheritance<T>, 'now'>): void {
    const now = this.#context.settings.clock.now();
    for (const item of this.#window.inherit({ ...inheritance, now })) {
      this.#uploads.drop(item);
      this.#retire(item);
    }
    for (const item of this.#window.items) if (item.state === 'stored') this.#uploads.drop(item);
    this.#context.target.retention.spare(inheritance.tail.map(({ key }) => key));
  }

  /** Nothing is written until it is known how the playlist on the store continues. */
  suspend(): void {
    this.#playlist.restart();
  }

  /** The objects that a player can fetch with the current playlist on the store, and that playlist. */
  expected(): readonly AuditedObject[] {
    const isListed = ({ state, listedAt }: WindowItem<T>): boolean => state === 'stored' && listedAt !== undefined;
    const items = this.#window.items.filter(isListed);
    const inits = new Set(items.map(({ initKey }) => initKey).filter((key) => key !== undefined));
    const segments = items.map((item) => ({
      key: item.key,
      bytes: item.bytes,
      changes: false,
      isExpected: () => isListed(item) && this.#window.items.includes(item),
      restore: (done: () => void) => this.#restore(item, done),
    }));
    const others = [this.#playlist.expected(), ...[...inits].map((key) => this.#inits.expected(key))];
    return [...others.filter((object) => object !== undefined), ...segments];
  }

  /** Something else has deleted the segment: it is uploaded again if it is in memory, otherwise it becomes a gap. */
  #restore(item: WindowItem<T>, done: () => void): boolean {
    const object = this.#recall(item);
    if (object === undefined) this.lose(item, 'missing');
    else this.#uploads.restore(object, done);
    return object !== undefined;
  }

  #recall({ key, bytes }: WindowItem<T>): StoredObject | undefined {
    const object = this.#rendition.recall?.(key);
    return object?.body.byteLength === bytes ? object : undefined;
  }

  /** The segment is not, or no longer, on the store: the playlist must list it as a gap. */
  lose(item: WindowItem<T>, reason: LossReason, error?: SidepipeError): void {
    if (!this.#window.move(item, 'gap')) return;
    this.#context.lost({ reason, segments: 1, key: item.key, error });
    this.#playlist.mark();
  }

  /** Called about once a second. */
  watch(): void {
    this.#uploads.watch();
  }

  /** Number of segments that are not settled. */
  get waiting(): number {
    return this.#uploads.size;
  }

  /** The lease was acquired: waiting segments are sent. */
  resume(): void {
    this.#window.gather();
    this.#uploads.submit();
    this.#playlist.pump();
    this.#recording?.resume();
  }

  /** Another node writes the stream: this node's objects there are obsolete, and only the newest segments are kept ready. */
  yield(): void {
    this.#uploads.halt();
    this.#window.disinherit();
    this.#window.unlist();
    this.#isListed = false;
    this.#playlist.restart();
    this.#prune();
  }

  /** Segments are being copied from another store. */
  get isCopying(): boolean {
    return this.#uploads.isCopying;
  }

  /** Another store is in use from now on. `isReadable`: objects that only this store has can be read from it. */
  handOver(isReadable: boolean): RenditionHandover<T> {
    const { store } = this.#context.target;
    const read = (key: string): LoadSegment => {
      return (call) => fetchSegment(store, key, call);
    };
    // A body that is in the media window anyway needs no room in the backlog.
    const recall = (item: WindowItem<T>): LoadSegment => {
      return async (call) => this.#recall(item) ?? (isReadable ? read(item.key)(call) : Promise.reject(gone(item.key)));
    };
    const unsent = this.#uploads.suspend();
    this.#withoutInit = new Set([...unsent].filter(([, left]) => left === 'stored').map(([{ key }]) => key));
    for (const item of this.#window.disinherit()) this.#retire(item);
    const listedItems = this.#window.items.length - this.#window.unlisted;
    const window = this.#window.items.map((item, index): HandedSegment<T> => {
      const { entry, key, bytes, durationSeconds, initKey, position, state } = item;
      const left = unsent.get(item);
      const isAvailable = state !== 'gap' && (isReadable || this.#recall(item) !== undefined);
      return {
        segment: { entry, key, bytes, durationSeconds, initKey, position, isListed: index < listedItems },
        init: this.#inits.object(initKey),
        source: typeof left === 'object' ? left : isAvailable ? recall(item) : undefined,
      };
    });
    for (const item of this.#window.dropPending()) this.#retire(item);
    this.#inits.suspend();
    this.#copies.stop();
    this.#playlist.suspend();
    this.#recording?.suspend();
    this.#isListed = false;
    return { window, record: [...this.#window.recorded], read: isReadable ? read : undefined };
  }

  /** This store is in use from now on: the objects of the other one are uploaded here. */
  takeOver({ window, record, read }: RenditionHandover<T>): void {
    const start = this.#firstUseful(window);
    const missed = window.slice(0, start).map(({ segment }) => segment);
    const dropped = this.#window.refill(
      window.slice(start).map(({ segment }) => segment),
      [...record, ...missed].map(({ entry, key, bytes, position }) => ({
        ...{ entry, key, bytes, position },
        isStored: false,
      })),
    );
    for (const item of dropped) this.#retire(item);
    const items = new Map(this.#window.items.map((item) => [item.key, item]));
    for (const { segment, init, source } of window) {
      this.#context.durations.saw(segment.durationSeconds);
      if (init) this.#inits.add(init);
      const item = items.get(segment.key);
      if (item?.state !== 'pending') continue;
      if (this.#withoutInit.has(item.key)) this.#uploads.add(item, 'stored');
      else if (source === undefined) this.#window.move(item, 'gap');
      else this.#uploads.add(item, source);
    }
    const readable = new Set(record.filter(({ isStored }) => isStored).map(({ key }) => key));
    for (const segment of this.#window.recorded) {
      if (read && !segment.isStored && readable.has(segment.key)) this.#copies.start(segment, read(segment.key));
    }
    this.#uploads.submit();
    this.#playlist.restart();
    this.#recording?.restart();
    this.#context.held();
  }

  /** Unavailable segments would be gaps, so the list starts after them, with the first available one or those before it. */
  #firstUseful(window: readonly HandedSegment<T>[]): number {
    const stored = this.#window.items.filter(({ state, isInherited }) => state === 'stored' && !isInherited);
    const here = new Set(stored.map(({ key }) => key));
    const isNew = ({ segment, source }: HandedSegment<T>): boolean => source !== undefined && !here.has(segment.key);
    let start = window.findIndex(isNew);
    if (start < 0) start = window.length;
    while (start > 0 && here.has(window[start - 1]!.segment.key)) start -= 1;
    return start;
  }

  /** No player uses this store any more, and its playlist is being removed. */
  abandon(): void {
    for (const item of this.#window.refill([], [])) this.#retire(item);
    for (const key of this.#inits.abandon()) this.#pendingDeletes.add(key);
    this.#releasePending();
  }

  close(): void {
    this.#state = 'closed';
    this.#playlist.close();
    this.#recording?.close();
    this.#inits.close();
    this.#uploads.close();
    this.#copies.stop();
  }

  /** A node on standby keeps only the newest segments, so that it can take over. */
  #prune(): void {
    const standsBy = this.#context.access.standsBy();
    for (const item of this.#window.prune(standsBy ? this.#context.options.windowSegments : unlistedSegments)) {
      if (!standsBy && item.state === 'pending') {
        this.#context.lost({ reason: 'backlog-full', segments: 1, key: item.key });
      }
      this.#uploads.drop(item);
      this.#retire(item);
    }
    // This node's objects on the store are deleted once it has the lease again, because the other node's playlist may list them.
    if (standsBy) this.#releaseInits();
  }

  #content(): { object: StoredObject; note: PlaylistNote<T> } | undefined {
    const { settings, options } = this.#context;
    const isEnding = this.#state === 'ending' || this.#state === 'ended';
    const final = isEnding && this.#uploads.size === 0 && this.#window.settled;
    const snapshot = this.#window.snapshot(settings.clock.now(), { final });
    if (snapshot === undefined) return undefined;
    const whole = final && options.cleanup === 'keep';
    const list = whole ? this.#window.recording() : snapshot.items.map((item) => listed(item));
    const object = this.#rendition.render(list, {
      ended: final,
      whole,
      targetDurationSeconds: this.#context.durations.targetSeconds,
      ...startOf(list),
    });
    return { object, note: { snapshot, final, body: object.body, revision: this.#context.numbering.revision } };
  }

  #published({ snapshot, final, body, revision }: PlaylistNote<T>): void {
    const { settings, options } = this.#context;
    this.#written = { body, revision };
    const keys = snapshot.items.filter((i) => i.listedAt === undefined && i.state === 'stored').map(({ key }) => key);
    for (const item of this.#window.acknowledge(snapshot, settings.clock.now())) this.#retire(item);
    if (keys.length > 0) settings.observe({ type: 'listed', stream: options.name, keys });
    this.#recording?.listed(keys, final || this.#state === 'paused');
    this.#releaseInits();
    this.#releasePending();
    this.#isListed = true;
    if (final) this.#state = 'ended';
    if (this.#window.forgotten > 0 && !this.#toldForgotten) {
      this.#toldForgotten = true;
      this.#context.settings.log({
        level: 'warn',
        event: 'recording-truncated',
        stream: this.#context.options.name,
        message: 'The recording is longer than its playlist can be: the oldest segments are left out.',
      });
    }
    this.#context.published();
  }

  #retire(item: WindowItem<T>): void {
    this.#uploads.unrestore(item.key);
    if (item.isInherited) {
      // It may belong to a recording, which the search for orphans knows. It must not find it while a player needs it.
      if (item.key !== '')
        this.#inherited.set(item.key, this.#context.settings.clock.now() + this.#context.durations.graceMs);
      return;
    }
    if (this.#context.options.cleanup === 'delete' && item.attempted) this.#pendingDeletes.add(item.key);
  }

  #releaseInits(): void {
    const needed = new Set(this.#window.items.map((item) => item.initKey));
    for (const key of this.#inits.release(needed)) {
      if (this.#context.options.cleanup === 'delete') this.#pendingDeletes.add(key);
    }
  }

  #releasePending(): void {
    const { target, options, durations } = this.#context;
    target.retention.retire(options.name, this.#pendingDeletes.release(), durations.graceMs);
  }
}

function gone(key: string): SidepipeError {
  return new SidepipeError(`${key} has left the media window.`, {
    code: 'storage-failed',
    fault: 'node',
    details: { key },
  });
}

/** What an upload needs that copies a segment from another store. */
async function fetchSegment(store: ObjectStore, key: string, call: CallOptions): Promise<StoredObject> {
  const found = await store.get(key, call);
  if (found === undefined) {
    throw new SidepipeError(`${key} is not on ${store.description}.`, {
      code: 'storage-failed',
      fault: 'storage',
      details: { key },
    });
  }
  const { body, contentType, cacheControl, metadata } = found;
  return {
    key,
    body,
    contentType,
    ...(cacheControl === undefined ? {} : { cacheControl }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}
