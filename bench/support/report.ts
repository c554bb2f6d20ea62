import type { Machine } from './machine.js';
import type { Answer, Ratio } from './question.js';

/** A run of the benchmarks, as it is written to a results file. */
export interface Report {
  readonly machine: Machine;
  readonly quick: boolean;
  readonly answers: Readonly<Record<string, Answer>>;
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
export function renderMarkdown({ machine, quick, answers }: Report): string {
  const { cpu, cores, arch, node, ffmpeg, load, date, commit } = machine;
  const head = [
    `# Benchmarks: ${cpu}, ${cores} cores, ${arch}`,
    '',
    `Node.js ${node}, ffmpeg ${ffmpeg}, commit ${commit}, ${date.slice(0, 10)}, load ${load} before the run${quick ? ', quick run' : ''}.`,
    'Medians; each ratio compares alternatives measured in the same run.',
    '',
  ];
  const sections = Object.entries(answers).flatMap(([name, { question, rows, ratios }]) => [
    `## ${name}`,
    '',
    escapeCell(question),
    '',
    '| | value | |',
    '|---|---:|---|',
    ...rows.map((row) => `| ${escapeCell(row.name)} | ${formatNumber(row.value)} ${row.unit} | |`),
    ...ratios.map(
      (ratio) => `| **${escapeCell(ratio.name)}** | **${formatNumber(ratio.value)}** | ${verdictOf(ratio)} |`,
    ),
    '',
  ]);
  return [...head, ...sections].join('\n');
}

function verdictOf({ target, ok }: Ratio): string {
  const aim = target === undefined ? '' : `aim ${formatNumber(target)}`;
  return ok === undefined ? aim : `${aim}: ${ok ? 'met' : 'MISSED'}`;
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|');
}
