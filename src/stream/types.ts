/** The life of a stream as people see it. */
export type StreamState = 'idle' | 'starting' | 'live' | 'recovering' | 'failed';

/** `fresh`: younger than `staleAfterSeconds`. `stale`: the last good picture, old. `offline`: the drawn picture. */
export type ImageState = 'fresh' | 'stale' | 'offline';

export type ImageFormat = 'jpg' | 'webp' | 'avif' | 'png';

/** A playlist as it is served and uploaded. */
export interface PlaylistResource {
  readonly body: string;
  /** Strong entity tag with its quotes. */
  readonly etag: string;
  /** Milliseconds since the epoch. */
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
  /** The source's time of the picture; undefined for the offline picture of a stream that never had one. */
  readonly capturedAt: number | undefined;
  readonly state: ImageState;
  /** How long from now the state holds at most: a cache must ask again then. Seconds. */
  readonly maxAgeSeconds: number;
}

/** The HLS side of a stream, all of it in memory. */
export interface HlsView {
  readonly renditions: readonly string[];
  /** Undefined until a player could play. */
  multivariant(): PlaylistResource | undefined;
  playlist(rendition: string): PlaylistResource | undefined;
  /** `file` is the last part of the URL: `{session}-{sequence}.ts`, `{session}-init.mp4`. */
  segment(rendition: string, file: string): MediaResource | undefined;
}

/** The pictures of a stream, all of them in memory. */
export interface ImagesView {
  readonly formats: readonly ImageFormat[];
  /** Undefined only for a format that is not configured. Never rejects for a known stream. */
  thumbnail(format: ImageFormat): Promise<ImageResource | undefined>;
}

/** A stream in the API (`GET /api/v1/streams/{stream}`). Times are RFC 3339 with milliseconds. */
export interface StreamDescription {
  readonly name: string;
  readonly source: { readonly kind: string; readonly url: string };
  readonly state: StreamState;
  /** Why the stream is not live, in words; null while it is. */
  readonly reason: { readonly code: string; readonly message: string } | null;
  readonly since: string;
  readonly playback: { readonly hls: string; readonly thumbnail: string };
  readonly thumbnail: {
    readonly capturedAt: string | null;
    readonly ageSeconds: number | null;
    readonly state: ImageState;
    readonly width: number | null;
    readonly height: number | null;
    readonly bytes: number | null;
    readonly captured: number;
    readonly dropped: number;
    readonly rejected: number;
  };
  readonly hls: {
    readonly segments: number;
    readonly windowBytes: number;
    readonly windowSeconds: number;
    readonly mediaSequence: number;
    readonly discontinuitySequence: number;
    readonly bandwidth: number | null;
    readonly codecs: string | null;
    readonly resolution: string | null;
    readonly frameRate: number | null;
  };
  readonly storage: {
    readonly type: string;
    readonly playback: { readonly hls: string; readonly thumbnail: string } | null;
    readonly backlogBytes: number;
    readonly uploaded: number;
    readonly failed: number;
    readonly playlistLagSeconds: number | null;
    readonly lastError: string | null;
  };
  readonly ffmpeg: {
    readonly pid: number | null;
    readonly restarts: number;
    readonly speed: number | null;
    readonly fps: number | null;
  };
}

/** What the HTTP layer and the library see of a stream. */
export interface LiveStream {
  readonly name: string;
  readonly state: StreamState;
  readonly hls: HlsView;
  readonly images: ImagesView;
  describe(): StreamDescription;
  /** Undefined when playable and fresh, else what is not, in words: for `/readyz`. */
  notReady(): string | undefined;
}

/** All streams of a node, by name, in the order of configuration. */
export interface StreamDirectory {
  list(): readonly LiveStream[];
  get(name: string): LiveStream | undefined;
}
