export type Container = 'mpegts' | 'fmp4';

export interface Session {
  /** Random, 8 hexadecimal digits: no cache ever takes one session's file for another's. */
  readonly id: string;
  readonly container: Container;
}

export interface WindowSegment {
  readonly sessionId: string;
  /** ffmpeg's number of the segment within the session. */
  readonly sequence: number;
  readonly body: Uint8Array;
  readonly durationSeconds: number;
  /** Milliseconds since the epoch. */
  readonly programDateTime: number;
  /** The initialization segment: needed for fMP4. */
  readonly init?: Uint8Array;
  /** Segments are missing between the one before and this one. */
  readonly discontinuity?: boolean;
}

export interface MediaWindowOptions {
  /** How many segments a playlist lists, unless the RFC's three target durations need more. */
  readonly windowSegments: number;
  /** The target duration begins here: the segment length that was asked for. */
  readonly segmentSeconds: number;
  /** Media sequence number of the first segment. */
  readonly mediaSequence?: number;
  readonly discontinuitySequence?: number;
  /** Bytes of all held segments; beyond it the oldest go early, listed or not, down to the newest. */
  readonly maxBytes?: number;
}

export interface RenderedPlaylist {
  readonly body: string;
  /** Strong, with its quotes. */
  readonly etag: string;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
}

export interface Appended {
  /** The segment's file name. */
  readonly file: string;
  /** The name of its initialization segment. */
  readonly initFile?: string;
  /** Names of files that went meanwhile. */
  readonly dropped: readonly string[];
}

export interface WindowCounters {
  /** Listed now. */
  readonly segments: number;
  readonly seconds: number;
  readonly listedBytes: number;
  /** Listed, and no longer listed but still fetchable. */
  readonly heldBytes: number;
  readonly heldSegments: number;
  /** Since the window was made. */
  readonly totalSegments: number;
  readonly totalBytes: number;
  readonly totalSeconds: number;
  /** Went before their time because of `maxBytes`. */
  readonly evicted: number;
}
