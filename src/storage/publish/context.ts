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

/** One store with everything that belongs to it. */
export interface StoreTarget {
  readonly store: ObjectStore;
  readonly publicUrl: string | undefined;
  readonly fetch: typeof fetch;
  readonly uploader: Uploader;
  readonly retention: Retention;
}

/** An object that waits in memory and can be given up when memory is full. */
export interface Evictable extends Held {
  readonly stream: string;
  giveUp(): void;
}

/** What the lanes of a publication need from it. */
export interface RenditionUploadContext {
  readonly settings: PublisherSettings;
  readonly options: StreamOptions;
  /** How long a segment is kept after no playlist lists it; depends on the longest segment so far. */
  graceMs(): number;
  /** RFC 8216bis 4.4.3.1: no segment so far has a longer rounded duration. */
  targetSeconds(): number;
  /** A segment of this duration will be published. */
  sawDuration(seconds: number): void;
  readonly backlog: Backlog<Evictable>;
  readonly target: StoreTarget;
  /** This node writes the stream, or was the last one that did. */
  mayUpload(): boolean;
  /** Another node writes the stream. */
  standsBy(): boolean;
  /** This node's lease is currently valid. */
  mayPublish(): boolean;
  /** `mayPublish`, and it is known how the playlists on the store continue. */
  mayList(): boolean;
  /** The numbers of a segment in the playlists on the store. */
  numbersOf(position: SegmentPosition): SegmentNumbers;
  /** The version of the numbering: changes with it. */
  revision(): number;
  /** There is something to publish. */
  wanted(): void;
  fence(key: string): Fence;
  /** An object was added to the backlog. */
  held(): void;
  /** An object was removed from the backlog. */
  released(): void;
  /** A playlist is on the store. */
  published(): void;
  /** Segments are lost for the store. */
  lost(loss: Loss): void;
  /** An upload has succeeded or was given up. */
  counted(error: SidepipeError | undefined): void;
}
