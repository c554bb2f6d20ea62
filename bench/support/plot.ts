import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import type { Curve, Ratio } from './question.js';
import { formatNumber, type Report } from './report.js';

/** An SVG document and what it is called. */
export interface Drawing {
  readonly name: string;
  readonly svg: string;
}

const WIDTH = 1000;
const style = { background: '#fff', color: '#1a1a1a', font: '13px system-ui, sans-serif' };

/** The plots of a report: each ratio with an aim as a part of it, and each group of curves. */
export function drawReport(report: Report): Drawing[] {
  const aims = Object.entries(report.answers).flatMap(([question, { ratios }]) =>
    ratios.filter((ratio) => ratio.target !== undefined).map((ratio) => ({ question, ...ratio })),
  );
  const curves = Object.values(report.answers).flatMap((answer) => answer.curves ?? []);
  return [
    ...(aims.length > 0 ? [{ name: 'aims', svg: drawAims(aims) }] : []),
    ...[...new Set(curves.map(({ plot }) => plot))].map((name) => ({
      name: name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-'),
      svg: drawCurves(
        name,
        curves.filter(({ plot }) => plot === name),
      ),
    })),
  ];
}

/** How far inside its bound each value is: 1 is the bound itself, longer is better. Pure. */
export function headroom({ value, target, better }: Ratio): number {
  const least = 1e-3;
  if (target === 0) return value <= 0 ? 1 : least;
  const ratio = better === 'more' ? value / target! : target! / Math.max(value, least);
  return Math.min(Math.max(ratio, least), 100);
}

const colors = { met: '#1b7f5c', missed: '#c2410c' } as const;
/** Of the widest letters that these labels are made of. */
const LETTER_WIDTH = 7;

function drawAims(aims: readonly (Ratio & { readonly question: string })[]): string {
  const bars = aims.map((aim) => ({
    label: `${aim.question}: ${aim.name}`,
    headroom: headroom(aim),
    verdict: aim.ok ? ('met' as const) : ('missed' as const),
    value: `${formatNumber(aim.value)}, aim ${aim.better === 'more' ? '≥' : '≤'} ${formatNumber(aim.target!)}`,
  }));
  const marginLeft = Math.max(...bars.map(({ label }) => label.length)) * LETTER_WIDTH + 20;
  const color = (bar: (typeof bars)[number]) => colors[bar.verdict];
  return toSvg({
    width: marginLeft + 520,
    height: 110 + bars.length * 22,
    ...{ marginLeft, marginTop: 50, marginBottom: 45, marginRight: 130 },
    style,
    // Both sides of 1 in any case, and room for what was measured.
    x: {
      ...{ type: 'log', grid: true, ticks: 5, tickFormat: '~r' },
      label: 'times better than the aim (1: just met) →',
      labelAnchor: 'center',
      domain: [Math.min(0.5, ...bars.map((bar) => bar.headroom)), Math.max(2, ...bars.map((bar) => bar.headroom))],
    },
    y: { label: null, domain: bars.map(({ label }) => label) },
    marks: [
      heading('How far each value is from its aim'),
      Plot.text(['met'], { ...top, dx: 330, fill: colors.met, text: () => '■ met' }),
      Plot.text(['missed'], { ...top, dx: 390, fill: colors.missed, text: () => '■ missed' }),
      Plot.barX(bars, { x1: 1, x2: 'headroom', y: 'label', fill: color }),
      // What is just met has no length.
      Plot.dot(bars, {
        filter: (bar) => Math.abs(Math.log(bar.headroom)) < 0.02,
        x: 'headroom',
        y: 'label',
        r: 3.5,
        fill: color,
      }),
      Plot.ruleX([1]),
      Plot.text(bars, {
        x: (bar) => Math.max(1, bar.headroom),
        ...{ y: 'label', text: 'value', dx: 9, textAnchor: 'start' },
      }),
    ],
  });
}

const top = { frameAnchor: 'top-left', textAnchor: 'start', dy: -30 as number } as const;

function heading(title: string, dy = top.dy): Plot.Markish {
  return Plot.text([title], { ...top, dy, fontSize: 16, fontWeight: 'bold' });
}

function drawCurves(title: string, curves: readonly Curve[]): string {
  const points = curves.flatMap(({ name, points: each }) => each.map(([x, y]) => ({ x, y, name })));
  const { x = '', y = '' } = curves[0] ?? {};
  // Each curve's name stands beside its end, where nothing else is.
  const marginRight = Math.max(0, ...curves.map(({ name }) => name.length)) * LETTER_WIDTH + 20;
  return toSvg({
    width: WIDTH,
    height: 400,
    ...{ marginTop: 70, marginBottom: 45, marginLeft: 60, marginRight },
    style,
    x: { label: `${x} →`, labelAnchor: 'center', grid: true },
    y: { label: null, grid: true, zero: true },
    color: { legend: false, domain: curves.map(({ name }) => name), scheme: 'Dark2' },
    marks: [
      heading(title, -50),
      Plot.text([`↑ ${y}`], { ...top, dy: -25, dx: -45 }),
      Plot.line(points, { x: 'x', y: 'y', z: 'name', stroke: 'name', strokeWidth: 2 }),
      Plot.dot(points, { x: 'x', y: 'y', fill: 'name' }),
      Plot.text(
        points,
        Plot.selectLast({ x: 'x', y: 'y', z: 'name', text: 'name', dx: 8, textAnchor: 'start', fill: 'name' }),
      ),
      Plot.ruleY([0]),
    ],
  });
}

/** Plot's own title and legend would make a figure of HTML around the picture, so they are marks. */
function toSvg(options: Plot.PlotOptions): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const svg = Plot.plot({ ...options, document: document as never });
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  return `${svg.outerHTML}\n`;
}
