/** One measured value. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

/** A comparison made within one run, so that the machine's speed of the day cancels out. */
export interface Ratio {
  readonly name: string;
  readonly value: number;
  /** What is aimed for. */
  readonly target?: number;
  /** Whether the target is met: it may be a least or a most. */
  readonly ok?: boolean;
}

export interface Answer {
  readonly question: string;
  readonly rows: readonly Row[];
  readonly ratios: readonly Ratio[];
}

export interface QuestionOptions {
  /** Fewer repetitions, so that all questions together take less than two minutes. */
  readonly quick: boolean;
}

/** What each file of a question exports. */
export interface Question {
  run(options: QuestionOptions): Promise<Answer>;
}

/** A ratio that shall be at most `target`. Pure. */
export function atMost(name: string, value: number, target: number): Ratio {
  return { name, value, target, ok: value <= target };
}

/** A ratio that shall be at least `target`. Pure. */
export function atLeast(name: string, value: number, target: number): Ratio {
  return { name, value, target, ok: value >= target };
}
