import type { SidepipeError } from '../../errors.js';
import type { ImageFormat, PublicationState } from '../../terms.js';
import type { ObjectStore, StoredObject } from '../store.js';
import type { ProcessWitness } from './lease/lease.js';
import type { FoundPlaylist, SegmentNumbers, SegmentPosition } from './lease/takeover.js';
import type { HealthState } from './queue/health.js';
import type { UploadKind } from './queue/queue.js';
import type { ListedEntry } from './segments/window.js';

/** An event for operators. The message is a sentence; `details` contain no secret and no body. */
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
 * Why a segment is not on the store. `backlog-full`: too much was waiting. `refused`: the store accepted newer ones but not this one.
 * `rejected`: a permanent error. `init-lost`: its initialization segment cannot be stored. `missing`: it has disappeared from the store and is
 * no longer in memory. `closed`: the node shut down first.
 */
export type LossReason = 'backlog-full' | 'refused' | 'rejected' | 'init-lost' | 'missing' | 'closed';

/** `refused`: the store does not accept the stream's uploads. `losing`: segments were lost recently. */
type PublicationTrouble = 'refused' | 'losing';

/** Events for metrics. Seconds and bytes. */
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
  /** Emitted when it starts and when it is over. */
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

/** The publisher's clock and timers, so that a test can simulate hours in a second. */
export interface Clock {
  /** Milliseconds since the epoch that never decrease: leases are measured with them. */
  now(): number;
  /** Runs `run` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, run: () => void): () => void;
}

/** A store to publish to. */
export interface StoreOptions {
  readonly store: ObjectStore;
  /** The URL where players fetch the same keys, without a trailing slash. If set, the audit checks it too. */
  readonly publicUrl?: string | undefined;
  /** Fetches from `publicUrl`. Default: the global `fetch`. */
  readonly fetch?: typeof fetch;
}

/** A second store, which takes over when the first one has accepted nothing for `afterMs`, until that one responds again. */
interface FallbackOptions extends StoreOptions {
  /** Default 30 s. */
  readonly afterMs?: number;
  /** The first store must answer for this long before it is handed back to. Default 10 s. */
  readonly handBackAfterMs?: number;
}

interface LeaseOptions {
  /** Default 12 s. */
  readonly ttlMs?: number;
  /** Identifies this node in leases. Default: different for every process. */
  readonly owner?: string;
  /** If set, the lease of a process that is proven dead is taken at once, on a store with conditional writes. */
  readonly witness?: ProcessWitness | undefined;
}

export interface StorePublisherOptions extends StoreOptions {
  readonly fallback?: FallbackOptions;
  /** Maximum number of bytes that wait in memory, for all streams together. */
  readonly backlogBytes: number;
  /** Concurrent uploads of all streams; playlists may use half as many more. The store's pool should have 1.5 times as many connections. */
  readonly concurrency?: number;
  readonly clock?: Clock;
  /** At least 0 and less than 1. */
  readonly random?: () => number;
  readonly log?: (event: PublishEvent) => void;
  readonly observe?: (metric: PublishMetric) => void;
  /** Check each segment's size after its upload, before a playlist lists it. Default true. */
  readonly verify?: boolean;
  /** False: no lease object, any number of writers. */
  readonly lease?: LeaseOptions | false;
  readonly audit?: { readonly intervalMs?: number } | false;
  /** How often the store is searched for orphans of dead sessions. Default 10 minutes. */
  readonly orphanIntervalMs?: number;
  readonly timing?: Partial<PublishTiming>;
}

/** Delays and limits that rarely need a change. Milliseconds. */
export interface PublishTiming {
  readonly retryBaseMs: number;
  readonly retryCapMs: number;
  /** Maximum delay between probes of a store that is down. */
  readonly probeCapMs: number;
  readonly probeTimeoutMs: number;
  /** Maximum delay between attempts on a store that refuses. */
  readonly refusedCapMs: number;
  /** Maximum delay between attempts of objects that are refused while others are accepted. */
  readonly trialCapMs: number;
  /** Refusals are over after this time without one, and so are losses of segments. */
  readonly quietMs: number;
  /** How long a refused segment may delay newer ones that are on the store. */
  readonly refusedSegmentMs: number;
  /** Time limit of one attempt, plus the time of its bytes at `minimumBytesPerSecond`. */
  readonly attemptMs: number;
  readonly minimumBytesPerSecond: number;
  /** Minimum time between two writes of one key. */
  readonly coalesceMs: number;
}

export interface StreamOptions {
  readonly name: string;
  /** How many segments the remote playlist lists. */
  readonly windowSegments: number;
  readonly targetDurationSeconds: number;
  readonly cleanup: 'delete' | 'keep';
  /**
   * How long a segment is kept after no playlist lists it. Default: the duration of the window and one target duration, as in RFC 8216bis,
   * 6.2.2.
   */
  readonly graceSeconds?: number;
  /** `keep` only: maximum number of segments in the playlist of the whole recording. Default 100,000: more than 2 days of 2 s, 30 MB. */
  readonly recordSegments?: number;
  /** Sequence numbers above all that any node can have used: for a playlist on the store that cannot be read. */
  readonly unusedNumbers?: () => Pick<SegmentNumbers, 'mediaSequence' | 'discontinuitySequence'>;
}

/** Properties of a playlist apart from its list. */
export interface PlaylistState extends Pick<SegmentNumbers, 'mediaSequence' | 'discontinuitySequence'> {
  readonly ended: boolean;
  /** The list is the whole recording. */
  readonly whole: boolean;
  /** No listed segment has a longer rounded duration. */
  readonly targetDurationSeconds: number;
}

export interface RenditionUploadOptions<T> {
  readonly name: string;
  /**
   * Renders the media playlist of these settled entries: each is on the store, or a gap. With `ended` it has ENDLIST; with `whole` as well, the
   * list is the whole recording. Called for every attempt.
   */
  render(list: readonly ListedEntry<T>[], state: PlaylistState): StoredObject;
  /** Parses a playlist of another node; undefined if that is impossible. Without this function only an empty store is safe. */
  readonly read?: (playlist: Uint8Array) => FoundPlaylist<T> | undefined;
  /** The entry of another rendition's segment, as a gap in this one after the entry `before`. */
  readonly asGap?: (entry: T, before: T | undefined) => T;
  /** Returns a segment that is still in memory, to restore one that something else has deleted from the store. */
  recall?(key: string): StoredObject | undefined;
}

export interface AppendOptions<T> {
  readonly object: StoredObject;
  /** The initialization segment that this segment needs: passed with every segment, uploaded once. */
  readonly init?: StoredObject;
  readonly durationSeconds: number;
  /** This node's numbers. Segments with the same number have the same time in all renditions. Default: follows the last one. */
  readonly position?: SegmentPosition;
  /** What `render` needs of the segment. Kept in memory with `keep`: small, and without the body. */
  readonly entry: T;
}

/** Uploads one rendition's segments. No method blocks or throws. */
export interface RenditionLane<T> {
  append(segment: AppendOptions<T>): void;
  /** Writes the playlist with ENDLIST after everything that is queued. Later segments are dropped. */
  end(): void;
  /** This node has no more segments, but the stream goes on: the queued ones are listed, without ENDLIST. */
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
  /** Duration of the complete segments that no remote playlist lists yet; null before the first segment. */
  readonly playlistLagSeconds: number | null;
  readonly lastError: SidepipeError | null;
}

export interface CloseOptions {
  /** Time limit for the queued uploads. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

/** An image of a sequence. */
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
  /** Milliseconds since the epoch. For a numbered one of an earlier run: when it was stored. */
  readonly capturedAt: number;
  readonly bytes: number;
}

export interface StillsOptions {
  readonly naming: 'date' | 'number';
  readonly format: ImageFormat;
  readonly keepCount: number;
  readonly keepSeconds: number;
}

/** Uploads a sequence of stills, and lists the stored ones. No method blocks or throws. */
export interface StillLane {
  add(still: Still): void;
  /** The known stills on the store in use, oldest first. */
  list(): readonly StillEntry[];
}

export interface ImageOptions {
  readonly immutable?: boolean;
  readonly series?: string;
  readonly standIn?: boolean;
}

/** Publishes one stream. Only `close` blocks; no method throws. */
export interface StreamPublication {
  readonly name: string;
  rendition<T>(options: RenditionUploadOptions<T>): RenditionLane<T>;
  /** Writes the multivariant playlist, as `render` returns it then, once every rendition's playlist is on the store. */
  multivariant(render: () => StoredObject | undefined): void;
  /**
   * Uploads an image: the newest of a key wins, with one write per second. `immutable`: a content-hashed key, written once and, if `cleanup` is
   * `delete`, removed like a segment when the next of the same `series` is on the store. `standIn`: it only replaces an image that this node has
   * published, and does not cause a request for the lease.
   */
  image(object: StoredObject, options?: ImageOptions): void;
  /** Keeps a sequence of stills, limited in number and age. At most one per stream. */
  stills(options: StillsOptions): StillLane;
  status(): PublicationStatus;
  /** Completes the queued uploads within the deadline, then releases the stream. */
  close(options?: CloseOptions): Promise<void>;
}

/** The current status of a store. */
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
  /** Bytes in memory that wait for a store, of all streams. */
  readonly backlogBytes: number;
  /** The first store, and the fallback if there is one. */
  readonly stores: readonly StoreStatus[];
  start(): void;
  /** An operator may have fixed something: refused objects are retried now. */
  retryNow(): void;
  /** Closes every publication. The stores stay open. */
  close(options?: CloseOptions): Promise<void>;
}
