import type { Writable } from 'node:stream';

/** Publishers as a stream sees them, whatever protocol they use. */

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

/** Why a publisher is rejected. `bad-key` also covers unknown streams, so that stream names cannot be probed. */
export type PublishRefusal = 'bad-key' | 'stream-busy' | 'unavailable';

export type PublishDecision =
  | {
      readonly accept: true;
      readonly stream: string;
      /** If the stream already has a publisher: reject the new publisher, or disconnect the old one. */
      readonly whenBusy: 'reject' | 'takeover';
    }
  | { readonly accept: false; readonly reason: PublishRefusal };

/** Why the node disconnects a publisher. `settings-unsuited`: the media conflicts with the stream's settings. */
export type PublisherCloseReason =
  | 'taken-over'
  | 'shutdown'
  | 'stopped'
  | 'source-unsupported'
  | 'picture-too-large'
  | 'settings-unsuited';

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

/** The container in which a publisher's media is written to ffmpeg. */
export type PublisherFormat = 'flv' | 'matroska';

/** An accepted publisher. */
export interface Publisher {
  readonly stream: string;
  readonly address: string;
  readonly secure: boolean;
  readonly encoder: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly format: PublisherFormat;
  /** `h264`, `aac`, … or FourCCs, once media of that kind has arrived. */
  readonly codecs: { readonly video?: string; readonly audio?: string };
  /**
   * Whether to keep the media since the newest keyframe, so that the next pipe starts with it instead of waiting for the next keyframe.
   * Off by default; memory is bounded.
   */
  retain(isWanted: boolean): void;
  /** Number of bytes received so far. */
  readonly receivedBytes: number;
  /**
   * Writes the media to `target` until the publisher ends or changes its codec configuration (then `target` is ended), the target closes or
   * fails, or the signal aborts. Never rejects. Before the first pipe the publisher's media is kept; between two pipes it is dropped, and
   * the next pipe starts with the configuration and a keyframe. Throws `internal` while another pipe is running.
   */
  pipe(target: Writable, options?: PipeOptions): Promise<PipeEnd>;
  /**
   * The video codec, as in `codecs`, as soon as the media reveals it. Undefined if the signal aborts first, the publisher ends, or so much
   * other media arrives that there seems to be no video. Never rejects.
   */
  videoCodec(signal: AbortSignal): Promise<string | undefined>;
  /** The audio codec, as in `codecs`, from the media or its announcement; undefined while neither reveals it. */
  readonly audioCodec: string | undefined;
  /** Why its frames exceed the size limit, if it was disconnected for that. */
  readonly tooLarge: string | undefined;
  /** It announced no audio, and none has arrived. */
  readonly isSilent: boolean;
  /** Asks the publisher for a keyframe, where its protocol can. */
  requestKeyframe?(): void;
  /** Resolves with the reason when the publisher has disconnected: a `PublisherCloseReason`, or one of its protocol. Never rejects. */
  readonly closed: Promise<string>;
  /** Disconnects the publisher. No effect if it has ended. `description`: replaces the standard text of the response. */
  close(reason?: PublisherCloseReason, description?: string): void;
}
