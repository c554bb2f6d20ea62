import type { GateState } from '../../terms.js';
import type { GreyStatistics } from './statistics.js';

export type GateEvent = 'black' | 'flat' | 'frozen' | 'recovered';

export interface GateOptions {
  /** How long black and flat frames are held back while a good picture is shown. 0: never. */
  readonly maxHoldSeconds: number;
  /** How long a stream must be black or flat before that becomes its state. */
  readonly alarmAfterSeconds: number;
  /** How long nothing may have changed, over three frames at least, and nothing moved, before a frame is called frozen. */
  readonly frozenAfterSeconds: number;
  /** Which of them are looked for; what is not is good. Default: all. */
  readonly detect?: Readonly<Partial<Record<Exclude<GateState, 'good'>, boolean>>>;
}

/**
 * Each limit twice: to become bad, and to stay bad. A frame is
 * - black when mean and standard deviation are at most these: a night scene with one lamp in it has a larger deviation;
 * - flat when the deviation inside its black bars is at most this: an empty road in fog has three times that;
 * - unchanged when both differences to the reference are at most these. A picture that a frozen camera encodes again and
 *   again differs by up to 0.09 (peak 1), a still street by 0.3 and more within seconds.
 */
const enter = { blackMean: 16, blackDeviation: 6, flatDeviation: 2.5, difference: 0.15, peakDifference: 2 } as const;
const leave = { blackMean: 24, blackDeviation: 9, flatDeviation: 4, difference: 0.25, peakDifference: 3 } as const;

/** What is remembered from frame to frame. Times are milliseconds since the epoch. */
export interface GateMemory {
  readonly lastAt: number;
  readonly verdict: GateState;
  /** Since when every frame was black or flat, and since when the same of the two. */
  readonly badSince: number | undefined;
  readonly sameBadSince: number | undefined;
  /** Since when nothing changed or moved, and how many frames ago that was. */
  readonly unchangedSince: number;
  readonly unchangedFrames: number;
  /** Whether a frame that was not bad has passed: there is something worth keeping. */
  readonly passedGood: boolean;
  readonly state: GateState;
  readonly stateSince: number;
}

export interface GateDecision {
  readonly memory: GateMemory;
  /** Whether the frame differs from the reference and is the next one. */
  readonly changed: boolean;
  /** False: keep showing the picture before. */
  readonly accepted: boolean;
  readonly event: GateEvent | undefined;
}

/**
 * Judges one frame by its statistics, which hold the differences to the last frame that had `changed`.
 *
 * A black or flat frame is held back for `maxHoldSeconds` from the first one on, then every frame passes until a good
 * one ends the spell; so a cut or a fade through black never shows, and a dark scene is shown that much late. Without a good
 * picture to keep, or when the clock jumps back, nothing is held. A frozen frame passes: it shows what it would replace.
 * The state follows after `alarmAfterSeconds` of bad frames and goes back to good with the first good one.
 *
 * `movedAt`: until when it is known that pictures moved that are not among the frames; undefined where nothing is known of them.
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
    // From good any bad spell counts; from one kind of bad to the other only the new kind's own time.
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
  // Black is flat too: where black is not looked for, it is not flat either.
  if (mean <= black.blackMean && standardDeviation <= black.blackDeviation) return detect.black ? 'black' : undefined;
  const flat = before === 'flat' ? leave : enter;
  return detect.flat && innerDeviation <= flat.flatDeviation ? 'flat' : undefined;
}

function hasChanged({ difference, peakDifference }: GreyStatistics, frozen: boolean): boolean {
  if (difference === undefined || peakDifference === undefined) return true;
  const limits = frozen ? leave : enter;
  return difference > limits.difference || peakDifference > limits.peakDifference;
}

/** When the clock goes back, what was measured so far keeps its length. */
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
