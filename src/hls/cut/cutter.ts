import type { CodedUnit } from './coded-bytes.js';

/** A partial segment: whole access units, which can be joined to the parts before it in the same segment. */
export interface CutPart {
  readonly bytes: Uint8Array;
  readonly durationSeconds: number;
  /** Presentation time of its first access unit, on the source's timeline. */
  readonly startSeconds: number;
  /** The longest that a part gets unless a single frame lasts longer; seconds. */
  readonly partTargetSeconds: number;
  /** Access units of the track that decides where to cut. */
  readonly frames: number;
  /** The same ones, in order. */
  readonly units: readonly CodedUnit[];
  /** Presentation times of those that are keyframes, on the source's timeline. */
  readonly keyframeSeconds: readonly number[];
  /** Whether decoding can start with its first access unit, with nothing from before. */
  readonly isIndependent: boolean;
  /** Whether a segment starts with it. */
  readonly startsSegment: boolean;
  /**
   * Whether it is known to be its segment's last, as it is of each part that is shorter than others: then the segment is complete
   * with it. False where the next part tells.
   */
  readonly endsSegment: boolean;
  /** Whether timestamps or encoding do not follow from the part before. */
  readonly isDiscontinuity: boolean;
  /** Whether there is anything in it of a track other than the one that decides where to cut: audio beside video. */
  readonly hasAudio: boolean;
  /** The initialization segment that it needs; the same object until another is needed. Undefined for MPEG-TS. */
  readonly init: Uint8Array | undefined;
}

/** Cuts the continuous output of one rendition into parts and segments. */
export interface Cutter {
  /**
   * Takes the next bytes; returns the parts that are complete. `atMs`: when they came, in milliseconds of any clock, which tells a jump
   * of the timestamps from a pause. Throws `source-not-media` on what cannot be read.
   */
  push(bytes: Uint8Array, atMs?: number): CutPart[];
  /** No more bytes will come; returns what is left. */
  end(): CutPart[];
}
