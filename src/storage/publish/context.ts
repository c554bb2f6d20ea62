import type { SidepipeError } from '../../errors.js';
import type { ObjectStore } from '../store.js';
import type { Retention } from './cleanup/retention.js';
import type { Fence } from './lease/fence.js';
import type { Numbering } from './lease/takeover.js';
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

/** How long the segments of a stream are. The camera determines the segment length of copied streams. */
export class SegmentDurations {
  readonly #options: Pick<StreamOptions, 'graceSeconds' | 'windowSegments'>;
  readonly #inheritedSeconds: () => number;
  #longestSeconds: number;

  /** `inheritedSeconds`: the target duration of the playlists that this node continues; 0 if it continues none. */
  constructor(options: StreamOptions, inheritedSeconds: () => number) {
    this.#options = options;
    this.#inheritedSeconds = inheritedSeconds;
    this.#longestSeconds = options.targetDurationSeconds;
  }

  /** A segment of this duration will be published. */
  saw(seconds: number): void {
    this.#longestSeconds = Math.max(this.#longestSeconds, seconds);
  }

  get longestSeconds(): number {
    return this.#longestSeconds;
  }

  /** RFC 8216bis 4.4.3.1: no segment so far has a longer rounded duration. */
  get targetSeconds(): number {
    return Math.max(Math.round(this.#longestSeconds), this.#inheritedSeconds());
  }

  /** How long a segment is kept after no playlist lists it. */
  get graceMs(): number {
    const { graceSeconds, windowSegments } = this.#options;
    // A playlist of more segments lasts at most three target durations and one segment.
    return 1000 * (graceSeconds ?? (Math.max(windowSegments, 4) + 1) * this.#longestSeconds);
  }
}

/** Whether this node writes the stream at this moment. */
export interface WriteAccess {
  /** This node writes the stream, or was the last one that did. */
  mayUpload(): boolean;
  /** Another node writes the stream. */
  standsBy(): boolean;
  /** This node's lease is currently valid. */
  mayPublish(): boolean;
  /** `mayPublish`, and it is known how the playlists on the store continue. */
  mayList(): boolean;
}

/** What the lanes of a publication need from it. */
export interface RenditionUploadContext {
  readonly settings: PublisherSettings;
  readonly options: StreamOptions;
  readonly target: StoreTarget;
  readonly backlog: Backlog<Evictable>;
  readonly access: WriteAccess;
  readonly durations: SegmentDurations;
  /** The numbers of segments in the playlists on the store. */
  readonly numbering: Pick<Numbering, 'of' | 'revision'>;
  fence(key: string): Fence;
  /** There is something to publish. */
  wanted(): void;
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
