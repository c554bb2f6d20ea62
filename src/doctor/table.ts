import type { CheckResult } from './check.js';

const marks = { true: 'ok', false: 'FAILED', warning: 'warning', skipped: 'skipped' } as const;

/** The results as an aligned table, with remedies below failures and warnings. Colours are for terminals only. */
export function renderTable(results: readonly CheckResult[], { colour = false } = {}): string {
  const rows = results.map(({ area, check, ok }) => [marks[`${ok}`], printable(area), printable(check)] as const);
  const widths = [0, 1, 2].map((column) => Math.max(0, ...rows.map((row) => [...(row[column] ?? '')].length)));
  return results
    .map((result, index) => {
      const [mark = '', area = '', check = ''] = rows[index]!.map((cell, column) => pad(cell, widths[column] ?? 0));
      const line = `${paint(mark, result.ok, colour)}  ${area}  ${check}  ${printable(result.detail)}`.trimEnd();
      const remedy =
        result.ok !== 'skipped' && result.remedy !== undefined ? `\n    → ${printable(result.remedy)}` : '';
      return `${line}${remedy}\n`;
    })
    .join('');
}

function pad(cell: string, width: number): string {
  return cell + ' '.repeat(Math.max(0, width - [...cell].length));
}

function paint(text: string, ok: CheckResult['ok'], colour: boolean): string {
  if (!colour) return text;
  const code = ok === true ? 32 : ok === false ? 31 : 33;
  return `\u001b[${code}m${text}\u001b[0m`;
}

/** Makes a single line of any output of ffmpeg or a store, without control sequences for the terminal. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}
