import type { GateState, ImageState } from '../terms.js';
/** Playlists, segments and pictures of a stream as they are served: whole, in memory. */

/** A playlist as it is served and uploaded. */
export interface PlaylistResource {
  readonly body: string;
  /** Strong entity tag with its quotes. */
  readonly etag: string;
  /** Steady time, as of all resources: where the system's clock is set back, what is newer must not look older. */
  readonly modifiedAt: number;
}

/** A media segment or initialization segment: complete, immutable. */
export interface MediaResource {
  readonly body: Uint8Array;
  readonly contentType: string;
  readonly etag: string;
  readonly modifiedAt: number;
}

export interface ImageResource {
  readonly body: Uint8Array;
  readonly contentType: string;
  readonly etag: string;
  readonly modifiedAt: number;
  /** The date of the picture, in milliseconds since the epoch; undefined for the offline picture of a stream that never had one. */
  readonly capturedAt: number | undefined;
  readonly state: ImageState;
  /** How long from now the state holds at most: a cache must ask again then. Seconds. */
  readonly maxAgeSeconds: number;
  /** What the stream shows now; undefined before its first frame. */
  readonly gate?: GateState;
}

/** A picture whose address is made of its content. */
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
  /** Whether it is full: it will never change. */
  readonly complete: boolean;
}

/** The next picture of a stream at the source's own size. */
export interface SnapshotResource {
  readonly body: Uint8Array;
  readonly contentType: string;
  readonly width: number;
  readonly height: number;
  /** Milliseconds since the epoch. */
  readonly capturedAt: number;
}
