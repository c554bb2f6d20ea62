import type { SegmentEntry } from './playlist.js';

/** A media segment or initialization segment as it is served: complete, never changed under its name. */
export interface MediaFile {
  readonly body: Uint8Array;
  readonly contentType: string;
  /** Strong, with its quotes. */
  readonly etag: string;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
}

/** What the window keeps of a segment beside its bytes. */
export interface ListedSegment {
  readonly file: string;
  readonly initFile: string | undefined;
  readonly bytes: number;
  readonly durationSeconds: number;
  readonly programDateTime: number;
  readonly discontinuity: boolean;
  /** Of all playlists that listed the segment. */
  longestPlaylistSeconds: number;
  /** Infinite while it is listed. */
  fetchableUntilMs: number;
}

export function toEntry(segment: ListedSegment): SegmentEntry {
  const { file, initFile, durationSeconds, programDateTime, discontinuity } = segment;
  const entry = { uri: file, durationSeconds, programDateTime, discontinuity };
  return initFile === undefined ? entry : { ...entry, initUri: initFile };
}

export function bytesOf(segments: readonly ListedSegment[]): number {
  return segments.reduce((sum, segment) => sum + segment.bytes, 0);
}

export function secondsOf(segments: readonly ListedSegment[]): number {
  return segments.reduce((sum, segment) => sum + segment.durationSeconds, 0);
}

export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one === other || (one.byteLength === other.byteLength && one.every((byte, index) => byte === other[index]));
}
