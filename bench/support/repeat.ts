import type { Answer } from './question.js';
import { median, quantile } from './statistics.js';

/** Several answers to one question as one: medians, and how far the runs lie apart. Throws on none. Pure. */
export function mergeAnswers(answers: readonly Answer[]): Answer {
  const [first] = answers;
  if (first === undefined) throw new RangeError('no answers');
  if (answers.length === 1) return first;
  return {
    ...first,
    rows: first.rows.map((row) => ({ ...row, ...over(answers, (each) => each.rows, row.name) })),
    ratios: first.ratios.map((ratio) => {
      const merged = { ...ratio, ...over(answers, (each) => each.ratios, ratio.name) };
      const { target, better, value } = merged;
      if (target === undefined || better === undefined) return merged;
      return { ...merged, ok: better === 'less' ? value <= target : value >= target };
    }),
  };
}

function over(
  answers: readonly Answer[],
  part: (answer: Answer) => readonly { readonly name: string; readonly value: number }[],
  name: string,
): { value: number; spread: number } {
  const values = answers.flatMap((answer) => part(answer).find((each) => each.name === name)?.value ?? []);
  return { value: median(values), spread: (quantile(values, 0.75) - quantile(values, 0.25)) / 2 };
}
