import { SidepipeError } from '../errors.js';

/** One partial segment in a media playlist. */
export interface PartEntry {
  /** Relative to the playlist. */
  readonly uri: string;
  readonly durationSeconds: number;
  /** Decoding can start with it. */
  readonly isIndependent: boolean;
}

/** The open segment, whose parts are still being produced. */
export interface OpenSegmentEntry {
  /** Capture time of its first frame, in milliseconds since the epoch. */
  readonly programDateTime: number;
  /** The same moment on a monotonic clock, in milliseconds; not part of the playlist. */
  readonly startedAt?: number;
  readonly discontinuity: boolean;
  readonly initUri?: string;
  /** Decoding can start with it, without earlier media. Default: true. */
  readonly isIndependent?: boolean;
  readonly parts: readonly PartEntry[];
}

/** The position of another rendition of the stream. */
export interface RenditionReport {
  /** Relative to the playlist. */
  readonly uri: string;
  readonly lastMediaSequence: number;
  readonly lastPart: number;
}

/** The additional content of a low-latency playlist. */
export interface LowLatency {
  readonly partTargetSeconds: number;
  readonly openSegment: OpenSegmentEntry | undefined;
  /** The next part, relative to the playlist. */
  readonly nextPartUri: string | undefined;
  readonly reports: readonly RenditionReport[];
}

/** One media segment in a media playlist. */
export interface SegmentEntry {
  /** Relative to the playlist. */
  readonly uri: string;
  readonly durationSeconds: number;
  /** Capture time of the segment's first frame, in milliseconds since the epoch. */
  readonly programDateTime: number;
  /** The same moment on a monotonic clock, in milliseconds; not part of the playlist. */
  readonly startedAt?: number;
  /** Timestamps or encoding are not continuous with the previous entry. */
  readonly discontinuity: boolean;
  /** The initialization segment (fMP4), relative to the playlist. */
  readonly initUri?: string;
  /** The segment is missing and must not be fetched. */
  readonly gap?: boolean;
  /** Decoding can start with it, without earlier media. Default: true. */
  readonly isIndependent?: boolean;
  /** Its parts, while low-latency players still need them. */
  readonly parts?: readonly PartEntry[];
}

export interface MediaPlaylist {
  readonly targetDurationSeconds: number;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  /** No further segment will follow. */
  readonly ended: boolean;
  readonly playlistType?: 'EVENT' | 'VOD';
  readonly entries: readonly SegmentEntry[];
  readonly lowLatency?: LowLatency;
}

/** One variant stream of a multivariant playlist. */
export interface VariantStream {
  readonly uri: string;
  /** Peak segment bitrate, bits per second. */
  readonly bandwidth: number;
  /** Average segment bitrate, bits per second. */
  readonly averageBandwidth?: number;
  /** RFC 6381, comma-separated. */
  readonly codecs?: string;
  readonly width?: number;
  readonly height?: number;
  /** Frames per second. */
  readonly frameRate?: number;
}

/** No segment is longer, regardless of its writer. */
const MAX_SEGMENT_SECONDS = 86_400;
/** The end of the year 9999: a later date plus the following durations would exceed the range of dates. */
const MAX_DATE_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Whether a playlist can express this duration of a segment. Pure. */
export function isDuration(seconds: number): boolean {
  return seconds >= 0 && seconds <= MAX_SEGMENT_SECONDS;
}

/** Whether a playlist can express this date of a segment. Pure. */
export function isDate(epochMs: number): boolean {
  return epochMs >= 0 && epochMs <= MAX_DATE_MS;
}

/** How far a derived date may differ from the true one before the playlist states it again. */
const dateToleranceMs = 5;

/**
 * RFC 8216bis 4.4.3.8: the Skip Boundary MUST be at least six times the Target Duration, PART-HOLD-BACK at least twice and SHOULD
 * be at least three times the Part Target Duration. Four: with three, players stall on a busy machine or network.
 */
const skipBoundaryTargets = 6;
const holdBackParts = 4;

/** The text of a media playlist. Throws `internal` for entries that no playlist can express. */
export function renderMediaPlaylist(playlist: MediaPlaylist): string {
  return renderFrom(playlist, 0);
}

/**
 * The same without the segments that a client with a delta update request (`_HLS_skip=YES`) already knows. The whole playlist if nothing
 * can be skipped.
 */
export function renderDeltaUpdate(playlist: MediaPlaylist): string {
  // RFC 8216bis 6.2.5.1: it replaces all Media Segments that are further from the end than the Skip Boundary.
  let left = skipBoundaryTargets * playlist.targetDurationSeconds;
  left -= partsSeconds(playlist.lowLatency?.openSegment?.parts ?? []);
  let first = playlist.entries.length;
  // Sums of durations are not exact.
  while (first > 0 && left > 0.001) {
    first -= 1;
    left -= playlist.entries[first]!.durationSeconds;
  }
  return renderFrom(playlist, first);
}

function renderFrom(playlist: MediaPlaylist, first: number): string {
  const { lowLatency, entries, targetDurationSeconds } = playlist;
  const lines = ['#EXTM3U', `#EXT-X-VERSION:${first > 0 ? 9 : versionOf(entries, lowLatency)}`];
  // RFC 8216bis 4.4.2.1: all media samples in a Media Segment can be decoded without information from other segments.
  // That includes the open segment, whose parts are listed.
  const all = [...entries, ...(lowLatency?.openSegment === undefined ? [] : [lowLatency.openSegment])];
  if (all.every(({ isIndependent }) => isIndependent !== false)) lines.push('#EXT-X-INDEPENDENT-SEGMENTS');
  lines.push(`#EXT-X-TARGETDURATION:${targetDurationSeconds}`);
  if (lowLatency !== undefined) lines.push(...lowLatencyHeader(lowLatency, targetDurationSeconds));
  // RFC 8216bis 4.4.3.3: the discontinuity sequence MUST appear before the first Media Segment and before any EXT-X-DISCONTINUITY tag.
  lines.push(`#EXT-X-MEDIA-SEQUENCE:${playlist.mediaSequence}`);
  lines.push(`#EXT-X-DISCONTINUITY-SEQUENCE:${playlist.discontinuitySequence}`);
  if (playlist.playlistType !== undefined) lines.push(`#EXT-X-PLAYLIST-TYPE:${playlist.playlistType}`);
  if (first > 0) lines.push(`#EXT-X-SKIP:SKIPPED-SEGMENTS=${first}`);
  const writer = new EntryWriter(lines, lowLatency !== undefined);
  for (const entry of entries.slice(first)) {
    writer.start(entry);
    writer.parts(entry.parts ?? []);
    if (entry.gap === true) lines.push('#EXT-X-GAP');
    lines.push(`#EXTINF:${entry.durationSeconds.toFixed(6)},`, entry.uri);
    writer.end(entry.durationSeconds);
  }
  if (playlist.ended) {
    lines.push('#EXT-X-ENDLIST');
  } else if (lowLatency !== undefined) {
    if (lowLatency.openSegment !== undefined) {
      writer.start(lowLatency.openSegment);
      writer.parts(lowLatency.openSegment.parts);
    }
    if (lowLatency.nextPartUri !== undefined) {
      lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${lowLatency.nextPartUri}"`);
    }
    for (const { uri, lastMediaSequence, lastPart } of lowLatency.reports) {
      lines.push(`#EXT-X-RENDITION-REPORT:URI="${uri}",LAST-MSN=${lastMediaSequence},LAST-PART=${lastPart}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function lowLatencyHeader({ partTargetSeconds }: LowLatency, targetDurationSeconds: number): string[] {
  const control = [
    'CAN-BLOCK-RELOAD=YES',
    `PART-HOLD-BACK=${(holdBackParts * partTargetSeconds).toFixed(3)}`,
    `CAN-SKIP-UNTIL=${(skipBoundaryTargets * targetDurationSeconds).toFixed(1)}`,
  ];
  return [`#EXT-X-SERVER-CONTROL:${control.join(',')}`, `#EXT-X-PART-INF:PART-TARGET=${partTargetSeconds.toFixed(3)}`];
}

/** Writes the tags before a segment's URI, and keeps the state that carries over from segment to segment. */
class EntryWriter {
  readonly #lines: string[];
  readonly #statesEveryDate: boolean;
  #initUri: string | undefined;
  /** The date that a client derives for the next entry: the last stated one plus the durations since. */
  #derivedDate: number | undefined;

  constructor(lines: string[], statesEveryDate: boolean) {
    this.#lines = lines;
    this.#statesEveryDate = statesEveryDate;
  }

  start(entry: Pick<OpenSegmentEntry, 'discontinuity' | 'programDateTime' | 'initUri'>): void {
    const { discontinuity, programDateTime, initUri } = entry;
    if (discontinuity) this.#lines.push('#EXT-X-DISCONTINUITY');
    // RFC 8216bis 4.4.4.5: an EXT-X-MAP applies to every Media Segment that appears after it until the next EXT-X-MAP
    // or the end of the Playlist. So a playlist cannot go back to segments without one.
    if (initUri !== this.#initUri) {
      if (initUri === undefined) {
        throw new SidepipeError('A segment without an initialization segment follows one that has one.', {
          code: 'internal',
          fault: 'node',
        });
      }
      this.#lines.push(`#EXT-X-MAP:URI="${initUri}"`);
      this.#initUri = initUri;
    }
    const derived = this.#derivedDate;
    const isOff = derived === undefined || Math.abs(programDateTime - derived) > dateToleranceMs;
    if (isOff || discontinuity || this.#statesEveryDate) {
      this.#lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(Math.round(programDateTime)).toISOString()}`);
      this.#derivedDate = Math.round(programDateTime);
    }
  }

  parts(parts: readonly PartEntry[]): void {
    for (const { uri, durationSeconds, isIndependent } of parts) {
      const independent = isIndependent ? ',INDEPENDENT=YES' : '';
      this.#lines.push(`#EXT-X-PART:DURATION=${durationSeconds.toFixed(5)},URI="${uri}"${independent}`);
    }
  }

  end(durationSeconds: number): void {
    this.#derivedDate = (this.#derivedDate ?? 0) + durationSeconds * 1000;
  }
}

function partsSeconds(parts: readonly PartEntry[]): number {
  return parts.reduce((seconds, { durationSeconds }) => seconds + durationSeconds, 0);
}

/** The text of a multivariant playlist. `isIndependent`: each segment of each variant can be decoded independently. */
export function renderMultivariantPlaylist(variants: readonly VariantStream[], isIndependent = true): string {
  const lines = ['#EXTM3U'];
  if (isIndependent) lines.push('#EXT-X-INDEPENDENT-SEGMENTS');
  for (const variant of variants) {
    lines.push(`#EXT-X-STREAM-INF:${variantAttributes(variant).join(',')}`, variant.uri);
  }
  return `${lines.join('\n')}\n`;
}

function variantAttributes(variant: VariantStream): string[] {
  // RFC 8216bis 4.4.6.2: every EXT-X-STREAM-INF tag MUST include the BANDWIDTH attribute, a decimal-integer.
  const attributes = [`BANDWIDTH=${Math.max(1, Math.ceil(variant.bandwidth))}`];
  if (variant.averageBandwidth !== undefined) {
    attributes.push(`AVERAGE-BANDWIDTH=${Math.max(1, Math.ceil(variant.averageBandwidth))}`);
  }
  if (variant.codecs !== undefined && variant.codecs !== '') {
    attributes.push(`CODECS="${variant.codecs}"`);
  }
  if (variant.width !== undefined && variant.height !== undefined) {
    attributes.push(`RESOLUTION=${Math.round(variant.width)}x${Math.round(variant.height)}`);
  }
  if (variant.frameRate !== undefined) {
    // RFC 8216bis 4.4.6.2: the maximum frame rate, rounded to three decimal places.
    attributes.push(`FRAME-RATE=${variant.frameRate.toFixed(3)}`);
  }
  return attributes;
}

/**
 * RFC 8216bis 8: a Media Playlist MUST indicate version 3 or higher for floating-point EXTINF durations, 6 or higher
 * for EXT-X-MAP without EXT-X-I-FRAMES-ONLY, 8 or higher for EXT-X-GAP, 9 or higher for EXT-X-SKIP.
 */
function versionOf(entries: readonly SegmentEntry[], lowLatency: LowLatency | undefined): number {
  if (entries.some((entry) => entry.gap === true)) return 8;
  const hasMap = [...entries, lowLatency?.openSegment].some((entry) => entry?.initUri !== undefined);
  return hasMap ? 6 : 3;
}
