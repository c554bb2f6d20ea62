import { SourceClock } from './clock.js';

/** So many packets in a row that come at the source's own pace: what was gathered before has gone through. */
const PACED_PACKETS = 3;
/** With B-frames it is only the packet before them that is sent as soon as it was taken. */
const PACED_REORDERED_PACKETS = 6;
const NOISE_MS = 10;
/** No packet for so long: there will be no more. */
const PACKETS_OVER_MS = 1500;
const RECENT_PACKETS = 15;
/** Fewer say nothing of the time between them. */
const FEWEST_PACKETS = 4;
/** Over so many pictures the time between them is taken from the progress reports, which can be off by one or two. */
const STEP_FRAMES = 8;
/** How long a step that differs from the usual one is waited on to be confirmed; until then nothing new is believed. */
const DOUBT_MS = 3000;
/** No picture waits longer than this for the clock. */
export const LONGEST_WAIT_MS = 700;

/** ffmpeg's position, `frames` pictures after its beginning, told at `now`. */
interface Report {
  readonly outSeconds: number;
  readonly frames: number;
  readonly now: number;
}

/** Milliseconds from picture to picture; when it began, and the one before it. */
interface Step {
  readonly ms: number;
  readonly from: number;
  readonly before: number;
}

/**
 * Brings what is known of a stream's timeline together into its clock, over one run of ffmpeg. Exact are the presentation times of
 * packets as they come in, but every one of them costs, so only those of the first seconds are told of. After that come
 * the progress reports, which count decoding times and what encoders hold back: off by a constant, which the first
 * seconds show. Pure.
 */
export class SourceTime {
  readonly clock = new SourceClock();
  #packetOffsetMs: number | undefined;
  #positionOffsetMs: number | undefined;
  #packetAt: number | undefined;
  #paced = 0;
  /** The newest timestamps. */
  #recent: number[] = [];
  #isReordered = false;
  #firstReport: Report | undefined;
  #report: Report | undefined;
  #step: Step | undefined;
  /** How far apart the reports' pictures were when packets were last told of, one by one. */
  #usualStepMs: number | undefined;
  #doubtedSince: number | undefined;
  #packetMs = 0;
  #heldPackets = 0;
  #isSettled: boolean;

  /** `expectsPackets`: false where no packet will be told of, so that there is nothing to wait for. */
  constructor({ expectsPackets }: { readonly expectsPackets: boolean }) {
    this.#isSettled = !expectsPackets;
  }

  /** The demuxer hands a packet out only when so many further ones have begun. */
  holds(packets: number): void {
    this.#heldPackets = packets;
  }

  /** A packet came in at `now` (epoch milliseconds). */
  packet(ptsSeconds: number, now: number): void {
    const offsetMs = now - ptsSeconds * 1000;
    // A pause is no pace: what piled up in it follows at once. Nor is what still catches up, however slowly.
    const isBehind = this.#packetOffsetMs === undefined || offsetMs < this.#packetOffsetMs - NOISE_MS;
    const isAtOnce = now - (this.#packetAt ?? now) < this.#packetMs / 2 || this.#packetMs === 0;
    this.#paced = isBehind || isAtOnce ? 0 : this.#paced + 1;
    this.#packetOffsetMs = Math.min(this.#packetOffsetMs ?? Number.POSITIVE_INFINITY, offsetMs);
    this.#packetAt = now;
    if (ptsSeconds < (this.#recent.at(-1) ?? ptsSeconds)) this.#isReordered = true;
    this.#recent = [...this.#recent.slice(-RECENT_PACKETS), ptsSeconds];
    if (this.#recent.length >= FEWEST_PACKETS) this.#packetMs = medianStep(this.#recent) * 1000;
    this.#observe(ptsSeconds, now);
  }

  /** ffmpeg reported that it is at `outSeconds`, `frames` pictures after its beginning. */
  position(outSeconds: number, frames: number | undefined, now: number): void {
    if (this.#packetAt === undefined) {
      this.clock.observe(outSeconds, now);
      return;
    }
    if (frames !== undefined) this.#report = this.#measure({ outSeconds, frames, now });
    const offsetMs = now - outSeconds * 1000;
    // Fixed from then on: what changes later is drift, which is to be followed.
    if (now - this.#packetAt < PACKETS_OVER_MS)
      this.#positionOffsetMs = Math.min(this.#positionOffsetMs ?? Number.POSITIVE_INFINITY, offsetMs);
    else if (this.#positionOffsetMs !== undefined && now - (this.#doubtedSince ?? Number.NEGATIVE_INFINITY) > DOUBT_MS)
      this.#observe(outSeconds + (this.#positionOffsetMs - this.#packetOffsetMs!) / 1000, now);
  }

  /** How far apart pictures are, once a report is far enough from the one before it. Answers the report to go on from. */
  #measure(report: Report): Report {
    if (report.now - this.#packetAt! < PACKETS_OVER_MS) {
      // Over as long as there is: what is compared with it later shall not be off on both sides.
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
   * A change of rate is believed when two steps in a row agree on it: reports come when they come, and what encoders hold back varies.
   * After the first of them nothing more is observed, and what was since it began is let go: it may have been taken for packets that
   * are held back longer or shorter. What was seen before it holds.
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
      // Not the step itself: where pictures are encoded at a rate of their own it is not that of the packets.
      this.#packetMs *= ms / usualMs;
      this.#usualStepMs = ms;
      this.#doubtedSince = undefined;
    }
  }

  /**
   * What is held back has been sent as well by now. Not that it came sooner: the clock, which is told of pictures besides, would take
   * the step back for a wall clock that was set back, and let go of all it knows.
   */
  #observe(ptsSeconds: number, now: number): void {
    this.clock.observe(ptsSeconds + (this.#heldPackets * this.#packetMs) / 1000, now);
  }

  /**
   * Whether a picture that came at `arrivedAt` can be dated: whether the packets that ffmpeg had gathered before it began have gone
   * through, and new ones come as the source sends them. Once yes, always yes.
   */
  canDate(arrivedAt: number, now: number): boolean {
    const enough = this.#isReordered ? PACED_REORDERED_PACKETS : PACED_PACKETS;
    this.#isSettled ||= this.#paced >= enough || now - arrivedAt >= LONGEST_WAIT_MS;
    return this.#isSettled;
  }
}

/** Milliseconds from picture to picture; undefined where there are too few between two reports to tell. */
function stepBetween(before: Report, report: Report): number | undefined {
  const frames = report.frames - before.frames;
  return frames < STEP_FRAMES ? undefined : ((report.outSeconds - before.outSeconds) * 1000) / frames;
}

function isNear(one: number, other: number, part: number): boolean {
  return Math.abs(one - other) <= other * part;
}

/** The usual distance between timestamps, which may come in any order. */
function medianStep(timestamps: readonly number[]): number {
  const sorted = [...timestamps].sort((one, other) => one - other);
  const steps = sorted.slice(1).map((at, index) => at - sorted[index]!);
  return steps.sort((one, other) => one - other)[Math.floor(steps.length / 2)]!;
}
