import { isDate, isDuration } from './playlist.js';

/** A playlist's sequence numbers count up from one of these, and must stay exact. */
const MAX_SEQUENCE = 2 ** 52;

/** One segment of a playlist from another writer. */
interface ParsedEntry {
  readonly sequence: number;
  readonly uri: string;
  readonly durationSeconds: number;
  /** Stated, or derived from the last stated date; milliseconds since the epoch. */
  readonly programDateTime?: number;
  readonly discontinuity: boolean;
  readonly initUri?: string;
  readonly gap: boolean;
}

export interface ParsedPlaylist {
  readonly version: number;
  readonly targetDurationSeconds: number;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  readonly ended: boolean;
  /** The playlist declares that decoding can start with each segment. */
  readonly isIndependent: boolean;
  readonly playlistType?: 'EVENT' | 'VOD';
  readonly entries: readonly ParsedEntry[];
  /** Including those that are not entries because they have no usable duration. */
  readonly segments: number;
  /** A stated sequence number is unusable; 0 is used instead. */
  readonly hasBadNumber: boolean;
}

/** Tags that precede the URI of the next segment. */
interface Pending {
  durationSeconds: number | undefined;
  programDateTime: number | undefined;
  discontinuity: boolean;
  gap: boolean;
}

/**
 * Parses a media playlist as written by ffmpeg or this project. Undefined if it is not a playlist. Otherwise tolerant: skips unknown tags,
 * and segments without a usable duration, which still count in the numbering.
 */
export function parseMediaPlaylist(text: string): ParsedPlaylist | undefined {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  if (lines[0]?.trim() !== '#EXTM3U') {
    return undefined;
  }
  const header = {
    version: 1,
    targetDurationSeconds: 0,
    mediaSequence: 0,
    discontinuitySequence: 0,
    ended: false,
    isIndependent: false,
    hasBadNumber: false,
  };
  let playlistType: 'EVENT' | 'VOD' | undefined;
  const entries: ParsedEntry[] = [];
  let count = 0;
  let initUri: string | undefined;
  let nextDate: number | undefined;
  let pending = nothing();
  for (const raw of lines.slice(1)) {
    const line = raw.trim();
    if (line === '') {
      continue;
    }
    if (!line.startsWith('#')) {
      const date = pending.programDateTime ?? nextDate;
      if (pending.durationSeconds !== undefined) {
        entries.push({
          sequence: count,
          uri: line,
          durationSeconds: pending.durationSeconds,
          discontinuity: pending.discontinuity,
          gap: pending.gap,
          ...(date === undefined ? {} : { programDateTime: date }),
          ...(initUri === undefined ? {} : { initUri }),
        });
      }
      nextDate = dateAfter(date, pending.durationSeconds);
      count += 1;
      pending = nothing();
      continue;
    }
    const [tag, value] = splitTag(line);
    switch (tag) {
      case '#EXT-X-VERSION':
        header.version = wholeNumber(value) ?? header.version;
        break;
      case '#EXT-X-TARGETDURATION':
        header.targetDurationSeconds = wholeNumber(value) ?? header.targetDurationSeconds;
        break;
      case '#EXT-X-MEDIA-SEQUENCE':
        header.hasBadNumber ||= wholeNumber(value) === undefined;
        header.mediaSequence = wholeNumber(value) ?? header.mediaSequence;
        break;
      case '#EXT-X-DISCONTINUITY-SEQUENCE':
        header.hasBadNumber ||= wholeNumber(value) === undefined;
        header.discontinuitySequence = wholeNumber(value) ?? header.discontinuitySequence;
        break;
      case '#EXT-X-PLAYLIST-TYPE':
        playlistType = value === 'EVENT' || value === 'VOD' ? value : undefined;
        break;
      case '#EXT-X-ENDLIST':
        header.ended = true;
        break;
      case '#EXT-X-INDEPENDENT-SEGMENTS':
        header.isIndependent = true;
        break;
      case '#EXT-X-MAP':
        initUri = /(?:^|,)URI="([^"]*)"/.exec(value)?.[1] ?? initUri;
        break;
      case '#EXTINF':
        pending.durationSeconds = duration(value);
        break;
      case '#EXT-X-PROGRAM-DATE-TIME':
        pending.programDateTime = date(value);
        break;
      case '#EXT-X-DISCONTINUITY':
        pending.discontinuity = true;
        break;
      case '#EXT-X-GAP':
        pending.gap = true;
        break;
    }
  }
  return {
    ...header,
    ...(playlistType === undefined ? {} : { playlistType }),
    segments: count,
    // The number of the first segment may be stated after it, so the entries are numbered at the end.
    entries: entries.map((entry) => ({ ...entry, sequence: header.mediaSequence + entry.sequence })),
  };
}

function nothing(): Pending {
  return { durationSeconds: undefined, programDateTime: undefined, discontinuity: false, gap: false };
}

function splitTag(line: string): [string, string] {
  const colon = line.indexOf(':');
  return colon < 0 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1)];
}

function wholeNumber(text: string): number | undefined {
  const value = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  return value <= MAX_SEQUENCE ? value : undefined;
}

function duration(text: string): number | undefined {
  const value = /^\d+(?:\.\d+)?(?=,|$)/.exec(text.trim())?.[0];
  return value !== undefined && isDuration(Number(value)) ? Number(value) : undefined;
}

/** ffmpeg writes `+0000`; the extended format of ISO 8601, and `Date.parse`, use `+00:00`. */
function date(text: string): number | undefined {
  const value = Date.parse(text.trim().replace(/([+-]\d\d)(\d\d)$/, '$1:$2'));
  return isDate(value) ? value : undefined;
}

function dateAfter(date: number | undefined, durationSeconds = 0): number | undefined {
  const next = date === undefined ? Number.NaN : date + durationSeconds * 1000;
  return isDate(next) ? next : undefined;
}
