import type { SidepipeError } from '../../errors.js';
import type { ObjectStore } from '../store.js';
import type { Retention } from './cleanup/retention.js';
import type { Fence } from './lease/fence.js';
import type { SegmentNumbers, SegmentPosition } from './lease/takeover.js';
import type { Loss } from './progress.js';
import type { Backlog, Held } from './queue/backlog.js';
import type { Uploader } from './queue/uploader.js';
import type { PublisherSettings } from './settings.js';
import type { StreamOptions } from './types.js';

/** One store with all that belongs to it. */
export interface StoreTarget {
  readonly store: ObjectStore;
  readonly publicUrl: string | undefined;
  readonly fetch: typeof fetch;
  readonly uploader: Uploader;
  readonly retention: Retention;
}

/** Something that waits in memory and can be given up when there is no room. */
export interface Evictable extends Held {
  readonly stream: string;
  giveUp(): void;
}

/** What a publication tells its lanes. */
export interface RenditionUploadContext {
  readonly settings: PublisherSettings;
  readonly options: StreamOptions;
  /** How long a segment stays after no playlist lists it: by the longest segment so far. */
  graceMs(): number;
  /** By RFC 8216bis 4.4.3.1: no segment so far, rounded, is longer. */
  targetSeconds(): number;
  /** A segment of this duration is to be published. */
  sawDuration(seconds: number): void;
  readonly backlog: Backlog<Evictable>;
  readonly target: StoreTarget;
  /** This node is, or was last, the one that writes the stream. */
  mayUpload(): boolean;
  /** Another node writes the stream. */
  standsBy(): boolean;
  /** This node's lease is valid at this moment. */
  mayPublish(): boolean;
  /** `mayPublish`, and it is known how the playlists on the store go on. */
  mayList(): boolean;
  /** The numbers of a segment in the playlists on the store. */
  numbersOf(position: SegmentPosition): SegmentNumbers;
  /** Of the numbering: another each time that it changes. */
  revision(): number;
  /** There is something to publish. */
  wanted(): void;
  fence(key: string): Fence;
  /** Something joined the backlog. */
  held(): void;
  /** Something left the backlog. */
  released(): void;
  /** A playlist is on the store. */
  published(): void;
  /** Segments will never be on the store. */
  lost(loss: Loss): void;
  /** An upload is over: for good, or given up. */
  counted(error: SidepipeError | undefined): void;
}
