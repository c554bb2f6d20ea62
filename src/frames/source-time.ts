import { SourceClock } from './clock.js';

/**
 * After this many packets, and after the time that they take at the source's own pace, without a packet that was less delayed, the
 * packets that ffmpeg had buffered at the start have passed. They may arrive in groups: networks and publishers gather them.
 */
const PACED_PACKETS = 3;
/** With B-frames only the packet before them is sent as soon as its frame was captured. */
const PACED_REORDERED_PACKETS = 6;
const NOISE_MS = 10;
/** After this long without a packet, no more will come. */
const PACKETS_OVER_MS = 1500;
const RECENT_PACKETS = 15;
/** Fewer packets do not determine the time between frames. */
const FEWEST_PACKETS = 4;
/** Over this many frames the frame interval is calculated from progress reports, which can be off by one or two frames. */
const STEP_FRAMES = 8;
/** How long a different frame interval may wait for confirmation; until then no new observations are used. */
const DOUBT_MS = 3000;
/** The maximum time that a frame waits for the clock. */
export const LONGEST_WAIT_MS = 700;

/** ffmpeg's position, `frames` frames after its start, reported at `now`. */
interface Report {
  readonly outSeconds: number;
  readonly frames: number;
  readonly now: number;
}

/** The frame interval in milliseconds, the start of its measurement, and the start of the previous one. */
interface Step {
  readonly ms: number;
  readonly from: number;
  readonly before: number;
}

/**
 * Combines what is known about a stream's timeline into its clock, during one ffmpeg run. The presentation times of arriving packets are
 * exact, but each one costs CPU time, so ffmpeg outputs only those of the first seconds. After that come the progress reports, which
 * count decoding times and frames held back by encoders: they are off by a constant, which the first seconds reveal. Pure.
 */
export class SourceTime {
  readonly clock = new SourceClock();
  #packetOffsetMs: number | undefined;
  #positionOffsetMs: number | undefined;
  #packetAt: number | undefined;
  /** The packet since which none was less delayed, and how many arrived since. */
  #paced: { readonly offsetMs: number; readonly since: number; readonly packets: number } | undefined;
  /** The newest timestamps. */
  #recent: number[] = [];
  #isReordered = false;
  #firstReport: Report | undefined;
  #report: Report | undefined;
  #step: Step | undefined;
  /** The frame interval in the reports while packets were still reported one by one. */
  #usualStepMs: number | undefined;
  #doubtedSince: number | undefined;
  #packetMs = 0;
  #heldPackets = 0;
  #isSettled: boolean;

  /** `expectsPackets`: false if no packets will be reported, so that there is nothing to wait for. */
  constructor({ expectsPackets }: { readonly expectsPackets: boolean }) {
    this.#isSettled = !expectsPackets;
  }

  /** The demuxer outputs a packet only after this many further packets have started. */
  holds(packets: number): void {
    this.#heldPackets = packets;
  }

  /** A packet arrived at `now` (epoch milliseconds). */
  packet(ptsSeconds: number, now: number): void {
    const offsetMs = now - ptsSeconds * 1000;
    // Against the packet at the start of the count, not the previous one: slow catching up is no pace either.
    const { offsetMs: leastMs = Number.POSITIVE_INFINITY, since = now, packets = 0 } = this.#paced ?? {};
    this.#paced =
      offsetMs < leastMs - NOISE_MS
        ? { offsetMs, since: now, packets: 0 }
        : { offsetMs: leastMs, since, packets: packets + 1 };
    this.#packetOffsetMs = Math.min(this.#packetOffsetMs ?? Number.POSITIVE_INFINITY, offsetMs);
    this.#packetAt = now;
    if (ptsSeconds < (this.#recent.at(-1) ?? ptsSeconds)) this.#isReordered = true;
    this.#recent = [...this.#recent.slice(-RECENT_PACKETS), ptsSeconds];
    if (this.#recent.length >= FEWEST_PACKETS) this.#packetMs = medianStep(this.#recent) * 1000;
    this.#observe(ptsSeconds, now);
  }

  /** ffmpeg reported that it is at `outSeconds`, `frames` frames after its start. */
  position(outSeconds: number, frames: number | undefined, now: number): void {
    if (this.#packetAt === undefined) {
      this.clock.observe(outSeconds, now);
      return;
    }
    if (frames !== undefined) this.#report = this.#measure({ outSeconds, frames, now });
    const offsetMs = now - outSeconds * 1000;
    // Fixed from then on: later changes are drift, which the clock follows.
    if (now - this.#packetAt < PACKETS_OVER_MS)
      this.#positionOffsetMs = Math.min(this.#positionOffsetMs ?? Number.POSITIVE_INFINITY, offsetMs);
    else if (this.#positionOffsetMs !== undefined && now - (this.#doubtedSince ?? Number.NEGATIVE_INFINITY) > DOUBT_MS)
      this.#observe(outSeconds + (this.#positionOffsetMs - this.#packetOffsetMs!) / 1000, now);
  }

  /** The frame interval, once a report is far enough from the one before it. Returns the report to continue from. */
  #measure(report: Report): Report {
    if (report.now - this.#packetAt! < PACKETS_OVER_MS) {
      // Over the whole time so far, so that later comparisons are not inaccurate on both sides.
      this.#firstReport ??= report;
      this.#usualStepMs = stepBetween(this.#firstReport, report) ?? this.#usualStepMs;
      return report;
    }
    const before = this.#report ?? report;
    if (report.frames < before.frames) return report;
    const ms = stepBetween(before, report);
    if (ms === undefined) return before;
    const step = { ms, from: before.now, before: this.#step?.from ?? before.now };
    this.#compare(step, report.now);
    this.#step = step;
    return report;
  }

  /**
   * A change of the frame interval is accepted if two measurements in a row agree, because reports arrive irregularly and encoders hold
   * back varying amounts. After the first one, new observations are not used, and those since its start are discarded: they may belong to
   * packets that are held back for longer or shorter. Earlier observations remain valid.
   */
  #compare({ ms, before: since }: Step, now: number): void {
    const usualMs = this.#usualStepMs;
    if (usualMs === undefined) return;
    if (isNear(ms, usualMs, 1 / 3)) {
      this.#doubtedSince = undefined;
      return;
    }
    if (this.#doubtedSince === undefined) {
      this.clock.forgetSince(since);
      this.#doubtedSince = now;
    } else if (isNear(ms, this.#step?.ms ?? 0, 1 / 4)) {
      // Not the interval itself: for frames encoded at their own rate it differs from that of the packets.
      this.#packetMs *= ms / usualMs;
      this.#usualStepMs = ms;
      this.#doubtedSince = undefined;
    }
  }

  /**
   * The frames held back have been sent by now. Not the reverse: the clock, which also sees the frames, would take the step back for a
   * wall clock that was set back, and discard all observations.
   */
  #observe(ptsSeconds: number, now: number): void {
    this.clock.observe(ptsSeconds + (this.#heldPackets * this.#packetMs) / 1000, now);
  }

  /**
   * Whether a frame that arrived at `arrivedAt` can be dated: whether the packets that ffmpeg had buffered before its start have passed,
   * and new ones arrive as the source sends them. Once true, it stays true.
   */
  canDate(arrivedAt: number, now: number): boolean {
    this.#isSettled ||= this.#isPaced(now) || now - arrivedAt >= LONGEST_WAIT_MS;
    return this.#isSettled;
  }

  #isPaced(now: number): boolean {
    if (this.#paced === undefined || this.#packetMs === 0) return false;
    const { since, packets } = this.#paced;
    const enough = this.#isReordered ? PACED_REORDERED_PACKETS : PACED_PACKETS;
    return packets >= enough && now - since >= (enough - 0.5) * this.#packetMs;
  }
}

/** The frame interval in milliseconds; undefined if there are too few frames between two reports. */
function stepBetween(before: Report, report: Report): number | undefined {
  const frames = report.frames - before.frames;
  return frames < STEP_FRAMES ? undefined : ((report.outSeconds - before.outSeconds) * 1000) / frames;
}

function isNear(one: number, other: number, part: number): boolean {
  return Math.abs(one - other) <= other * part;
}

/** The usual distance between timestamps, which may arrive in any order. */
function medianStep(timestamps: readonly number[]): number {
  const sorted = [...timestamps].sort((one, other) => one - other);
  const steps = sorted.slice(1).map((at, index) => at - sorted[index]!);
  return steps.sort((one, other) => one - other)[Math.floor(steps.length / 2)]!;
}
