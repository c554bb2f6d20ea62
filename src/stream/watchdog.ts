/** What a run has shown so far. All times are epoch milliseconds. */
export interface Vitals {
  readonly startedAt: number;
  /** When ffmpeg had opened the source and knew its streams. */
  readonly openedAt: number | undefined;
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
  /** How long the source may take until it has been opened; undefined: for ever. */
  readonly connectTimeoutMs: number | undefined;
  /** How long it may take from then on until it gives anything. */
  readonly startTimeoutMs: number;
  readonly stallTimeoutMs: number;
  /** Pictures come no more often than this. */
  readonly frameIntervalMs: number;
  /** False: pictures alone are made. */
  readonly expectsSegments: boolean;
}

/**
 * Says what is stalled, in words, or undefined. A source is waited for until it is open, then until it gives something; afterwards position,
 * segments and pictures are watched each for itself. Pictures are only missed where there were some, and where segments
 * went by that must have had keyframes: a camera's keyframe may come every half minute. Pure.
 */
export function findStall(vitals: Vitals, limits: WatchdogLimits, now: number): string | undefined {
  const { startedAt, openedAt, progressAt, segmentAt, frameAt, longestSegmentMs, segmentsSinceFrame } = vitals;
  if (progressAt === undefined && segmentAt === undefined && frameAt === undefined) {
    const { connectTimeoutMs = Number.POSITIVE_INFINITY } = limits;
    if (openedAt === undefined && now - startedAt > connectTimeoutMs) {
      return `the source could not be opened within ${seconds(connectTimeoutMs)}`;
    }
    const since = openedAt ?? (limits.connectTimeoutMs === undefined ? now : startedAt);
    return now - since > limits.startTimeoutMs ? `nothing came for ${seconds(now - since)}` : undefined;
  }
  const since = (at: number | undefined) => now - (at ?? startedAt);
  // ffmpeg reports twice a second, so the first sign of life may come before the first report.
  const movedAt = progressAt ?? segmentAt ?? frameAt;
  if (since(movedAt) > limits.stallTimeoutMs) return `the source stood still for ${seconds(since(movedAt))}`;
  // fMP4 segments come in one piece when they close, and the first may take as long as the camera's keyframe interval.
  const patience = limits.stallTimeoutMs + 3 * longestSegmentMs + (segmentAt === undefined ? limits.startTimeoutMs : 0);
  if (limits.expectsSegments && since(segmentAt) > patience) {
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
