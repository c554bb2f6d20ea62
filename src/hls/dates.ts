export interface DateClockOptions {
  /** How far media time and the clock may drift apart before the dates jump; seconds. */
  readonly maxDriftSeconds?: number;
}

export interface DatedSegment {
  /** When the segment was complete: milliseconds since the epoch. */
  readonly completedAtMs: number;
  readonly durationSeconds: number;
  /** First of an ffmpeg run, or after a hole: its date does not follow from the one before. */
  readonly discontinuity: boolean;
}

/**
 * Gives the segments of a live rendition their program dates. A segment is complete when its last picture has come, so
 * it began its duration earlier. Only the first one is dated so; the others follow by their durations, because their
 * completion times jitter and media time does not. Dates never overlap what was dated before.
 */
export function createDateClock(options: DateClockOptions = {}): (segment: DatedSegment) => number {
  const maxDriftMs = (options.maxDriftSeconds ?? 3) * 1000;
  let next: number | undefined;
  return (segment) => {
    const durationMs = segment.durationSeconds * 1000;
    const byClock = segment.completedAtMs - durationMs;
    const jumps = next === undefined || segment.discontinuity || Math.abs(byClock - next) > maxDriftMs;
    const date: number = jumps ? Math.max(byClock, next ?? byClock) : (next ?? byClock);
    next = date + durationMs;
    return date;
  };
}
