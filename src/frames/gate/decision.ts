import type { GateState } from '../../terms.js';
import type { GreyStatistics } from './statistics.js';

export type GateEvent = 'black' | 'flat' | 'frozen' | 'recovered';

export interface GateOptions {
  /** How long black and flat frames are suppressed while a good thumbnail is shown. 0: never. */
  readonly maxHoldSeconds: number;
  /** How long a stream must be black or flat before its state changes. */
  readonly alarmAfterSeconds: number;
  /** How long nothing may change over at least three frames, and nothing may move, before a frame counts as frozen. */
  readonly frozenAfterSeconds: number;
  /** The states to detect; the others count as good. Default: all. */
  readonly detect?: Readonly<Partial<Record<Exclude<GateState, 'good'>, boolean>>>;
}

/**
 * Each limit exists twice, for hysteresis: to become bad, and to stay bad. A frame is
 * - black if mean and standard deviation do not exceed these: a night scene with one lamp has a larger deviation;
 * - flat if the deviation inside its black bars does not exceed this: an empty road in fog has three times as much;
 * - unchanged if both differences to the reference do not exceed these. Repeated encodes of a frozen camera's frame differ by up to 0.09
 *   (peak 1), a still street by 0.3 and more within seconds.
 */
const enter = { blackMean: 16, blackDeviation: 6, flatDeviation: 2.5, difference: 0.15, peakDifference: 2 } as const;
const leave = { blackMean: 24, blackDeviation: 9, flatDeviation: 4, difference: 0.25, peakDifference: 3 } as const;

/** State kept between frames. Times are milliseconds since the epoch. */
export interface GateMemory {
  readonly lastAt: number;
  readonly verdict: GateState;
  /** Since when every frame has been black or flat, and since when the same one of the two. */
  readonly badSince: number | undefined;
  readonly sameBadSince: number | undefined;
  /** Since when nothing has changed or moved, and the number of frames since then. */
  readonly unchangedSince: number;
  readonly unchangedFrames: number;
  /** Whether a frame that was not bad has passed, so that there is something worth keeping. */
  readonly passedGood: boolean;
  readonly state: GateState;
  readonly stateSince: number;
}

export interface GateDecision {
  readonly memory: GateMemory;
  /** Whether the frame differs from the reference and becomes the next reference. */
  readonly changed: boolean;
  /** False: keep the previous thumbnail. */
  readonly accepted: boolean;
  readonly event: GateEvent | undefined;
}

/**
 * Judges one frame by its statistics, which contain the differences to the last frame that had `changed`.
 *
 * Black and flat frames are suppressed for `maxHoldSeconds` from the first one on; then every frame passes until a good one arrives. So a
 * cut or fade through black never shows, and a dark scene shows with that delay. Nothing is suppressed without a good thumbnail to keep,
 * or if the clock jumps back. A frozen frame passes, because it looks like the one that it replaces. The state changes after
 * `alarmAfterSeconds` of bad frames and returns to good with the first good one.
 *
 * `movedAt`: until when frames outside the decoded ones are known to have moved; undefined if nothing is known about them.
 */
export function decide(
  before: GateMemory | undefined,
  statistics: GreyStatistics,
  capturedAt: number,
  options: GateOptions,
  movedAt?: number,
): GateDecision {
  const past = before === undefined ? undefined : withoutTheFuture(before, capturedAt);
  const wentBack = before !== undefined && capturedAt < before.lastAt;
  const changed = past === undefined || hasChanged(statistics, past.verdict === 'frozen');
  const moved = Math.min(movedAt ?? Number.NEGATIVE_INFINITY, capturedAt);
  const hasMoved = past !== undefined && moved > past.unchangedSince;
  const unchangedSince = changed ? capturedAt : Math.max(past.unchangedSince, moved);
  const unchangedFrames = changed || hasMoved ? 0 : past.unchangedFrames + 1;
  const { black = true, flat = true, frozen = true } = options.detect ?? {};
  const still = unchangedFrames >= 2 && capturedAt - unchangedSince >= options.frozenAfterSeconds * 1000;
  const isFrozen = frozen && still;
  const bad = badnessOf(statistics, past?.verdict, { black, flat });
  const verdict = bad ?? (isFrozen ? 'frozen' : 'good');

  const badSince = bad && (past?.badSince ?? capturedAt);
  const sameBadSince = bad && ((past?.verdict === bad ? past.sameBadSince : undefined) ?? capturedAt);
  const passedGood = past?.passedGood ?? false;
  const held = badSince !== undefined && capturedAt - badSince < options.maxHoldSeconds * 1000;

  const state = nextState(past?.state ?? 'good', verdict, () => {
    // From good, any bad time counts; from one bad state to the other, only the time of the new one.
    const since = past?.state === 'black' || past?.state === 'flat' ? sameBadSince : badSince;
    return capturedAt - (since ?? capturedAt) >= options.alarmAfterSeconds * 1000;
  });
  const turned = state !== (past?.state ?? 'good');
  return {
    memory: {
      lastAt: capturedAt,
      verdict,
      badSince,
      sameBadSince,
      unchangedSince,
      unchangedFrames,
      passedGood: passedGood || bad === undefined,
      state,
      stateSince: turned || past === undefined ? capturedAt : past.stateSince,
    },
    changed,
    accepted: !(held && passedGood && !wentBack),
    event: turned ? (state === 'good' ? 'recovered' : state) : undefined,
  };
}

function nextState(state: GateState, verdict: GateState, lastedLongEnough: () => boolean): GateState {
  if (verdict === 'good' || verdict === 'frozen' || verdict === state) return verdict;
  return lastedLongEnough() ? verdict : state;
}

function badnessOf(
  statistics: GreyStatistics,
  before: GateState | undefined,
  detect: { readonly black: boolean; readonly flat: boolean },
): 'black' | 'flat' | undefined {
  const { mean, standardDeviation, innerDeviation } = statistics;
  const black = before === 'black' ? leave : enter;
  // A black frame is flat too, so if black is not detected, it must not count as flat either.
  if (mean <= black.blackMean && standardDeviation <= black.blackDeviation) return detect.black ? 'black' : undefined;
  const flat = before === 'flat' ? leave : enter;
  return detect.flat && innerDeviation <= flat.flatDeviation ? 'flat' : undefined;
}

function hasChanged({ difference, peakDifference }: GreyStatistics, frozen: boolean): boolean {
  if (difference === undefined || peakDifference === undefined) return true;
  const limits = frozen ? leave : enter;
  return difference > limits.difference || peakDifference > limits.peakDifference;
}

/** If the clock goes back, durations measured so far are kept. */
function withoutTheFuture(memory: GateMemory, now: number): GateMemory {
  if (now >= memory.lastAt) return memory;
  const slip = now - memory.lastAt;
  const moved = (time: number | undefined) => (time === undefined ? undefined : time + slip);
  return {
    ...memory,
    badSince: moved(memory.badSince),
    sameBadSince: moved(memory.sameBadSince),
    unchangedSince: memory.unchangedSince + slip,
    stateSince: memory.stateSince + slip,
  };
}
