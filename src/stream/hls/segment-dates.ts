/** A date may drift this far from what the timestamps before it say until it is stated again. */
const DATE_DRIFT_MS = 500;
/** By so much a date may come before the end of the segment before it: less than players notice. */
const DATE_SLEW_MS = 20;
/** Further back a new run's own time is believed: its source's timestamps are others. */
const MAX_OVERLAP_MS = 15_000;
/** Media that seems to have come later than that after it was taken has a wrong timestamp. */
const MAX_DELAY_MS = 10_000;

/** Where a segment starts. */
export interface DatedStart {
  /** Presentation time of its first access unit, on the source's timeline. */
  readonly startSeconds: number;
  /** When its first part was complete, and how long that part is: steady time in milliseconds, seconds. */
  readonly completedAtMs: number;
  readonly partSeconds: number;
  readonly discontinuity: boolean;
}

/** What a date depends on beside the segment itself. */
export interface DateContext {
  /** Steady time by the source's clock; undefined while it knows nothing. */
  readonly timeOf: (seconds: number) => number | undefined;
  /** Where the segment before ends: steady time. */
  readonly endsAt: number | undefined;
  /** How far the system's clock is ahead of steady time. */
  readonly offsetMs: number;
  /** How long the playlist is. */
  readonly listedMs: number;
}

export interface SegmentDate {
  /** When its first picture was taken: steady time in milliseconds. */
  readonly startedAt: number;
  /** The same as a date: milliseconds since the epoch. */
  readonly programDateTime: number;
  /** The system's clock was set, so the date does not follow from the segment before. */
  readonly hasJumped: boolean;
}

/** The dates of a stream's segments: by the source's clock at first, then by the source's timestamps since. Pure. */
export class SegmentDates {
  /** A segment's start and its time. */
  #anchor: { readonly startSeconds: number; readonly at: number } | undefined;
  /** How far dates are ahead of steady time. */
  #offsetMs: number | undefined;

  /** A new ffmpeg run starts. */
  begin(): void {
    this.#anchor = undefined;
  }

  /** When a segment's first picture was taken. */
  dateOf(start: DatedStart, { timeOf, endsAt, offsetMs, listedMs }: DateContext): SegmentDate {
    const { startSeconds, completedAtMs, partSeconds, discontinuity } = start;
    const arrived = completedAtMs - partSeconds * 1000;
    const clocked = timeOf(startSeconds) ?? arrived;
    // It cannot have come before it was taken: behind a jump forward the clock has not followed yet.
    const told = discontinuity ? Math.min(clocked, arrived) : clocked;
    // Where the timestamps lie: it cannot have been taken so long before it came.
    const measured = told < arrived - MAX_DELAY_MS ? arrived : told;
    const expected = discontinuity ? undefined : this.#expected(startSeconds, endsAt);
    const startedAt = Math.round(expected === undefined ? notBefore(endsAt, measured) : steered(expected, measured));
    this.#anchor = { startSeconds, at: startedAt };
    const before = this.#offsetMs ?? offsetMs;
    const now = followed(before, offsetMs, listedMs);
    this.#offsetMs = now;
    return {
      startedAt,
      programDateTime: Math.round(startedAt + now),
      hasJumped: Math.abs(now - before) > DATE_SLEW_MS,
    };
  }

  /**
   * Where a segment starts that follows in the same run: not before the end of the one before it, whose duration counts decoding times. For the
   * first pictures of a camera some versions of ffmpeg guess these too early.
   */
  #expected(startSeconds: number, endsAt: number | undefined): number | undefined {
    if (this.#anchor === undefined) return undefined;
    const at = this.#anchor.at + (startSeconds - this.#anchor.startSeconds) * 1000;
    return endsAt === undefined || endsAt - at > MAX_OVERLAP_MS ? at : Math.max(at, endsAt);
  }
}

/** Times must not overlap, unless they are of another timeline. */
function notBefore(endsAt: number | undefined, measured: number): number {
  const overlapMs = (endsAt ?? measured) - measured;
  return overlapMs > 0 && overlapMs < MAX_OVERLAP_MS ? measured + overlapMs : measured;
}

/**
 * The time of a segment that should start at `expected` and by the clock starts at `measured`: as expected, until the clock is
 * far off; then at once forward, but backward only in steps, because dates must not overlap.
 */
function steered(expected: number, measured: number): number {
  if (Math.abs(measured - expected) < DATE_DRIFT_MS) return expected;
  return measured > expected ? measured : expected - DATE_SLEW_MS;
}

/**
 * How far dates are ahead of steady time, when the system's clock is ahead by `offsetMs`. Drift is followed in steps that players do not
 * notice, a clock that was set at once. A clock that was set back by less than what is listed is followed in such steps, too: players
 * find segments by their dates, so two must not have the same.
 */
function followed(before: number, offsetMs: number, listedMs: number): number {
  const differenceMs = offsetMs - before;
  const isDrift = Math.abs(differenceMs) < DATE_DRIFT_MS;
  const overlaps = differenceMs < 0 && differenceMs > -listedMs;
  if (!isDrift && !overlaps) return offsetMs;
  return before + Math.max(-DATE_SLEW_MS, Math.min(DATE_SLEW_MS, differenceMs));
}
