/** What a run has shown so far. All times are epoch milliseconds. */
export interface Vitals {
  readonly startedAt: number;
  /** When ffmpeg's reported position last moved on. */
  readonly progressAt: number | undefined;
  /** When the last piece of a segment came. */
  readonly segmentAt: number | undefined;
  readonly frameAt: number | undefined;
  /** The longest segment so far, or what was asked for. */
  readonly longestSegmentMs: number;
  /** Segments completed since the last picture. */
  readonly segmentsSinceFrame: number;
}

export interface WatchdogLimits {
  readonly startTimeoutMs: number;
  readonly stallTimeoutMs: number;
  /** Pictures come no more often than this. */
  readonly frameIntervalMs: number;
}

/**
 * Says what is stalled, in words, or undefined. A source that sends nothing is waited for `startTimeoutMs`; afterwards position,
 * segments and pictures are watched each for itself. Pictures are only missed where there were some, and where segments
 * went by that must have had keyframes: a camera's keyframe may come every half minute. Pure.
 */
export function findStall(vitals: Vitals, limits: WatchdogLimits, now: number): string | undefined {
  const { startedAt, progressAt, segmentAt, frameAt, longestSegmentMs, segmentsSinceFrame } = vitals;
  if (progressAt === undefined && segmentAt === undefined && frameAt === undefined) {
    return now - startedAt > limits.startTimeoutMs ? `nothing came for ${seconds(now - startedAt)}` : undefined;
  }
  const since = (at: number | undefined) => now - (at ?? startedAt);
  // ffmpeg reports twice a second, so the first sign of life may come before the first report.
  const movedAt = progressAt ?? segmentAt ?? frameAt;
  if (since(movedAt) > limits.stallTimeoutMs) return `the source stood still for ${seconds(since(movedAt))}`;
  // fMP4 segments come in one piece when they close, and the first may take as long as the camera's keyframe interval.
  const patience = limits.stallTimeoutMs + 3 * longestSegmentMs + (segmentAt === undefined ? limits.startTimeoutMs : 0);
  if (since(segmentAt) > patience) {
    return `no segment came for ${seconds(since(segmentAt))}`;
  }
  const frameLimitMs = limits.stallTimeoutMs + limits.frameIntervalMs;
  if (frameAt !== undefined && segmentsSinceFrame >= 4 && since(frameAt) > frameLimitMs) {
    return `no picture came for ${seconds(since(frameAt))}`;
  }
  return undefined;
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
