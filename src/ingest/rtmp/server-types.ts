import type { Writable } from 'node:stream';
import type { AmfObject } from './protocol/amf0.js';
import type { EndReason, RejectReason, RtmpCloseReason, SessionLimits } from './session-types.js';

export interface RtmpServerLimits extends SessionLimits {
  /** Open connections in all. When they are all taken, the oldest one that has not published yet makes room. */
  readonly connections: number;
  /** The same for one address (IPv6: one /64). */
  readonly connectionsPerAddress: number;
  /** Wrong keys from one address within the window before it is refused for the rest of the window. */
  readonly failuresPerAddress: number;
  readonly failureWindowMs: number;
  /** Addresses whose failures are remembered. */
  readonly rememberedAddresses: number;
  /** How long `authorise` may take. */
  readonly decisionTimeoutMs: number;
  /** Answers that a peer may leave unread, in bytes. */
  readonly unreadBytes: number;
}

/** Someone asks to publish. */
export interface PublishRequest {
  /** The first part of the path, such as `live`. */
  readonly app: string;
  /** The stream that the publisher names; undefined when its key alone decides. Unchecked text. */
  readonly stream: string | undefined;
  readonly address: string;
  readonly secure: boolean;
  /** What the publisher calls itself, in printable ASCII. Empty when it says nothing. */
  readonly encoder: string;
  /** Aborts when the answer has become useless. */
  readonly signal: AbortSignal;
  /** The stream key. A function, so that no log of the request shows it. */
  revealKey(): string;
}

export type PublishDecision =
  | {
      readonly accept: true;
      readonly stream: string;
      /** When someone publishes the stream already: refuse the new publisher, or end the old one. */
      readonly whenBusy: 'reject' | 'takeover';
    }
  | { readonly accept: false; readonly reason: Exclude<RejectReason, 'publish-name-invalid'> };

/** Why a publisher's connection ended. */
export type PublisherEnd = EndReason | 'peer-closed' | 'connection-failed' | 'answers-unread' | 'evicted';

/**
 * `reconfigured`: codec, parameter sets or audio settings change with the next tag. The target is ended; what follows is held for the
 * next pipe, so nothing is lost.
 */
export type PipeEnd = 'publisher-ended' | 'target-closed' | 'aborted' | 'reconfigured';

export interface PipeOptions {
  readonly signal?: AbortSignal;
  /** The target decodes H.264 keyframes alone: it is told to hand each out at once, by NAL units of type 10. */
  readonly flushKeyframes?: boolean;
}

/** A publisher that has been let in. */
export interface RtmpPublisher {
  readonly stream: string;
  readonly address: string;
  readonly secure: boolean;
  readonly encoder: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** `h264`, `aac`, … or FourCCs, as far as tags of each kind have come. */
  readonly codecs: { readonly video?: string; readonly audio?: string };
  /** The values of the last `onMetaData`. Unchecked. */
  readonly metadata: AmfObject | undefined;
  /**
   * Whether to keep the media since the newest keyframe, so that the next pipe begins with it instead of waiting for another. Off
   * at first; memory is bounded.
   */
  retain(isWanted: boolean): void;
  /** Bytes of the connection so far. */
  readonly receivedBytes: number;
  /**
   * Writes FLV to `target` until the publisher ends or changes its codec configuration (then `target` is ended), the target closes or fails, or the
   * signal aborts. Never rejects. A full target pauses the socket. Before the first pipe the publisher waits; between
   * two pipes its media is dropped, and the next pipe begins with metadata, sequence headers and a keyframe.
   * Throws `internal` while another pipe runs.
   */
  pipe(target: Writable, options?: PipeOptions): Promise<PipeEnd>;
  /**
   * The codec of the video, as in `codecs`, as soon as a tag tells it. Undefined when the signal aborts first, the publisher ends, or
   * so much other media has come that none seems to. Never rejects.
   */
  videoCodec(signal: AbortSignal): Promise<string | undefined>;
  /** The codec of the audio, as in `codecs`, from its tags or else its metadata; undefined while neither tells. */
  readonly audioCodec: string | undefined;
  /** Why its pictures are larger than allowed, once it has been sent away for that. */
  readonly tooLarge: string | undefined;
  /** Its metadata promises no sound, and none has come. */
  readonly isSilent: boolean;
  /** Resolves with the reason when the publisher is gone. Never rejects. */
  readonly closed: Promise<PublisherEnd>;
  /** Ends the publisher. Does nothing when it has ended. `description`: the text of the answer, in place of the usual one. */
  close(reason?: RtmpCloseReason, description?: string): void;
}

/** For logs and metrics. Holds no secret. */
export interface RtmpServerEvent {
  /**
   * `refused`: not even heard. `ended`: a connection is over, whether it published or not. `failed`: `authorise` or
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
  /** 0 takes a free port; undefined: no RTMP without TLS. */
  readonly port?: number | undefined;
  /** The RTMPS listener: PEM texts. */
  readonly tls?:
    | { readonly port: number; readonly host?: string; readonly cert: string | Buffer; readonly key: string | Buffer }
    | undefined;
  /** The first path segments that publishers may name. Default: `live`. */
  readonly apps?: readonly string[];
  /** Enhanced RTMP FourCCs offered to publishers that ask. */
  readonly fourCcs?: readonly string[];
  readonly limits?: Partial<RtmpServerLimits>;
  /** Whether media with a codec, named as in `Publisher.codecs`, can be worked with. A publisher of another is ended. */
  reads?(codec: string): boolean;
  /**
   * Why the pictures of a video are larger than allowed, in words, by its codec and the record of its sequence header; undefined
   * where they are not. A publisher of such pictures is ended.
   */
  tooLarge?(codec: string, configuration: Uint8Array): string | undefined;
  /** Decides on a publisher. A rejection counts as `unavailable`. */
  authorise(request: PublishRequest): Promise<PublishDecision> | PublishDecision;
  /** Takes a publisher that has been let in: call `pipe`. If it throws, the publisher is refused. */
  onPublish(publisher: RtmpPublisher): void;
  observe?(event: RtmpServerEvent): void;
  /** Milliseconds on a clock that is never set. Default: steady time. */
  now?(): number;
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface RtmpServer {
  /** Resolves when all listeners listen. Throws `port-unavailable`, or `config-invalid` for a bad certificate. */
  start(): Promise<void>;
  /** Ends all publishers and connections, and resolves when they are gone. */
  close(): Promise<void>;
  readonly addresses: { readonly rtmp?: ListenAddress; readonly rtmps?: ListenAddress };
  readonly connections: number;
  publisher(stream: string): RtmpPublisher | undefined;
}
