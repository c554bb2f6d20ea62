import type { PublishDecision, Publisher, PublishRequest } from '../publisher.js';
import type { AmfObject } from './protocol/amf0.js';
import type { EndReason, SessionLimits } from './session-types.js';

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

/** Why a publisher's connection ended. */
export type PublisherEnd = EndReason | 'peer-closed' | 'connection-failed' | 'answers-unread' | 'evicted';

/** A publisher over RTMP: it writes FLV. A full target pauses the socket. */
export interface RtmpPublisher extends Publisher {
  readonly closed: Promise<PublisherEnd>;
  /** The values of the last `onMetaData`. Not validated. */
  readonly metadata: AmfObject | undefined;
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
  /** The current publisher of a stream, over any protocol. Default: the one of this server. */
  current?(stream: string): Publisher | undefined;
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
