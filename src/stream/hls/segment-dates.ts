/** How far a date may drift from the one derived from earlier timestamps before it is stated again. */
const DATE_DRIFT_MS = 500;
/** How far a date may precede the end of the previous segment: less than players notice. */
const DATE_SLEW_MS = 20;
/** Further back, a new run's own time is used, because its source has other timestamps. */
const MAX_OVERLAP_MS = 15_000;
/** Media that seems to arrive later than this after its capture has a wrong timestamp. */
const MAX_DELAY_MS = 10_000;

/** The start of a segment. */
export interface DatedStart {
  /** Presentation time of its first access unit, on the source's timeline. */
  readonly startSeconds: number;
  /** When its first part was complete (steady time in milliseconds), and the duration of that part in seconds. */
  readonly completedAtMs: number;
  readonly partSeconds: number;
  readonly discontinuity: boolean;
}

/** What a date depends on besides the segment itself. */
export interface DateContext {
  /** Steady time according to the source's clock; undefined while it has no observation. */
  readonly timeOf: (seconds: number) => number | undefined;
  /** The end of the previous segment: steady time. */
  readonly endsAt: number | undefined;
  /** How far the system clock is ahead of steady time. */
  readonly offsetMs: number;
  /** The duration of the playlist. */
  readonly listedMs: number;
}

export interface SegmentDate {
  /** Capture time of its first frame: steady time in milliseconds. */
  readonly startedAt: number;
  /** The same as a date: milliseconds since the epoch. */
  readonly programDateTime: number;
  /** The system clock was set, so the date is not continuous with the previous segment. */
  readonly hasJumped: boolean;
}

/** The dates of a stream's segments: initially by the source's clock, then by the source's timestamps. Pure. */
export class SegmentDates {
  /** A segment's start and its time. */
  #anchor: { readonly startSeconds: number; readonly at: number } | undefined;
  /** How far dates are ahead of steady time. */
  #offsetMs: number | undefined;

  /** A new ffmpeg run starts. */
  begin(): void {
    this.#anchor = undefined;
  }

  /** The capture time of a segment's first frame. */
  dateOf(start: DatedStart, { timeOf, endsAt, offsetMs, listedMs }: DateContext): SegmentDate {
    const { startSeconds, completedAtMs, partSeconds, discontinuity } = start;
    const arrived = completedAtMs - partSeconds * 1000;
    const clocked = timeOf(startSeconds) ?? arrived;
    // It cannot have arrived before its capture: after a jump forward the clock has not followed yet.
    const told = discontinuity ? Math.min(clocked, arrived) : clocked;
    // If the timestamps are wrong: it cannot have been captured so long before it arrived.
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
   * The start of the next segment in the same run: not before the end of the previous one, whose duration counts decoding times. For the
   * first frames of a camera some ffmpeg versions guess these too early.
   */
  #expected(startSeconds: number, endsAt: number | undefined): number | undefined {
    if (this.#anchor === undefined) return undefined;
    const at = this.#anchor.at + (startSeconds - this.#anchor.startSeconds) * 1000;
    return endsAt === undefined || endsAt - at > MAX_OVERLAP_MS ? at : Math.max(at, endsAt);
  }
}

/** Times must not overlap, unless they belong to another timeline. */
function notBefore(endsAt: number | undefined, measured: number): number {
  const overlapMs = (endsAt ?? measured) - measured;
  return overlapMs > 0 && overlapMs < MAX_OVERLAP_MS ? measured + overlapMs : measured;
}

/**
 * The time of a segment that should start at `expected` and starts at `measured` according to the clock: the expected one, until the clock
 * is far off; then it follows at once forward, but backward only in steps, because dates must not overlap.
 */
function steered(expected: number, measured: number): number {
  if (Math.abs(measured - expected) < DATE_DRIFT_MS) return expected;
  return measured > expected ? measured : expected - DATE_SLEW_MS;
}

/**
 * How far dates are ahead of steady time if the system clock is ahead by `offsetMs`. Drift is followed in steps that players do not notice,
 * a clock that was set at once. A clock that was set back by less than the listed duration is also followed in steps, because players find
 * segments by their dates, so two must not have the same date.
 */
function followed(before: number, offsetMs: number, listedMs: number): number {
  const differenceMs = offsetMs - before;
  const isDrift = Math.abs(differenceMs) < DATE_DRIFT_MS;
  const overlaps = differenceMs < 0 && differenceMs > -listedMs;
  if (!isDrift && !overlaps) return offsetMs;
  return before + Math.max(-DATE_SLEW_MS, Math.min(DATE_SLEW_MS, differenceMs));
}
