import type { PublisherCloseReason, PublishRefusal } from '../publisher.js';
import type { AmfObject } from './protocol/amf0.js';
import type { HandshakeOptions } from './protocol/handshake.js';
import type { ViolationCode } from './protocol/message.js';

export interface SessionLimits {
  /** Maximum number of chunk streams per peer. */
  readonly chunkStreams: number;
  /** Maximum message size of an accepted publisher. */
  readonly messageBytes: number;
  /** Maximum memory that a session may hold. */
  readonly bufferedBytes: number;
  /** Maximum number of bytes that a peer may send before it may publish, including the handshake. */
  readonly bytesBeforePublish: number;
  readonly commandsBeforePublish: number;
  /** Time limits: from the connection to the end of the handshake, to the `publish` command, and between bytes after that. */
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
  /** The FourCCs of Enhanced RTMP offered to publishers that ask for them. Media with them is passed through, not parsed. */
  readonly fourCcs?: readonly string[];
  readonly limits?: Partial<SessionLimits>;
}

/** `handshake → connect → ready → deciding → publishing → ended`; every phase can end. */
export type Phase = 'handshake' | 'connect' | 'ready' | 'deciding' | 'publishing' | 'ended';

/** Why a session ended. `unpublished`: the publisher stopped regularly. */
export type EndReason =
  | 'unpublished'
  | 'app-unknown'
  | 'play-unsupported'
  | RejectReason
  | PublisherCloseReason
  | ViolationCode;
export type RejectReason = PublishRefusal | 'publish-name-invalid';

/** A media tag. `payload` is the FLV tag's body, unchanged: Enhanced RTMP passes through. */
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

/** A peer wants to publish: respond with `accept` or `reject`. */
export interface PublishRequestEvent {
  readonly type: 'publish-request';
  readonly app: string;
  /** Contains the secret, as does `query`. Keep both out of logs. */
  readonly streamKey: string;
  readonly query: string;
  readonly encoder: string;
}

/** Always the last event, emitted once. */
interface EndEvent {
  readonly type: 'end';
  readonly reason: EndReason;
}

export type SessionEvent = PublishRequestEvent | MediaEvent | MetadataEvent | EndEvent;

export interface SessionResult {
  readonly outgoing: readonly Uint8Array[];
  readonly events: readonly SessionEvent[];
}

/** One peer. No method throws: any fault of the peer becomes an `end` event with its reason. */
export interface RtmpSession {
  receive(bytes: Uint8Array, now: number): SessionResult;
  /** Ends the session if its deadline has passed. */
  tick(now: number): SessionResult;
  /** Responds to a publish request. */
  accept(now: number): SessionResult;
  reject(reason: RejectReason): SessionResult;
  /** Ends the session from this side. */
  /** `description`: replaces the standard text of the response to the peer. */
  close(reason: PublisherCloseReason, description?: string): SessionResult;
  readonly phase: Phase;
  /** When `tick` would end the session, in epoch milliseconds. */
  readonly deadline: number | undefined;
  /** Memory held by the session, in bytes: never more than the limit. */
  readonly bufferedBytes: number;
}
