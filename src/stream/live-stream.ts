import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { StreamSeries } from '../events/stream-series.js';
import type { WantedPosition } from '../hls/blocking-reload.js';
import type { RejectedFrame } from '../images/rejected-frames.js';
import type { ImageFormat, PreviewFormat, StreamState } from '../terms.js';
import type { StreamDescription } from './description.js';
import type { StreamDiagnosis } from './diagnosis.js';
import type { StreamReadiness } from './readiness.js';
import type {
  ImageResource,
  ImmutableImage,
  MediaResource,
  PlaylistResource,
  SheetResource,
  SnapshotResource,
} from './resources.js';

export type { WantedPosition } from '../hls/blocking-reload.js';

/** The HLS side of a stream, entirely in memory. */
export interface HlsView {
  readonly renditions: readonly string[];
  /** Undefined until a player could play. */
  multivariant(): PlaylistResource | undefined;
  playlist(rendition: string): PlaylistResource | undefined;
  /** Undefined if the playlist lists no parts. */
  lowLatency(rendition: string): LowLatencyView | undefined;
  /** `file` is the last part of the URL: `{session}-{sequence}.ts`, `{session}-init.mp4`. */
  segment(rendition: string, file: string): MediaResource | undefined;
}

/** What low-latency players can request from a playlist. */
export interface LowLatencyView {
  /** The number of the open segment. */
  readonly mediaSequence: number;
  /** The next part. */
  readonly nextPart: WantedPosition;
  /** How long a request may wait, in milliseconds. */
  readonly maxWaitMs: number;
  isReached(wanted: WantedPosition): boolean;
  isTooFarAhead(wanted: WantedPosition): boolean;
  /** Whether a file is the next part. */
  isNextPart(file: string): boolean;
  /** Settles when the position is reached, when the playlist ends, or when `signal` aborts. Rejects with `limit-reached`. */
  wait(wanted: WantedPosition, signal: AbortSignal): Promise<void>;
  /** The playlist without what a player already knows. */
  delta(): PlaylistResource | undefined;
}

/** The images of a stream, all in memory. */
export interface ImagesView {
  readonly formats: readonly ImageFormat[];
  /** All available widths, the full one first. */
  readonly widths: readonly number[];
  /** The names of the sizes that have their own URLs. */
  readonly sizeNames: readonly string[];
  /**
   * Undefined only for a format or size that is not configured. `size`: a width in pixels, or a name. Never rejects for a known stream.
   * Returns a promise only if the image must be made first.
   */
  thumbnail(
    format: ImageFormat,
    size?: number | string,
  ): ImageResource | undefined | Promise<ImageResource | undefined>;
  /** An image by its content hash, while it is remembered. */
  immutable(format: ImageFormat, hash: string): ImmutableImage | undefined;
  /** The animated preview: a still image before there are frames. Never rejects. */
  preview(format: PreviewFormat): Promise<ImageResource>;
  /** The WebVTT of the storyboard, without cues before there are tiles. */
  storyboard(): PlaylistResource;
  sheet(number: number): Promise<SheetResource | undefined>;
  /** The last frames that the gate suppressed, newest first, limited in number. */
  readonly rejected: readonly RejectedFrame[];
}

/** A key that signs playback URLs. */
export interface PlaybackKey {
  /** Part of every URL that it signs; identifies which of several keys was used. */
  readonly id: string;
  readonly secret: string;
}

/** The origin of a playlist request: an anonymous number. */
export interface ViewerId {
  readonly id: number;
  /** The id of the same viewer under the previous salt, for some time after a change. */
  readonly former: number | undefined;
}

/** What a player reports with a request (CMCD). Rates in bits per second. */
export interface PlayerReport {
  /** The buffer ran empty since the last request. */
  readonly starved?: boolean;
  /** The requested media is needed immediately. */
  readonly startup?: boolean;
  readonly throughput?: number;
  readonly bitrate?: number;
}

/** The viewers of a stream. */
export interface Audience {
  /** Number of players that recently requested a media playlist, and of WebRTC viewers. */
  readonly viewers: number;
  /** Called when a media playlist was requested. `now`: steady time. */
  seen(viewer: ViewerId, targetSeconds: number, now: number): void;
  report(report: PlayerReport): void;
}

/** How a snapshot is encoded. */
export interface SnapshotOptions {
  readonly format: ImageFormat;
  /** 1 to 100. */
  readonly quality: number;
  readonly signal?: AbortSignal | undefined;
}

/** Which stills are listed. */
export interface StillsQuery {
  readonly limit: number;
  /** The name of a still; only older ones are returned. */
  readonly before?: string | undefined;
}

/** A page of the sequence of stills on the store, newest first. */
export interface StillsPage {
  readonly stills: readonly {
    readonly name: string;
    /** Milliseconds since the epoch. */
    readonly capturedAt: number;
    readonly bytes: number;
    /** Null if the store has no public URL. */
    readonly url: string | null;
  }[];
  /** The value of `before` for the next page; null on the last one. */
  readonly next: string | null;
}

/** The low-latency video for JSMpeg players. */
export interface MonitorView {
  /** Other origins whose pages may show it; `*`: all. */
  readonly origins: readonly string[];
  /**
   * Takes over an upgrade request from Node's HTTP server. Throws `limit-reached`; responds to an invalid handshake itself.
   */
  join(upgrade: { readonly request: IncomingMessage; readonly socket: Duplex; readonly head: Buffer }): void;
}

/** A stream as the HTTP layer and the library see it. */
export interface LiveStream {
  readonly name: string;
  readonly state: StreamState;
  readonly hls: HlsView;
  readonly images: ImagesView;
  readonly audience: Audience;
  /** For programs that embed the node. */
  readonly series: StreamSeries;
  /** The keys that sign its playback URLs, the first one for new URLs; undefined: open to everyone. Never show them. */
  readonly playbackKeys: readonly PlaybackKey[] | undefined;
  describe(): StreamDescription;
  diagnose(): StreamDiagnosis;
  /** The stills on the store; empty if no sequence is kept. */
  stills(query: StillsQuery): StillsPage;
  /**
   * The next frame at full size. Throws a `SidepipeError`: `limit-reached`, `source-unsupported` (this ffmpeg cannot),
   * `source-unavailable` (not live, or no frame in time), `frame-invalid`, `image-failed`, `aborted`.
   */
  snapshot(options: SnapshotOptions): Promise<SnapshotResource>;
  /** Undefined if it is not configured. */
  readonly monitor: MonitorView | undefined;
  /** Whether it is playable and fresh, here and, if required, on the store: for `/readyz`. */
  readiness(): StreamReadiness;
}

/** A stream as an embedding program sees it: its series can be read from the stream itself. */
export interface NodeStream extends LiveStream, StreamSeries {}

/** All streams of a node by name, in the order in which they were added. */
export interface StreamDirectory {
  list(): readonly LiveStream[];
  get(name: string): LiveStream | undefined;
  /** A recently removed stream, whose players must still learn that it has ended. */
  ended?(name: string): LiveStream | undefined;
}
