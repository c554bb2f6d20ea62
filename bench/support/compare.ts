import type { Answer, Direction } from './question.js';
import { formatNumber, type Report } from './report.js';

type Verdict = 'better' | 'same' | 'worse' | 'changed';

/** One value that two results files both have. */
export interface Comparison {
  readonly question: string;
  readonly name: string;
  readonly before: number;
  readonly after: number;
  /** How far apart two runs of the same code may be, in the value's own unit. */
  readonly noise: number;
  /** `changed`: out of the noise, where neither more nor less is better. */
  readonly verdict: Verdict;
}

/** Assumed where a file has no repetitions to tell it from: what shared machines scatter by. */
const UNKNOWN_NOISE = 0.15;
/** Half the distance of the quartiles is passed by every second run; three times that by one in some twenty. */
const SPREADS = 3;
/** No clock and no counter here is better than this. */
const LEAST_NOISE = 0.02;

/** Every value of both files, compared with the noise of both taken into account. Pure. */
export function compareReports(before: Report, after: Report): Comparison[] {
  return Object.entries(after.answers).flatMap(([question, answer]) => {
    const old = before.answers[question];
    return old === undefined ? [] : compareAnswers(question, old, answer);
  });
}

function compareAnswers(question: string, before: Answer, after: Answer): Comparison[] {
  const old = new Map(valuesOf(before).map((value) => [value.name, value]));
  return valuesOf(after).flatMap((value) => {
    const known = old.get(value.name);
    if (known === undefined) return [];
    const noise = Math.max(LEAST_NOISE * Math.abs(known.value), noiseOf(known), noiseOf(value));
    const verdict = judge(known.value, value.value, noise, value.better);
    return [{ question, name: value.name, before: known.value, after: value.value, noise, verdict }];
  });
}

interface Value {
  readonly name: string;
  readonly value: number;
  readonly spread?: number;
  readonly better?: Direction;
}

function valuesOf({ rows, ratios }: Answer): Value[] {
  return [...rows.map((row) => ({ ...row, name: `${row.name} (${row.unit})` })), ...ratios];
}

function noiseOf({ value, spread }: Value): number {
  return spread === undefined ? UNKNOWN_NOISE * Math.abs(value) : SPREADS * spread;
}

function judge(before: number, after: number, noise: number, better: Direction | undefined): Verdict {
  if (Math.abs(after - before) <= noise) return 'same';
  if (better === undefined) return 'changed';
  return after > before === (better === 'more') ? 'better' : 'worse';
}

/** Why two files cannot tell about the code alone; undefined where they can. Pure. */
export function whyUnlike(before: Report, after: Report): string | undefined {
  const [old, young] = [before, after].map(({ machine: { cpu, cores, arch, node, ffmpeg }, quick }) =>
    [cpu, `${cores} cores`, arch, `Node.js ${node}`, `ffmpeg ${ffmpeg}`, quick ? 'quick' : 'full'].join(', '),
  );
  return old === young ? undefined : `not alike:\n  ${old}\n  ${young}\n`;
}

/** A comparison for a terminal: what changed first, the rest counted. Pure. */
export function renderComparison(comparisons: readonly Comparison[]): string {
  const order: readonly Verdict[] = ['worse', 'better', 'changed'];
  const shown = order.flatMap((verdict) => comparisons.filter((each) => each.verdict === verdict));
  const lines = shown.map(
    ({ question, name, before, after, noise, verdict }) =>
      `${verdict.padEnd(8)}${question}: ${name}: ${formatNumber(before)} → ${formatNumber(after)} (noise ±${formatNumber(noise)})`,
  );
  const same = comparisons.length - shown.length;
  return `${[...lines, `same    ${same} of ${comparisons.length} values`].join('\n')}\n`;
}
