import type { CodedUnit } from './coded-bytes.js';

/** A partial segment: complete access units, which can be appended to the earlier parts of the same segment. */
export interface CutPart {
  readonly bytes: Uint8Array;
  readonly durationSeconds: number;
  /** Presentation time of its first access unit, on the source's timeline. */
  readonly startSeconds: number;
  /** The maximum duration of a part in seconds, unless a single frame lasts longer. */
  readonly partTargetSeconds: number;
  /** Number of access units of the track that determines the cuts. */
  readonly frames: number;
  /** Those access units, in order. */
  readonly units: readonly CodedUnit[];
  /** Presentation times of the keyframes among them, on the source's timeline. */
  readonly keyframeSeconds: readonly number[];
  /** Whether decoding can start with its first access unit, without earlier media. */
  readonly isIndependent: boolean;
  /** Whether a segment starts with it. */
  readonly startsSegment: boolean;
  /**
   * Whether it is known to be its segment's last part, as each part that is shorter than others is: the segment is then complete. If
   * false, the next part decides.
   */
  readonly endsSegment: boolean;
  /** Whether timestamps or encoding are not continuous with the previous part. */
  readonly isDiscontinuity: boolean;
  /** Whether it contains any track besides the one that determines the cuts: audio besides video. */
  readonly hasAudio: boolean;
  /** The initialization segment that it needs; the same object until another one is needed. Undefined for MPEG-TS. */
  readonly init: Uint8Array | undefined;
}

/** Cuts the continuous output of one rendition into parts and segments. */
export interface Cutter {
  /**
   * Takes the next bytes; returns the parts that are complete. `atMs`: their arrival time, in milliseconds of any clock, which
   * distinguishes a timestamp jump from a pause. Throws `source-not-media` on data that cannot be parsed.
   */
  push(bytes: Uint8Array, atMs?: number): CutPart[];
  /** No more bytes will come; returns the remaining parts. */
  end(): CutPart[];
}
