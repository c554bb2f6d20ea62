import type { AmfObject } from './protocol/amf0.js';
import type { HandshakeOptions } from './protocol/handshake.js';
import type { ViolationCode } from './protocol/message.js';

export interface SessionLimits {
  /** Chunk streams that a peer may open. */
  readonly chunkStreams: number;
  /** The longest message of an accepted publisher. */
  readonly messageBytes: number;
  /** All that a session may hold back in memory. */
  readonly bufferedBytes: number;
  /** All that a peer may send before its publishing is accepted, handshake included. */
  readonly bytesBeforePublish: number;
  readonly commandsBeforePublish: number;
  /** From the connection to the end of the handshake, to the `publish` command, and between any bytes thereafter. */
  readonly handshakeTimeoutMs: number;
  readonly publishTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

export const defaultSessionLimits: SessionLimits = {
  chunkStreams: 32,
  messageBytes: 8 * 1024 ** 2,
  bufferedBytes: 16 * 1024 ** 2,
  bytesBeforePublish: 128 * 1024,
  commandsBeforePublish: 64,
  handshakeTimeoutMs: 5_000,
  publishTimeoutMs: 10_000,
  idleTimeoutMs: 20_000,
};

export interface SessionOptions extends HandshakeOptions {
  /** Epoch milliseconds of the connection. */
  readonly startedAt: number;
  /** The first path segments that `connect` may name. Default: `live`. */
  readonly apps?: readonly string[];
  /** The FourCCs of Enhanced RTMP that are offered to a publisher that asks. They are passed through, not read. */
  readonly fourCcs?: readonly string[];
  readonly limits?: Partial<SessionLimits>;
}

/** `handshake → connect → ready → deciding → publishing → ended`; every phase can end. */
export type Phase = 'handshake' | 'connect' | 'ready' | 'deciding' | 'publishing' | 'ended';

/** Why a session ended. `unpublished` is the publisher's own regular end. */
export type EndReason =
  | 'unpublished'
  | 'app-unknown'
  | 'play-unsupported'
  | RejectReason
  | RtmpCloseReason
  | ViolationCode;
/** `bad-key` covers unknown streams too, so that names cannot be tried out. */
export type RejectReason = 'bad-key' | 'stream-busy' | 'publish-name-invalid' | 'unavailable';
export type RtmpCloseReason =
  | 'taken-over'
  | 'shutdown'
  | 'stopped'
  | 'source-unsupported'
  | 'picture-too-large'
  /** The stream's settings do not go with what is sent. */
  | 'settings-unsuited';

/** A tag of media. `payload` is the FLV tag's body, untouched: Enhanced RTMP passes through. */
export interface MediaEvent {
  readonly type: 'audio' | 'video';
  /** Milliseconds, unsigned 32 bits, as sent. */
  readonly timestamp: number;
  readonly payload: Uint8Array;
}

export interface MetadataEvent {
  readonly type: 'metadata';
  readonly timestamp: number;
  /** The body of an FLV script tag: `onMetaData` and its values. */
  readonly payload: Uint8Array;
  readonly values: AmfObject;
}

/** Someone wants to publish: answer with `accept` or `reject`. */
export interface PublishRequestEvent {
  readonly type: 'publish-request';
  readonly app: string;
  /** Holds the secret; so does `query`. Keep both out of logs. */
  readonly streamKey: string;
  readonly query: string;
  readonly encoder: string;
}

/** Always the last event, and always the only one of its kind. */
interface EndEvent {
  readonly type: 'end';
  readonly reason: EndReason;
}

export type SessionEvent = PublishRequestEvent | MediaEvent | MetadataEvent | EndEvent;

export interface SessionResult {
  readonly outgoing: readonly Uint8Array[];
  readonly events: readonly SessionEvent[];
}

/** One peer. No method throws: whatever the peer does wrong is an `end` event with its reason. */
export interface RtmpSession {
  receive(bytes: Uint8Array, now: number): SessionResult;
  /** Ends the session if its deadline has passed. */
  tick(now: number): SessionResult;
  /** Answers a publish request. */
  accept(now: number): SessionResult;
  reject(reason: RejectReason): SessionResult;
  /** Ends the session from this side. */
  /** `description`: the text of the answer to the peer, in place of the usual one. */
  close(reason: RtmpCloseReason, description?: string): SessionResult;
  readonly phase: Phase;
  /** When `tick` would end the session, in epoch milliseconds. */
  readonly deadline: number | undefined;
  /** Memory held back, in bytes: never more than the limit. */
  readonly bufferedBytes: number;
}
