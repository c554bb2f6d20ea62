import type { SourceClock } from '../frames/clock.js';
import type { ReadySegment } from '../hls/assembler.js';

/** A date may drift this far from what the durations before it say until it is told anew. */
const DATE_DRIFT_MS = 500;
/** By so much a date may come before the end of the segment before it: less than players notice. */
const DATE_SLEW_MS = 20;
/** Further back a new beginning is believed: the clock was set. */
const MAX_OVERLAP_MS = 15_000;
/** A segment that seems to have come later than that after its end began later than it seems. */
const MOST_DELAY_MS = 10_000;

/** The dates of one rendition's segments: by the source's clock at first, then by the durations since. Pure. */
export class SegmentDates {
  /** Where the next segment begins on the source's timeline, in seconds. */
  #positionSeconds = 0;
  #nextSequence = 0;
  #nextDate: number | undefined;
  /** Where the newest segment ends, over all runs. */
  #endDate = 0;

  /** A new ffmpeg run begins. */
  begin(): void {
    this.#positionSeconds = 0;
    this.#nextSequence = 0;
    this.#nextDate = undefined;
  }

  /** The run's first segment began so late. */
  beganLate(seconds: number): void {
    this.#positionSeconds += seconds;
  }

  /** The date of a segment's first picture, in milliseconds since the epoch. */
  dateOf(segment: ReadySegment, clock: SourceClock): number {
    const { sequence, durationSeconds, completedAtMs } = segment;
    // Segments that were lost took their time too: about as much as this one.
    this.#positionSeconds += (sequence - this.#nextSequence) * durationSeconds;
    this.#nextSequence = sequence + 1;
    const measured = clock.wallTimeOf(this.#positionSeconds) ?? completedAtMs - durationSeconds * 1000;
    const expected = segment.discontinuity ? undefined : this.#nextDate;
    // Where the timestamps lied, the last segment may seem to last longer than it did: dates must not overlap.
    const earliest = completedAtMs - durationSeconds * 1000 - MOST_DELAY_MS;
    const begun = measured < earliest ? earliest + MOST_DELAY_MS : measured;
    const overlapMs = this.#endDate - begun;
    const first = overlapMs > 0 && overlapMs < MAX_OVERLAP_MS ? this.#endDate : begun;
    const date = Math.round(expected === undefined ? first : steered(expected, measured));
    this.#positionSeconds += durationSeconds;
    this.#nextDate = date + durationSeconds * 1000;
    this.#endDate = this.#nextDate;
    return date;
  }
}

/**
 * The date of a segment that should begin at `expected` and by the clock begins at `measured`: as expected, until the clock is
 * far off; then at once forward, but backward only in steps, for dates must not overlap.
 */
function steered(expected: number, measured: number): number {
  if (Math.abs(measured - expected) < DATE_DRIFT_MS) return expected;
  return measured > expected ? measured : expected - DATE_SLEW_MS;
}
