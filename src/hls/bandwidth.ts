/** The size and duration of a segment. */
export interface SegmentSize {
  readonly bytes: number;
  readonly durationSeconds: number;
}

export interface Bandwidth {
  /** Bits per second. */
  readonly peak: number;
  /** Bits per second. */
  readonly average: number;
}

/** Peak and average bitrate of a media playlist by the RFC's definitions; undefined without segments. */
export function measureBandwidth(
  segments: readonly SegmentSize[],
  targetDurationSeconds: number,
): Bandwidth | undefined {
  // RFC 8216bis 4.1: the average segment bit rate is the sum of the sizes (in bits) of every Media Segment in the
  // Media Playlist, divided by the Media Playlist duration.
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  const durationSeconds = segments.reduce((sum, segment) => sum + segment.durationSeconds, 0);
  if (durationSeconds <= 0) {
    return undefined;
  }
  const average = (bytes * 8) / durationSeconds;
  return { average, peak: Math.max(average, peakBitRate(segments, targetDurationSeconds)) };
}

/**
 * RFC 8216bis 4.1: the peak segment bit rate is the largest bit rate of any contiguous set of segments whose total
 * duration is between 0.5 and 1.5 times the target duration. 0 when there is no such set.
 */
function peakBitRate(segments: readonly SegmentSize[], targetDurationSeconds: number): number {
  let peak = 0;
  for (let first = 0; first < segments.length; first += 1) {
    let bytes = 0;
    let durationSeconds = 0;
    for (const segment of segments.slice(first)) {
      bytes += segment.bytes;
      durationSeconds += segment.durationSeconds;
      if (durationSeconds > 1.5 * targetDurationSeconds) {
        break;
      }
      if (durationSeconds >= 0.5 * targetDurationSeconds) {
        peak = Math.max(peak, (bytes * 8) / durationSeconds);
      }
    }
  }
  return peak;
}
