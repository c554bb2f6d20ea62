import type { SidepipeError } from '../../../errors.js';
import { leaseKey, playlistKey } from '../../keys.js';
import type { CallOptions, ObjectStore } from '../../store.js';
import type { RenditionUploadContext } from '../context.js';
import type { Ticket } from '../queue/uploader.js';
import type { RenditionUpload } from '../segments/rendition-upload.js';
import type { InheritedItem } from '../segments/window.js';
import { type InheritedSegment, type Numbering, planTakeover, type Takeover } from './takeover.js';

export interface ContinuationOptions {
  readonly context: RenditionUploadContext;
  readonly numbering: Numbering;
  readonly lanes: () => readonly RenditionUpload<unknown>[];
  /** The playlists may be written from now on. */
  readonly known: () => void;
  readonly failed: (error: SidepipeError) => void;
}

/** How the playlists on the store are continued. */
interface Plan {
  /** Undefined: as before. */
  readonly takeover: Takeover<unknown> | undefined;
  readonly tails: readonly (readonly InheritedItem<unknown>[])[];
  readonly lanes: readonly RenditionUpload<unknown>[];
  readonly stored: readonly (StoredPlaylist | undefined)[];
  /** By lane: the playlist had segments and no ENDLIST. */
  readonly wasLive: readonly boolean[];
  readonly targetDurationSeconds: number;
}

/** No players wait for the next segment of playlists older than this, and new players must not start with their old segments. */
const recentMs = 120_000;
/** The maximum that is accepted from another program's playlist. */
const longestTargetDuration = 600;
const retryMs = 2000;

/**
 * Reads the playlists on the store before this node writes its first one: after it got the lease of another node, after a restart, on
 * another store, and after another writer has overwritten them.
 */
export class Continuation {
  readonly #options: ContinuationOptions;
  #state: 'unknown' | 'reading' | 'known' = 'unknown';
  #running: Ticket | undefined;
  #cancelRetry: (() => void) | undefined;
  #inheritedTarget = 0;
  #takeovers = 0;

  constructor(options: ContinuationOptions) {
    this.#options = options;
  }

  get isKnown(): boolean {
    return this.#state === 'known';
  }

  /** How often another writer's playlists were continued. */
  get takeovers(): number {
    return this.#takeovers;
  }

  /** RFC 8216bis 6.2.1: the target duration of a playlist does not change when another node writes it. */
  get targetSeconds(): number {
    return this.#inheritedTarget;
  }

  /** Reads the playlists, unless that is done or in progress. */
  ensure(): void {
    const { context } = this.#options;
    if (this.#state !== 'unknown' || !context.access.mayUpload()) return;
    this.#state = 'reading';
    this.#cancelRetry?.();
    let plan: Plan | undefined;
    this.#running = context.target.uploader.submit({
      kind: 'playlist',
      stream: context.options.name,
      order: -1,
      bytes: 0,
      isRead: true,
      run: async (store, attempt) => {
        plan = await this.#read(store, attempt);
      },
      settled: (error) => {
        this.#running = undefined;
        if (plan === undefined) this.#retry(error);
        else this.#apply(plan);
      },
    });
  }

  /** Another writer may have written since. */
  forget(): void {
    this.#state = 'unknown';
    this.#cancelRetry?.();
    if (this.#running) this.#options.context.target.uploader.cancel(this.#running);
    this.#running = undefined;
  }

  #retry(error: SidepipeError | undefined): void {
    this.#state = 'unknown';
    if (error) this.#options.failed(error);
    this.#cancelRetry = this.#options.context.settings.clock.after(retryMs, () => this.ensure());
  }

  async #read(store: ObjectStore, call: CallOptions): Promise<Plan> {
    const { context, numbering } = this.#options;
    const { name, cleanup, unusedNumbers } = context.options;
    const lanes = this.#options.lanes();
    const stored = await Promise.all(lanes.map((lane) => readPlaylist(store, name, lane.name, call)));
    const isUnchanged = stored.every(
      (playlist, index) => playlist === undefined || lanes[index]!.wrote(playlist.body, numbering),
    );
    const unchanged: Plan = { takeover: undefined, tails: [], lanes, stored, wasLive: [], targetDurationSeconds: 0 };
    if (isUnchanged) return unchanged;
    const now = await this.#storeNow(store, call);
    const found = lanes.map((lane, index) => {
      const playlist = stored[index];
      return playlist && (playlist.body ? (lane.read(playlist.body) ?? 'unreadable') : 'unreadable');
    });
    const takeover = planTakeover({
      lanes: lanes.map((lane, index) => ({ found: found[index], own: lane.own, asGap: lane.asGap })),
      isRecent: stored.every((playlist) => playlist === undefined || now - playlist.modifiedAt <= recentMs),
      listsAll: cleanup === 'keep',
      unusedNumbers: unusedNumbers?.() ?? { mediaSequence: 0, discontinuitySequence: 0 },
    });
    if (takeover === undefined) return unchanged;
    const tails: (readonly InheritedItem<unknown>[])[] = [];
    for (const tail of takeover.tails) tails.push(await checkTail(store, tail, call));
    const targets = found.map((playlist) => (typeof playlist === 'object' ? playlist.targetDurationSeconds : 0));
    const longest = Math.max(0, ...tails.flat().map(({ durationSeconds }) => Math.round(durationSeconds)));
    const stated = Math.max(0, ...targets.filter((seconds) => seconds <= longestTargetDuration));
    const wasLive = found.map((one) => typeof one === 'object' && !one.ended && one.segments.length > 0);
    return { takeover, tails, lanes, stored, wasLive, targetDurationSeconds: Math.max(longest, stated) };
  }

  /** The lease was just renewed, so its date is the store's time, regardless of this machine's clock. */
  async #storeNow(store: ObjectStore, call: CallOptions): Promise<number> {
    const { settings, options } = this.#options.context;
    if (settings.lease === undefined) return settings.clock.now();
    return (await store.head(leaseKey(options.name), call))?.modifiedAt ?? settings.clock.now();
  }

  #apply({ takeover, tails, lanes, stored, wasLive, targetDurationSeconds }: Plan): void {
    const { context, numbering, known } = this.#options;
    const { name } = context.options;
    this.#state = 'known';
    for (const [index, lane] of lanes.entries()) {
      context.fence(playlistKey(name, lane.name)).know(stored[index]?.etag);
    }
    if (takeover !== undefined) {
      this.#takeovers += 1;
      const hasTail = tails.some((tail) => tail.length > 0);
      const { start, from } = takeover;
      // The listed segments may be gone: then only the numbers continue.
      numbering.continueAt(hasTail ? start : { ...start, isExact: false, discontinuity: false });
      this.#inheritedTarget = Math.max(this.#inheritedTarget, targetDurationSeconds);
      for (const [index, lane] of lanes.entries()) {
        lane.inherit({ tail: tails[index]!, from, mustSuffice: wasLive[index]! });
      }
    }
    known();
  }
}

/** A playlist on the store. */
interface StoredPlaylist {
  readonly etag: string;
  /** Undefined: it is too large to read. */
  readonly body: Uint8Array | undefined;
  /** Milliseconds since the epoch, by the store's clock. */
  readonly modifiedAt: number;
}

/** A live playlist has at most a few hundred segments; a recording's has ended, and only its numbers could be used. */
const largestPlaylistBytes = 2 * 1024 ** 2;
const checksAtOnce = 8;

/** The media playlist that is currently on the store. */
async function readPlaylist(
  store: ObjectStore,
  stream: string,
  rendition: string,
  call: CallOptions,
): Promise<StoredPlaylist | undefined> {
  const key = playlistKey(stream, rendition);
  const info = await store.head(key, call);
  if (info === undefined) return undefined;
  if (info.bytes > largestPlaylistBytes) return { etag: info.etag, body: undefined, modifiedAt: info.modifiedAt };
  const object = await store.get(key, call);
  return object && { etag: object.etag, body: object.body, modifiedAt: object.modifiedAt };
}

/** Checks that each segment, and what it needs, exists. One that cannot be played becomes a gap; leading gaps are left out. */
async function checkTail<T>(
  store: ObjectStore,
  tail: readonly InheritedSegment<T>[],
  call: CallOptions,
): Promise<readonly InheritedItem<T>[]> {
  const keys = [...new Set(tail.flatMap(({ key, initKey, gap }) => (gap ? [] : [key, ...(initKey ? [initKey] : [])])))];
  const sizes = new Map<string, number>();
  for (let at = 0; at < keys.length; at += checksAtOnce) {
    const heads = keys.slice(at, at + checksAtOnce).map(async (key) => {
      sizes.set(key, (await store.head(key, call))?.bytes ?? 0);
    });
    await Promise.all(heads);
  }
  const isThere = (key: string | undefined) => key === undefined || (sizes.get(key) ?? 0) > 0;
  const checked = tail.map((segment) => ({
    ...segment,
    gap: segment.gap || !isThere(segment.key) || !isThere(segment.initKey),
    bytes: sizes.get(segment.key) ?? 0,
  }));
  const first = checked.findIndex(({ gap }) => !gap);
  return first < 0 ? [] : checked.slice(first);
}
