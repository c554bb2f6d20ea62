import type { Machine } from './machine.js';
import type { Answer, Ratio } from './question.js';

/** When, of what and beside how much other work an answer was found. */
type Measured = Pick<Machine, 'date' | 'commit' | 'load'>;

/** All answers of one machine, as they are written to its results file. */
export interface Report {
  readonly machine: Omit<Machine, 'load'>;
  readonly quick: boolean;
  readonly answers: Readonly<Record<string, Answer & { readonly measured: Measured }>>;
}

/** The answers of a run take the place of older ones; questions that it did not ask keep theirs. Pure. */
export function mergeReports(before: Report | undefined, run: Report): Report {
  const answers = { ...before?.answers, ...run.answers };
  return {
    ...run,
    answers: Object.fromEntries(Object.entries(answers).sort(([one], [other]) => (one < other ? -1 : 1))),
  };
}

/** Three significant digits; small counts and large numbers whole. Pure. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

/** One answer for a terminal. Pure. */
export function renderText(name: string, { question, rows, ratios }: Answer): string {
  const lines = [
    ...rows.map((row) => [row.name, `${formatNumber(row.value)} ${row.unit}`, '']),
    ...ratios.map((ratio) => [ratio.name, formatNumber(ratio.value), verdictOf(ratio)]),
  ];
  const widths = [0, 1].map((column) => Math.max(0, ...lines.map((line) => line[column]!.length)));
  const body = lines.map(([label, value, verdict]) =>
    `  ${label!.padEnd(widths[0]!)}  ${value!.padStart(widths[1]!)}  ${verdict}`.trimEnd(),
  );
  return [`${name}: ${question}`, ...body, ''].join('\n');
}

/** A whole run as a Markdown document. Pure. */
export function renderMarkdown({ machine, quick, answers }: Report, drawings: readonly string[] = []): string {
  const { cpu, cores, arch, node, ffmpeg } = machine;
  const head = [
    `# Benchmarks: ${cpu}, ${cores} cores, ${arch}`,
    '',
    `Node.js ${node}, ffmpeg ${ffmpeg}${quick ? ', quick run' : ''}. Medians; each ratio compares alternatives measured in the same run.`,
    '',
    ...drawings.flatMap((file) => [`![${file.replace('.svg', '')}](${file})`, '']),
  ];
  const sections = Object.entries(answers).flatMap(([name, { question, rows, ratios, measured }]) => [
    `## ${name}`,
    '',
    escapeCell(question),
    '',
    '| | value | |',
    '|---|---:|---|',
    ...rows.map((row) => `| ${escapeCell(row.name)} | ${formatNumber(row.value)}${spreadOf(row)} ${row.unit} | |`),
    ...ratios.map(
      (ratio) =>
        `| **${escapeCell(ratio.name)}** | **${formatNumber(ratio.value)}**${spreadOf(ratio)} | ${verdictOf(ratio)} |`,
    ),
    '',
    `Commit ${measured.commit}, ${measured.date.slice(0, 10)}, load ${measured.load} at the start.`,
    '',
  ]);
  return [...head, ...sections].join('\n');
}

function spreadOf({ spread }: { readonly spread?: number }): string {
  return spread === undefined ? '' : ` ± ${formatNumber(spread)}`;
}

function verdictOf({ target, ok }: Ratio): string {
  const aim = target === undefined ? '' : `aim ${formatNumber(target)}`;
  return ok === undefined ? aim : `${aim}: ${ok ? 'met' : 'MISSED'}`;
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|');
}
