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

/** The HLS side of a stream, all of it in memory. */
export interface HlsView {
  readonly renditions: readonly string[];
  /** Undefined until a player could play. */
  multivariant(): PlaylistResource | undefined;
  playlist(rendition: string): PlaylistResource | undefined;
  /** Undefined where the playlist lists no parts. */
  lowLatency(rendition: string): LowLatencyView | undefined;
  /** `file` is the last part of the URL: `{session}-{sequence}.ts`, `{session}-init.mp4`. */
  segment(rendition: string, file: string): MediaResource | undefined;
}

/** What low-latency players can ask of a playlist. */
export interface LowLatencyView {
  /** Of the segment that is being made. */
  readonly mediaSequence: number;
  /** The part that comes next. */
  readonly nextPart: WantedPosition;
  /** How long a request may be held; milliseconds. */
  readonly maxWaitMs: number;
  isReached(wanted: WantedPosition): boolean;
  isTooFarAhead(wanted: WantedPosition): boolean;
  /** Whether a file is the part that comes next. */
  isNextPart(file: string): boolean;
  /** Settles when it is reached, when the playlist ends, or when `signal` is aborted. Rejects with `limit-reached`. */
  wait(wanted: WantedPosition, signal: AbortSignal): Promise<void>;
  /** The playlist without what a player knows already. */
  delta(): PlaylistResource | undefined;
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
  /** A media playlist was asked for. `now`: steady time. */
  seen(viewer: ViewerId, targetSeconds: number, now: number): void;
  report(report: PlayerReport): void;
}

export interface SnapshotOptions {
  readonly format: ImageFormat;
  /** 1 to 100. */
  readonly quality: number;
  readonly signal?: AbortSignal | undefined;
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
  /** Whether it is playable and fresh, here and, where that is required, on the store: for `/readyz`. */
  readiness(): StreamReadiness;
}

/** All streams of a node, by name, in the order in which they were added. */
export interface StreamDirectory {
  list(): readonly LiveStream[];
  get(name: string): LiveStream | undefined;
  /** A stream that was removed a moment ago: its players still have to learn that it has ended. */
  ended?(name: string): LiveStream | undefined;
}
