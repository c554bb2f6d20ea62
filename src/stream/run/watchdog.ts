/** What a run has shown so far. All times are steady time in milliseconds. */
export interface Vitals {
  readonly startedAt: number;
  /** When ffmpeg had opened the source and knew its streams. */
  readonly openedAt: number | undefined;
  /** When ffmpeg's reported position last moved on, and what it was then, in seconds. */
  readonly progressAt: number | undefined;
  readonly positionSeconds?: number | undefined;
  /** When a picture of the source was last passed on to players, and how many there were then. */
  readonly videoAt?: number | undefined;
  readonly videoFrames?: number | undefined;
  /** When the last piece of a segment came. */
  readonly segmentAt: number | undefined;
  readonly frameAt: number | undefined;
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

/** Less is no progress: where timestamps stand still, ffmpeg makes each a tick later than the one before. */
const LEAST_MOVE_SECONDS = 0.1;
/** What a run has shown, after a progress report. Pure. */
export function afterProgress<Known extends Omit<Vitals, 'segmentAt'>>(
  vitals: Known,
  { outSeconds, frames }: { readonly outSeconds: number | undefined; readonly frames?: number | undefined },
  now: number,
): Known {
  const { positionSeconds = Number.NEGATIVE_INFINITY, videoFrames } = vitals;
  const hasMoved = outSeconds !== undefined && Math.abs(outSeconds - positionSeconds) >= LEAST_MOVE_SECONDS;
  const hasVideo = frames !== undefined && frames !== videoFrames;
  // Where ffmpeg does not tell how far it is, that pictures come has to do.
  const isAlive = outSeconds === undefined && hasVideo && frames > 0;
  return {
    ...vitals,
    ...(hasMoved ? { progressAt: now, positionSeconds: outSeconds } : isAlive ? { progressAt: now } : {}),
    ...(hasVideo ? { videoAt: now, videoFrames: frames } : {}),
  };
}

/**
 * Says what is stalled, in words, or undefined. A source is waited for until it is open, then until it gives something; afterwards position,
 * segments and pictures are watched each for itself. Pictures are only missed where there were some, and where segments
 * went by that must have had keyframes: a camera's keyframe may come every half minute. Pure.
 */
export function findStall(vitals: Vitals, limits: WatchdogLimits, now: number): string | undefined {
  const { startedAt, openedAt, progressAt, videoAt, segmentAt, frameAt, segmentsSinceFrame } = vitals;
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
  // Sound alone moves the position too, and makes the piece of a segment that never ends.
  if (limits.expectsSegments && videoAt !== undefined && since(videoAt) > limits.stallTimeoutMs) {
    return `the video stood still for ${seconds(since(videoAt))}, while the sound went on`;
  }
  if (limits.expectsSegments && since(segmentAt) > patienceForMedia(vitals, limits)) {
    return `no segment came for ${seconds(since(segmentAt))}`;
  }
  const frameLimitMs = limits.stallTimeoutMs + limits.frameIntervalMs;
  if (frameAt !== undefined && segmentsSinceFrame >= 4 && since(frameAt) > frameLimitMs) {
    return `no picture came for ${seconds(since(frameAt))}`;
  }
  return undefined;
}

/** How long no media may come. It comes as it is made, several times a second. */
function patienceForMedia({ segmentAt }: Vitals, { stallTimeoutMs, startTimeoutMs }: WatchdogLimits): number {
  return stallTimeoutMs + (segmentAt === undefined ? startTimeoutMs : 0);
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
