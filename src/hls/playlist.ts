import { SidepipeError } from '../errors.js';

/** One media segment in a media playlist. */
export interface SegmentEntry {
  /** Relative to the playlist. */
  readonly uri: string;
  readonly durationSeconds: number;
  /** When the segment's first picture was taken: milliseconds since the epoch. */
  readonly programDateTime: number;
  /** Timestamps or encoding do not follow from the entry before. */
  readonly discontinuity: boolean;
  /** The initialization segment (fMP4), relative to the playlist. */
  readonly initUri?: string;
  /** The segment is missing and must not be fetched. */
  readonly gap?: boolean;
}

export interface MediaPlaylist {
  readonly targetDurationSeconds: number;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  /** No segment will ever follow. */
  readonly ended: boolean;
  readonly playlistType?: 'EVENT' | 'VOD';
  readonly entries: readonly SegmentEntry[];
}

/** One variant stream of a multivariant playlist. */
export interface VariantStream {
  readonly uri: string;
  /** Peak segment bit rate, bits a second. */
  readonly bandwidth: number;
  /** Average segment bit rate, bits a second. */
  readonly averageBandwidth?: number;
  /** RFC 6381, comma-separated. */
  readonly codecs?: string;
  readonly width?: number;
  readonly height?: number;
  /** Frames a second. */
  readonly frameRate?: number;
}

/** How far a derived date may be from the true one before the playlist states it again. */
const dateToleranceMs = 5;

/** The text of a media playlist. Throws `internal` for entries that no playlist can express. */
export function renderMediaPlaylist(playlist: MediaPlaylist): string {
  const lines = [
    '#EXTM3U',
    `#EXT-X-VERSION:${versionOf(playlist.entries)}`,
    // RFC 8216bis 4.4.2.1: all media samples in a Media Segment can be decoded without information from other segments.
    // ffmpeg's HLS muxer cuts at keyframes only.
    '#EXT-X-INDEPENDENT-SEGMENTS',
    `#EXT-X-TARGETDURATION:${playlist.targetDurationSeconds}`,
    `#EXT-X-MEDIA-SEQUENCE:${playlist.mediaSequence}`,
    // RFC 8216bis 4.4.3.3: it MUST appear before the first Media Segment and before any EXT-X-DISCONTINUITY tag.
    `#EXT-X-DISCONTINUITY-SEQUENCE:${playlist.discontinuitySequence}`,
  ];
  if (playlist.playlistType !== undefined) {
    lines.push(`#EXT-X-PLAYLIST-TYPE:${playlist.playlistType}`);
  }
  let initUri: string | undefined;
  // The date that a client derives for the next entry: the last stated one plus the durations since.
  let derivedDate: number | undefined;
  for (const entry of playlist.entries) {
    if (entry.discontinuity) {
      lines.push('#EXT-X-DISCONTINUITY');
    }
    // RFC 8216bis 4.4.4.5: an EXT-X-MAP applies to every Media Segment that appears after it until the next EXT-X-MAP
    // or the end of the Playlist. So there is no way back from one to none.
    if (entry.initUri !== initUri) {
      if (entry.initUri === undefined) {
        throw new SidepipeError(`Segment ${entry.uri} has no initialization segment but follows one that has.`, {
          code: 'internal',
          fault: 'node',
        });
      }
      lines.push(`#EXT-X-MAP:URI="${entry.initUri}"`);
      initUri = entry.initUri;
    }
    if (
      derivedDate === undefined ||
      entry.discontinuity ||
      Math.abs(entry.programDateTime - derivedDate) > dateToleranceMs
    ) {
      lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(Math.round(entry.programDateTime)).toISOString()}`);
      derivedDate = Math.round(entry.programDateTime);
    }
    if (entry.gap === true) {
      lines.push('#EXT-X-GAP');
    }
    lines.push(`#EXTINF:${entry.durationSeconds.toFixed(6)},`, entry.uri);
    derivedDate += entry.durationSeconds * 1000;
  }
  if (playlist.ended) {
    lines.push('#EXT-X-ENDLIST');
  }
  return `${lines.join('\n')}\n`;
}

/** The text of a multivariant playlist. */
export function renderMultivariantPlaylist(variants: readonly VariantStream[]): string {
  const lines = ['#EXTM3U', '#EXT-X-INDEPENDENT-SEGMENTS'];
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
 * for EXT-X-MAP without EXT-X-I-FRAMES-ONLY, 8 or higher for EXT-X-GAP.
 */
function versionOf(entries: readonly SegmentEntry[]): number {
  if (entries.some((entry) => entry.gap === true)) {
    return 8;
  }
  return entries.some((entry) => entry.initUri !== undefined) ? 6 : 3;
}
