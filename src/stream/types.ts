import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RejectedFrame } from '../images/rejected-frames.js';
import type { StreamDiagnosis } from './diagnosis.js';
import type { StreamSeries } from './outlets.js';

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
  /** What the stream shows now; undefined before its first frame. */
  readonly gate?: GateState;
}

/** What a stream's picture shows: `flat` is one shade all over, `frozen` does not change at all. */
export type GateState = 'good' | 'black' | 'flat' | 'frozen';

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

export type PreviewFormat = 'webp' | 'gif';

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
  /** Every width that can be asked for, the full one first. */
  readonly widths: readonly number[];
  /** The names of the sizes that have addresses of their own. */
  readonly sizeNames: readonly string[];
  /**
   * Undefined only for a format or size that is not configured. `size`: a width in pixels, or a name. Never rejects for a
   * known stream. A promise only where the picture has to be made first.
   */
  thumbnail(
    format: ImageFormat,
    size?: number | string,
  ): ImageResource | undefined | Promise<ImageResource | undefined>;
  /** A picture by the hash of its content, while it is remembered. */
  immutable(format: ImageFormat, hash: string): ImmutableImage | undefined;
  /** The animated picture: a still one before there are frames. Never rejects. */
  preview(format: PreviewFormat): Promise<ImageResource>;
  /** The WebVTT of the storyboard, without cues before there are pictures. */
  storyboard(): PlaylistResource;
  sheet(number: number): Promise<SheetResource | undefined>;
  /** The last frames that the gate held back, the newest first, a bounded number. */
  readonly rejected: readonly RejectedFrame[];
}

/** Where a stream is played and seen: absolute, or from the node's root. */
export interface PlaybackUrls {
  readonly hls: string;
  readonly thumbnail: string;
  readonly preview: string;
  readonly storyboard: string;
}

/** A key that signs playback URLs. */
export interface PlaybackKey {
  /** Part of every URL that it signs: says which of several keys it was. */
  readonly id: string;
  readonly secret: string;
}

/** Who a request for a playlist comes from: a number that nobody can turn back. */
export interface ViewerId {
  readonly id: number;
  /** The id of the same viewer under the salt before, for a while after a change. */
  readonly former: number | undefined;
}

/** What a player tells of itself with a request (CMCD). Rates in bits a second. */
export interface PlayerReport {
  /** The buffer ran dry since the last request. */
  readonly starved?: boolean;
  /** What is asked for is needed at once. */
  readonly startup?: boolean;
  readonly throughput?: number;
  readonly bitrate?: number;
}

/** Who watches a stream. */
export interface Audience {
  /** How many players asked for a media playlist lately. */
  readonly viewers: number;
  /** A media playlist was asked for. `now`: milliseconds since the epoch. */
  seen(viewer: ViewerId, targetSeconds: number, now: number): void;
  report(report: PlayerReport): void;
}

/** One rendition of a stream in the API. */
export interface RenditionDescription {
  readonly name: string;
  readonly video: 'copy' | 'encode';
  /** As ffmpeg calls it: `libx264`, `h264_vaapi`; null for a copy, and before the first run. */
  readonly encoder: string | null;
  /** Why it is this one, in words. */
  readonly encoderReason: string | null;
  readonly segments: number;
  readonly mediaSequence: number;
  readonly bandwidth: number | null;
  readonly codecs: string | null;
  readonly resolution: string | null;
  readonly frameRate: number | null;
}

/** A stream in the API (`GET /api/v1/streams/{stream}`). Times are RFC 3339 with milliseconds. */
export interface StreamDescription {
  readonly name: string;
  /** Whether it stands in the configuration or was made through the API. */
  readonly origin: 'config' | 'api';
  readonly source: { readonly kind: string; readonly url: string };
  readonly state: StreamState;
  /** Why the stream is not live, in words; null while it is. */
  readonly reason: { readonly code: string; readonly message: string } | null;
  readonly since: string;
  /** Players that asked for a media playlist lately. */
  readonly viewers: number;
  readonly playback: PlaybackUrls & {
    /** `signed`: only URLs with a token of one of the stream's keys are answered; those here have none. */
    readonly access: 'open' | 'signed';
    /** The newest picture under an address whose picture never changes; null while there is none to show. */
    readonly thumbnailImmutable: string | null;
  };
  readonly thumbnail: {
    readonly capturedAt: string | null;
    readonly ageSeconds: number | null;
    readonly state: ImageState;
    readonly width: number | null;
    readonly height: number | null;
    readonly bytes: number | null;
    readonly captured: number;
    /** Frames of which no picture was made because a newer one had come, or because they were torn. */
    readonly dropped: number;
    /** Frames that the gate held back. */
    readonly rejected: number;
    /** Encodes that went wrong, retries included. */
    readonly failed: number;
    /** Errors that the decoder told of. */
    readonly decoderErrors: number;
    /** Which pictures are decoded for thumbnails: `all` where the video is encoded. */
    readonly decode: {
      readonly mode: 'keyframes' | 'chosen' | 'references' | 'all';
      readonly reason: string;
      /** The longest time between the run's first keyframes; null until seen, and where more than keyframes is decoded. */
      readonly keyframeIntervalSeconds: number | null;
    };
    /** What the stream shows; null before its first frame. */
    readonly gate: { readonly state: GateState; readonly since: string } | null;
    /** The newest picture, blurred: a ThumbHash in base64. */
    readonly placeholder: string | null;
    /** The colour that most of it has: `#rrggbb`. */
    readonly dominantColour: string | null;
  };
  readonly hls: {
    readonly segments: number;
    readonly windowBytes: number;
    readonly windowSeconds: number;
    readonly mediaSequence: number;
    readonly discontinuitySequence: number;
    /** The highest of all renditions, bits a second. */
    readonly bandwidth: number | null;
    readonly codecs: string | null;
    readonly resolution: string | null;
    readonly frameRate: number | null;
    /** Whether segments of the same number show the same time in all renditions. */
    readonly aligned: boolean;
    /** In the order of the multivariant playlist. What stands above is of the first. */
    readonly renditions: readonly RenditionDescription[];
  };
  readonly storage: {
    readonly type: string;
    /**
     * `waiting`: the store has not said yet whether this node may write. `publishing`. `standby`: another node writes this
     * stream. `ended`. Null without a store.
     */
    readonly state: 'waiting' | 'publishing' | 'standby' | 'ended' | null;
    /** The store in use: `s3://bucket/prefix`; the second one's name ends with `(fallback)`. */
    readonly store: string | null;
    readonly playback: PlaybackUrls | null;
    readonly backlogBytes: number;
    readonly uploaded: number;
    readonly failed: number;
    readonly playlistLagSeconds: number | null;
    readonly lastError: string | null;
  };
  /** Null where there is none. */
  readonly monitor: {
    /** A WebSocket, absolute or from the node's root. */
    readonly url: string;
    readonly width: number;
    readonly height: number;
    /** About so many pictures a second at most. */
    readonly fps: number;
    readonly bitrate: number;
    readonly viewers: number;
    /** Viewers that were let go because they took too little. */
    readonly dropped: number;
  } | null;
  readonly ffmpeg: {
    readonly pid: number | null;
    readonly restarts: number;
    readonly speed: number | null;
    readonly fps: number | null;
  };
}

export interface SnapshotOptions {
  readonly format: ImageFormat;
  /** 1 to 100. */
  readonly quality: number;
  readonly signal?: AbortSignal | undefined;
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

export interface StillsQuery {
  readonly limit: number;
  /** The name of a still: older ones only. */
  readonly before?: string | undefined;
}

/** A part of the sequence of stills on the store, the newest first. */
export interface StillsPage {
  readonly stills: readonly {
    readonly name: string;
    /** Milliseconds since the epoch. */
    readonly capturedAt: number;
    readonly bytes: number;
    /** Null where the store has no public URL. */
    readonly url: string | null;
  }[];
  /** What to give as `before` for the next page; null on the last one. */
  readonly next: string | null;
}

/** The picture with little delay, for JSMpeg players. */
export interface MonitorView {
  /** Origins of other sites whose pages may show it; `*`: all. */
  readonly origins: readonly string[];
  /**
   * Takes a request to upgrade to a WebSocket over, as Node's HTTP server hands it out. Throws `limit-reached`; what is wrong
   * with the handshake is answered to the viewer.
   */
  join(upgrade: { readonly request: IncomingMessage; readonly socket: Duplex; readonly head: Buffer }): void;
}

/** What the HTTP layer and the library see of a stream. */
export interface LiveStream {
  readonly name: string;
  readonly state: StreamState;
  readonly hls: HlsView;
  readonly images: ImagesView;
  readonly audience: Audience;
  /** For programs that embed the node. */
  readonly series: StreamSeries;
  /** The keys that sign its playback URLs, the first of them new ones; undefined: open to everyone. Never to be shown. */
  readonly playbackKeys: readonly PlaybackKey[] | undefined;
  describe(): StreamDescription;
  diagnose(): StreamDiagnosis;
  /** The stills on the store; none where no sequence is kept. */
  stills(query: StillsQuery): StillsPage;
  /**
   * The next picture at full size. Throws a `SidepipeError`: `limit-reached`, `source-unsupported` (this ffmpeg cannot),
   * `source-unavailable` (not live, or no picture in time), `frame-invalid`, `image-failed`, `aborted`.
   */
  snapshot(options: SnapshotOptions): Promise<SnapshotResource>;
  /** Undefined where the configuration has none. */
  readonly monitor: MonitorView | undefined;
  /** Undefined when playable and fresh, else what is not, in words: for `/readyz`. */
  notReady(): string | undefined;
}

/** All streams of a node, by name, in the order in which they were added. */
export interface StreamDirectory {
  list(): readonly LiveStream[];
  get(name: string): LiveStream | undefined;
  /** A stream that was removed a moment ago: its players still have to learn that it has ended. */
  ended?(name: string): LiveStream | undefined;
}
