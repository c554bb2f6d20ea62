import type { GateState, ImageState } from '../terms.js';
/** Playlists, segments and images of a stream as served: complete, in memory. */

/** A playlist as served and uploaded. */
export interface PlaylistResource {
  readonly body: string;
  /** Strong entity tag including its quotes. */
  readonly etag: string;
  /** Steady time, like all resources: newer content must not look older when the system clock is set back. */
  readonly modifiedAt: number;
}

/** A media segment or initialization segment: complete, immutable. */
export interface MediaResource {
  readonly body: Uint8Array;
  readonly contentType: string;
  readonly etag: string;
  readonly modifiedAt: number;
}

/** An image as it is served, with its age. */
export interface ImageResource {
  readonly body: Uint8Array;
  readonly contentType: string;
  readonly etag: string;
  readonly modifiedAt: number;
  /** The capture date in milliseconds since the epoch; undefined for the offline image of a stream that never had a thumbnail. */
  readonly capturedAt: number | undefined;
  readonly state: ImageState;
  /** How long the state lasts at most, in seconds: a cache must ask again then. */
  readonly maxAgeSeconds: number;
  /** What the video shows; undefined before its first frame. */
  readonly gate?: GateState;
}

/** An image with a content-based URL. */
export interface ImmutableImage {
  readonly body: Uint8Array;
  readonly contentType: string;
  readonly etag: string;
  readonly modifiedAt: number;
  readonly capturedAt: number;
}

/** A sheet of a storyboard. */
export interface SheetResource {
  readonly body: Uint8Array;
  readonly contentType: string;
  readonly etag: string;
  readonly modifiedAt: number;
  /** Whether it is full, so that it will never change. */
  readonly complete: boolean;
}

/** The next frame of a stream at the source's own size, as an image. */
export interface SnapshotResource {
  readonly body: Uint8Array;
  readonly contentType: string;
  readonly width: number;
  readonly height: number;
  /** Milliseconds since the epoch. */
  readonly capturedAt: number;
}
