/** The signs of life of a run so far. All times are steady time in milliseconds. */
export interface Vitals {
  readonly startedAt: number;
  /** When ffmpeg had opened the source and knew its streams. */
  readonly openedAt: number | undefined;
  /** When ffmpeg's reported position last advanced, and that position in seconds. */
  readonly progressAt: number | undefined;
  readonly positionSeconds?: number | undefined;
  /** When a frame of the source was last passed on to players, and the number of frames by then. */
  readonly videoAt?: number | undefined;
  readonly videoFrames?: number | undefined;
  /** When the last piece of a segment arrived. */
  readonly segmentAt: number | undefined;
  readonly frameAt: number | undefined;
  /** Number of segments completed since the last frame. */
  readonly segmentsSinceFrame: number;
}

export interface WatchdogLimits {
  /** How long opening the source may take; undefined: no limit. */
  readonly connectTimeoutMs: number | undefined;
  /** How long the source may take from then on until its first media. */
  readonly startTimeoutMs: number;
  readonly stallTimeoutMs: number;
  /** The minimum interval of frames. */
  readonly frameIntervalMs: number;
  /** False: only frames are made. */
  readonly expectsSegments: boolean;
}

/** Smaller steps are no progress: if timestamps do not advance, ffmpeg makes each one tick later than the previous one. */
const LEAST_MOVE_SECONDS = 0.1;
/** The signs of life after a progress report. Pure. */
export function afterProgress<Known extends Omit<Vitals, 'segmentAt'>>(
  vitals: Known,
  { outSeconds, frames }: { readonly outSeconds: number | undefined; readonly frames?: number | undefined },
  now: number,
): Known {
  const { positionSeconds = Number.NEGATIVE_INFINITY, videoFrames } = vitals;
  const hasMoved = outSeconds !== undefined && Math.abs(outSeconds - positionSeconds) >= LEAST_MOVE_SECONDS;
  const hasVideo = frames !== undefined && frames !== videoFrames;
  // If ffmpeg does not report its position, the arrival of frames must suffice.
  const isAlive = outSeconds === undefined && hasVideo && frames > 0;
  return {
    ...vitals,
    ...(hasMoved ? { progressAt: now, positionSeconds: outSeconds } : isAlive ? { progressAt: now } : {}),
    ...(hasVideo ? { videoAt: now, videoFrames: frames } : {}),
  };
}

/**
 * Returns a message about what has stalled, or undefined. Waits for the source to open, then for its first media; after that position,
 * segments and frames are watched separately. Frames only count as missing if there were some before, and if segments passed that must have
 * contained keyframes, because a camera may have a keyframe every half minute. Pure.
 */
export function findStall(vitals: Vitals, limits: WatchdogLimits, now: number): string | undefined {
  const { startedAt, openedAt, progressAt, videoAt, segmentAt, frameAt, segmentsSinceFrame } = vitals;
  if (progressAt === undefined && segmentAt === undefined && frameAt === undefined) {
    const { connectTimeoutMs = Number.POSITIVE_INFINITY } = limits;
    if (openedAt === undefined && now - startedAt > connectTimeoutMs) {
      return `The source could not be opened within ${seconds(connectTimeoutMs)}.`;
    }
    const since = openedAt ?? (limits.connectTimeoutMs === undefined ? now : startedAt);
    return now - since > limits.startTimeoutMs ? `The source sent no media for ${seconds(now - since)}.` : undefined;
  }
  const since = (at: number | undefined) => now - (at ?? startedAt);
  // ffmpeg reports twice per second, so the first sign of life may come before the first report.
  const movedAt = progressAt ?? segmentAt ?? frameAt;
  if (since(movedAt) > limits.stallTimeoutMs) return `The source stalled for ${seconds(since(movedAt))}.`;
  // Audio alone also advances the position, and produces pieces of a segment that never ends.
  if (limits.expectsSegments && videoAt !== undefined && since(videoAt) > limits.stallTimeoutMs) {
    return `The video stalled for ${seconds(since(videoAt))} while the audio continued.`;
  }
  if (limits.expectsSegments && since(segmentAt) > patienceForMedia(vitals, limits)) {
    return `No segment was produced for ${seconds(since(segmentAt))}.`;
  }
  const frameLimitMs = limits.stallTimeoutMs + limits.frameIntervalMs;
  if (frameAt !== undefined && segmentsSinceFrame >= 4 && since(frameAt) > frameLimitMs) {
    return `No frame for thumbnails arrived for ${seconds(since(frameAt))}.`;
  }
  return undefined;
}

/** How long media may be missing. It normally arrives continuously, several times per second. */
function patienceForMedia({ segmentAt }: Vitals, { stallTimeoutMs, startTimeoutMs }: WatchdogLimits): number {
  return stallTimeoutMs + (segmentAt === undefined ? startTimeoutMs : 0);
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
