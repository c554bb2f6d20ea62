import type { SidepipeError } from '../../errors.js';
import type { ImageFormat, PublicationState } from '../../terms.js';
import type { ObjectStore, StoredObject } from '../store.js';
import type { ProcessWitness } from './lease/lease.js';
import type { FoundPlaylist, SegmentNumbers, SegmentPosition } from './lease/takeover.js';
import type { HealthState } from './queue/health.js';
import type { UploadKind } from './queue/queue.js';
import type { ListedEntry } from './segments/window.js';

/** An event that an operator cares about. The message is a sentence; `details` hold no secret and no body. */
export interface PublishEvent {
  readonly level: 'info' | 'warn' | 'error';
  readonly event:
    | 'store-down'
    | 'store-refused'
    | 'store-up'
    | 'store-switched'
    | 'uploads-refused'
    | 'uploads-accepted'
    | 'segments-given-up'
    | 'segments-complete'
    | 'upload-given-up'
    | 'lease-taken'
    | 'lease-conflict'
    | 'lease-unsupported'
    | 'playlist-lagging'
    | 'playlist-caught-up'
    | 'audit-failed'
    | 'audit-passed'
    | 'audit-restored'
    | 'audit-unavailable'
    | 'audit-available'
    | 'orphans-removed'
    | 'orphan-search-failed'
    | 'orphan-search-works'
    | 'cleanup-failed'
    | 'cleanup-works'
    | 'recording-truncated'
    | 'caller-failed';
  readonly stream?: string;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly error?: SidepipeError;
}

/**
 * Why a segment is not on the store: `backlog-full`: too much waited. `refused`: the store took newer ones and not this one.
 * `rejected`: an answer that is final. `init-lost`: its initialization segment cannot be stored. `missing`: it was there, is gone
 * and no longer in memory. `closed`: the node ended first.
 */
export type LossReason = 'backlog-full' | 'refused' | 'rejected' | 'init-lost' | 'missing' | 'closed';

/** `refused`: the store does not take what the stream uploads. `losing`: segments were lost a moment ago. */
type PublicationTrouble = 'refused' | 'losing';

/** What the metrics are made of. Seconds and bytes. */
export type PublishMetric =
  | {
      readonly type: 'upload';
      readonly kind: UploadKind;
      readonly stream: string;
      readonly result: 'stored' | 'failed' | 'refused' | 'given-up';
      readonly seconds: number;
      readonly bytes: number;
      readonly key?: string;
    }
  /** A playlist that lists these segments for the first time is on the store. */
  | { readonly type: 'listed'; readonly stream: string; readonly keys: readonly string[] }
  | { readonly type: 'backlog'; readonly bytes: number }
  | { readonly type: 'lag'; readonly stream: string; readonly seconds: number }
  | { readonly type: 'lost'; readonly stream: string; readonly reason: LossReason; readonly segments: number }
  /** Told when it begins and when it is over. */
  | {
      readonly type: 'trouble';
      readonly stream: string;
      readonly trouble: PublicationTrouble;
      readonly holds: boolean;
      readonly error: SidepipeError | undefined;
    }
  | { readonly type: 'deleted'; readonly stream: string; readonly objects: number }
  | { readonly type: 'restored'; readonly stream: string; readonly objects: number }
  | { readonly type: 'audited'; readonly stream: string; readonly objects: number; readonly problems: number };

/** Time as the publisher sees it, so that a test can run hours in a second. */
export interface Clock {
  /** Milliseconds since the epoch that never run backwards: leases are measured with them. */
  now(): number;
  /** Runs `run` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, run: () => void): () => void;
}

/** A store to publish to. */
export interface StoreOptions {
  readonly store: ObjectStore;
  /** Where players fetch the same keys, without a trailing slash. The audit checks this URL too when it is set. */
  readonly publicUrl?: string | undefined;
  /** Fetches from `publicUrl`. Default: the global `fetch`. */
  readonly fetch?: typeof fetch;
}

export interface StorePublisherOptions extends StoreOptions {
  /** Takes over when `store` has accepted nothing for `failover.afterMs`, until it answers again. */
  readonly fallback?: StoreOptions;
  /** Bytes that may wait in memory, over all streams. */
  readonly backlogBytes: number;
  /** Uploads at once over all streams; playlists may use half as many more. The store's pool should hold 1.5 times it. */
  readonly concurrency?: number;
  readonly clock?: Clock;
  /** From 0 to below 1. */
  readonly random?: () => number;
  /** Names this node in leases: new for every process. */
  readonly owner?: string;
  /** With it the lease of a process that is proven dead is taken at once, where the store has conditional writes. */
  readonly witness?: ProcessWitness | undefined;
  readonly log?: (event: PublishEvent) => void;
  readonly observe?: (metric: PublishMetric) => void;
  /** Ask for each segment's size after its upload, before a playlist lists it. Default true. */
  readonly verify?: boolean;
  /** False: no lease object, any number of writers. Default 12 s. */
  readonly lease?: { readonly ttlMs: number } | false;
  readonly failover?: { readonly afterMs?: number; readonly handBackAfterMs?: number };
  readonly audit?: { readonly intervalMs?: number } | false;
  /** How often orphans of dead sessions are looked for. Default 10 minutes. */
  readonly orphanIntervalMs?: number;
  readonly timing?: Partial<PublishTiming>;
}

/** Waits and limits that rarely need a change. Milliseconds. */
export interface PublishTiming {
  readonly retryBaseMs: number;
  readonly retryCapMs: number;
  /** The longest wait between probes of a store that is down. */
  readonly probeCapMs: number;
  readonly probeTimeoutMs: number;
  /** The longest wait between attempts on a store that refuses. */
  readonly refusedCapMs: number;
  /** The longest wait between attempts of objects that are refused while others are taken. */
  readonly trialCapMs: number;
  /** How long no object may be refused before that is over, and no segment lost before that is. */
  readonly quietMs: number;
  /** How long a refused segment may delay newer ones that are on the store. */
  readonly refusedSegmentMs: number;
  /** One attempt: this long, and the bytes at `minimumBytesPerSecond`. */
  readonly attemptMs: number;
  readonly minimumBytesPerSecond: number;
  /** Between two writes of one key. */
  readonly coalesceMs: number;
}

export interface StreamOptions {
  readonly name: string;
  /** How many segments the remote playlist lists. */
  readonly windowSegments: number;
  readonly targetDurationSeconds: number;
  readonly cleanup: 'delete' | 'keep';
  /**
   * How long a segment stays after no playlist lists it. Default: the window's duration and one target duration, by
   * RFC 8216bis, 6.2.2.
   */
  readonly graceSeconds?: number;
  /** `keep` only: how many segments the playlist of the whole recording can have. Default 100,000: more than 2 days of 2 s, 30 MB. */
  readonly recordSegments?: number;
  /** Sequence numbers above all that any node has used by now: for the case that the playlist on the store cannot be read. */
  readonly unusedNumbers?: () => Pick<SegmentNumbers, 'mediaSequence' | 'discontinuitySequence'>;
}

/** What a playlist says beside its list. */
export interface PlaylistState extends Pick<SegmentNumbers, 'mediaSequence' | 'discontinuitySequence'> {
  readonly ended: boolean;
  /** The list is the whole recording. */
  readonly whole: boolean;
  /** No listed segment, rounded, is longer. */
  readonly targetDurationSeconds: number;
}

export interface RenditionUploadOptions<T> {
  readonly name: string;
  /**
   * The media playlist of these entries, which are settled: on the store, or a gap. With `ended` it has ENDLIST; with
   * `whole` as well the list is the whole recording. Called again for every attempt.
   */
  render(list: readonly ListedEntry<T>[], state: PlaylistState): StoredObject;
  /** Reads a playlist that another node left; undefined when that is impossible. Without it only an empty store is safe. */
  readonly read?: (playlist: Uint8Array) => FoundPlaylist<T> | undefined;
  /** The entry of another rendition's segment, as a gap in this one after the entry `before`. */
  readonly asGap?: (entry: T, before: T | undefined) => T;
  /** A segment that is still in memory, for one that something else has deleted from the store. */
  recall?(key: string): StoredObject | undefined;
}

export interface AppendOptions<T> {
  readonly object: StoredObject;
  /** The initialization segment that this segment needs: given with every one, uploaded once. */
  readonly init?: StoredObject;
  readonly durationSeconds: number;
  /** As this node numbers it. Segments of one number show the same time in all renditions. Default: it follows the last one. */
  readonly position?: SegmentPosition;
  /** What `render` needs to know of the segment. Kept in memory with `keep`: small, and without the body. */
  readonly entry: T;
}

/** One rendition's segments on their way to the store. No method blocks or throws. */
export interface RenditionLane<T> {
  append(segment: AppendOptions<T>): void;
  /** After all that is queued, the playlist with ENDLIST. Later segments are dropped. */
  end(): void;
  /** This node has no more segments, though the stream goes on: what is queued is listed, without ENDLIST. */
  pause(): void;
}

export interface PublicationStatus {
  readonly state: PublicationState;
  readonly store: string;
  readonly backlogBytes: number;
  /** Objects stored. */
  readonly uploaded: number;
  /** Objects given up. */
  readonly failed: number;
  /** How much of what is complete here no remote playlist lists; null before the first segment. */
  readonly playlistLagSeconds: number | null;
  readonly lastError: SidepipeError | null;
}

export interface CloseOptions {
  /** How long what is queued may still take. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

/** A picture that is to be one of a sequence. */
export interface Still {
  readonly body: Uint8Array;
  readonly contentType: string;
  readonly cacheControl: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly capturedAt: number;
}

/** A still that is on the store. */
export interface StillEntry {
  /** The last part of its key. */
  readonly name: string;
  /** Milliseconds since the epoch; of a numbered one that an earlier run stored, when it was stored. */
  readonly capturedAt: number;
  readonly bytes: number;
}

export interface StillsOptions {
  readonly naming: 'date' | 'number';
  readonly format: ImageFormat;
  readonly keepCount: number;
  readonly keepSeconds: number;
}

/** A sequence of stills on its way to the store, and what is there of it. No method blocks or throws. */
export interface StillLane {
  add(still: Still): void;
  /** On the store in use, as far as is known: the oldest first. */
  list(): readonly StillEntry[];
}

export interface ImageOptions {
  readonly immutable?: boolean;
  readonly series?: string;
  readonly standIn?: boolean;
}

/** What is published of one stream. No method but `close` blocks; none throws. */
export interface StreamPublication {
  readonly name: string;
  rendition<T>(options: RenditionUploadOptions<T>): RenditionLane<T>;
  /** Write the multivariant playlist, as `render` gives it then, as soon as every rendition's playlist is on the store. */
  multivariant(render: () => StoredObject | undefined): void;
  /**
   * A picture: the newest of a key wins, one write a second. `immutable`: a content-hashed key, written once and
   * removed like a segment when `cleanup` is `delete` and the next of the same `series` is on the store. `standIn`: it
   * only replaces what this node has published, and is no reason to ask for the lease.
   */
  image(object: StoredObject, options?: ImageOptions): void;
  /** Keeps a sequence of stills, and removes those that are too many or too old. At most one for a stream. */
  stills(options: StillsOptions): StillLane;
  status(): PublicationStatus;
  /** Uploads what is queued within the deadline, then lets the stream go. */
  close(options?: CloseOptions): Promise<void>;
}

/** A store as the publisher sees it at this moment. */
export interface StoreStatus {
  /** As in `PublicationStatus`. */
  readonly store: string;
  readonly publicUrl: string | undefined;
  /** Uploads go to this store. */
  readonly isActive: boolean;
  readonly state: HealthState;
  /** Why the store is not `up`. */
  readonly error: SidepipeError | undefined;
}

export interface StorePublisher {
  stream(options: StreamOptions): StreamPublication;
  /** Bytes in memory that wait for a store, over all streams. */
  readonly backlogBytes: number;
  /** The first store, and the fallback if there is one. */
  readonly stores: readonly StoreStatus[];
  start(): void;
  /** Somebody may have mended something: what is refused is tried now. */
  retryNow(): void;
  /** Closes every publication. The stores stay open. */
  close(options?: CloseOptions): Promise<void>;
}
