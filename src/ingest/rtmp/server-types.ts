import type { Writable } from 'node:stream';
import type { AmfObject } from './protocol/amf0.js';
import type { EndReason, RejectReason, RtmpCloseReason, SessionLimits } from './session-types.js';

export interface RtmpServerLimits extends SessionLimits {
  /** Maximum number of open connections. Beyond it, the oldest connection that has not published yet is closed. */
  readonly connections: number;
  /** The same per address (IPv6: per /64). */
  readonly connectionsPerAddress: number;
  /** Wrong keys from one address within the window before it is refused for the rest of the window. */
  readonly failuresPerAddress: number;
  readonly failureWindowMs: number;
  /** Maximum number of addresses whose failures are remembered. */
  readonly rememberedAddresses: number;
  /** Time limit of `authorise`. */
  readonly decisionTimeoutMs: number;
  /** Response bytes that a peer may leave unread. */
  readonly unreadBytes: number;
}

/** A request to publish. */
export interface PublishRequest {
  /** The first part of the path, such as `live`. */
  readonly app: string;
  /** The stream that the publisher named; undefined if the key alone identifies it. Not validated. */
  readonly stream: string | undefined;
  readonly address: string;
  readonly secure: boolean;
  /** How the publisher identifies itself, in printable ASCII. Empty if it does not. */
  readonly encoder: string;
  /** Aborts when the response is no longer needed. */
  readonly signal: AbortSignal;
  /** The stream key. A function, so that no log of the request shows it. */
  revealKey(): string;
}

export type PublishDecision =
  | {
      readonly accept: true;
      readonly stream: string;
      /** If the stream already has a publisher: reject the new publisher, or disconnect the old one. */
      readonly whenBusy: 'reject' | 'takeover';
    }
  | { readonly accept: false; readonly reason: Exclude<RejectReason, 'publish-name-invalid'> };

/** Why a publisher's connection ended. */
export type PublisherEnd = EndReason | 'peer-closed' | 'connection-failed' | 'answers-unread' | 'evicted';

/**
 * `reconfigured`: codec, parameter sets or audio settings change with the next tag. The target is ended, and the media that follows is
 * kept for the next pipe, so nothing is lost.
 */
export type PipeEnd = 'publisher-ended' | 'target-closed' | 'aborted' | 'reconfigured';

export interface PipeOptions {
  readonly signal?: AbortSignal;
  /** The target decodes only H.264 keyframes: a NAL unit of type 10 makes it output each one at once. */
  readonly flushKeyframes?: boolean;
}

/** An accepted publisher. */
export interface RtmpPublisher {
  readonly stream: string;
  readonly address: string;
  readonly secure: boolean;
  readonly encoder: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** `h264`, `aac`, … or FourCCs, once a tag of that kind has arrived. */
  readonly codecs: { readonly video?: string; readonly audio?: string };
  /** The values of the last `onMetaData`. Not validated. */
  readonly metadata: AmfObject | undefined;
  /**
   * Whether to keep the media since the newest keyframe, so that the next pipe starts with it instead of waiting for the next keyframe.
   * Off by default; memory is bounded.
   */
  retain(isWanted: boolean): void;
  /** Number of bytes received so far. */
  readonly receivedBytes: number;
  /**
   * Writes FLV to `target` until the publisher ends or changes its codec configuration (then `target` is ended), the target closes or
   * fails, or the signal aborts. Never rejects. A full target pauses the socket. Before the first pipe the publisher waits; between two
   * pipes its media is dropped, and the next pipe starts with metadata, sequence headers and a keyframe.
   * Throws `internal` while another pipe is running.
   */
  pipe(target: Writable, options?: PipeOptions): Promise<PipeEnd>;
  /**
   * The video codec, as in `codecs`, as soon as a tag reveals it. Undefined if the signal aborts first, the publisher ends, or so much
   * other media arrives that there seems to be no video. Never rejects.
   */
  videoCodec(signal: AbortSignal): Promise<string | undefined>;
  /** The audio codec, as in `codecs`, from tags or otherwise from metadata; undefined while neither reveals it. */
  readonly audioCodec: string | undefined;
  /** Why its frames exceed the size limit, if it was disconnected for that. */
  readonly tooLarge: string | undefined;
  /** Its metadata announces no audio, and none has arrived. */
  readonly isSilent: boolean;
  /** Resolves with the reason when the publisher has disconnected. Never rejects. */
  readonly closed: Promise<PublisherEnd>;
  /** Disconnects the publisher. No effect if it has ended. `description`: replaces the standard text of the response. */
  close(reason?: RtmpCloseReason, description?: string): void;
}

/** For logs and metrics. Contains no secret. */
export interface RtmpServerEvent {
  /**
   * `refused`: closed without a handshake. `ended`: a connection ended, whether it published or not. `failed`: `authorise` or
   * `onPublish` threw `cause`.
   */
  readonly type: 'refused' | 'ended' | 'failed';
  readonly address: string;
  readonly secure: boolean;
  readonly reason: PublisherEnd | 'too-many-connections' | 'too-many-failures';
  /** The stream that was published. */
  readonly stream: string | undefined;
  readonly cause?: unknown;
}

export interface RtmpServerOptions {
  readonly host: string;
  /** 0 chooses a free port; undefined: no RTMP without TLS. */
  readonly port?: number | undefined;
  /** The RTMPS listener: PEM texts. */
  readonly tls?:
    | { readonly port: number; readonly host?: string; readonly cert: string | Buffer; readonly key: string | Buffer }
    | undefined;
  /** The first path segments that publishers may name. Default: `live`. */
  readonly apps?: readonly string[];
  /** Enhanced RTMP FourCCs offered to publishers that ask for them. */
  readonly fourCcs?: readonly string[];
  readonly limits?: Partial<RtmpServerLimits>;
  /** Whether media with this codec, named as in `Publisher.codecs`, is supported. Publishers of other codecs are disconnected. */
  reads?(codec: string): boolean;
  /**
   * Returns a message if the frames of a video exceed the size limit, by its codec and the record of its sequence header; otherwise
   * undefined. A publisher of such frames is disconnected.
   */
  tooLarge?(codec: string, configuration: Uint8Array): string | undefined;
  /** Decides on a publisher. A rejected promise counts as `unavailable`. */
  authorise(request: PublishRequest): Promise<PublishDecision> | PublishDecision;
  /** Receives an accepted publisher: call `pipe`. If it throws, the publisher is rejected. */
  onPublish(publisher: RtmpPublisher): void;
  observe?(event: RtmpServerEvent): void;
  /** Milliseconds of a monotonic clock. Default: steady time. */
  now?(): number;
}

/** Where a listener for publishers is. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** The listeners for publishers that there are. */
export interface RtmpAddresses {
  readonly rtmp?: ListenAddress;
  readonly rtmps?: ListenAddress;
}

export interface RtmpServer {
  /** Resolves when all listeners are listening. Throws `port-unavailable`, or `config-invalid` for an invalid certificate. */
  start(): Promise<void>;
  /** Disconnects all publishers and connections, and resolves when they are closed. */
  close(): Promise<void>;
  readonly addresses: RtmpAddresses;
  readonly connections: number;
  publisher(stream: string): RtmpPublisher | undefined;
}
