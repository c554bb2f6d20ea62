/** Which way a value is to go. */
export type Direction = 'less' | 'more';

/** One measured value. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Half the distance between the quartiles of repeated runs; absent where it was run once. */
  readonly spread?: number;
  /** Absent where neither is better, as with a size that is set. */
  readonly better?: Direction;
}

/** A comparison made within one run, so that the machine's speed of the day cancels out. */
export interface Ratio {
  readonly name: string;
  readonly value: number;
  /** What is aimed for. */
  readonly target?: number;
  /** Whether the target is met: it may be a least or a most. */
  readonly ok?: boolean;
  readonly spread?: number;
  readonly better?: Direction;
}

export interface Answer {
  readonly question: string;
  readonly rows: readonly Row[];
  readonly ratios: readonly Ratio[];
  /** Values over something that was varied, to be drawn. */
  readonly curves?: readonly Curve[];
}

/** One line of a plot. */
export interface Curve {
  readonly plot: string;
  readonly name: string;
  /** What was varied, and what was measured, with their units. */
  readonly x: string;
  readonly y: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface QuestionOptions {
  /** Fewer repetitions, so that all questions together take less than two minutes. */
  readonly quick: boolean;
}

/** What each file of a question exports. */
export interface Question {
  /** Takes so long that it is only asked by name. */
  readonly isLong?: boolean;
  /** Says nothing in a few seconds, so that `--quick` leaves it out unless it is named. */
  readonly isSlow?: boolean;
  run(options: QuestionOptions): Promise<Answer>;
}

/** A ratio that shall be at most `target`. Pure. */
export function atMost(name: string, value: number, target: number): Ratio {
  return { name, value, target, ok: value <= target, better: 'less' };
}

/** A ratio that shall be at least `target`. Pure. */
export function atLeast(name: string, value: number, target: number): Ratio {
  return { name, value, target, ok: value >= target, better: 'more' };
}
