import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import type { Curve, Ratio } from './question.js';
import type { Report } from './report.js';

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

function drawAims(aims: readonly (Ratio & { readonly question: string })[]): string {
  const bars = aims.map((aim) => ({ label: `${aim.question}: ${aim.name}`, headroom: headroom(aim), ok: aim.ok }));
  return toSvg({
    width: WIDTH,
    height: 70 + bars.length * 22,
    marginLeft: 560,
    marginBottom: 40,
    marginRight: 40,
    style,
    x: { type: 'log', label: 'times better than the aim, which is 1 →', grid: true, tickFormat: '~r' },
    y: { label: null, domain: bars.map(({ label }) => label) },
    marks: [
      Plot.barX(bars, { x1: 1, x2: 'headroom', y: 'label', fill: (bar) => (bar.ok ? '#1b7f5c' : '#c2410c') }),
      Plot.ruleX([1]),
    ],
  });
}

function drawCurves(title: string, curves: readonly Curve[]): string {
  const points = curves.flatMap(({ name, points: each }) => each.map(([x, y]) => ({ x, y, name })));
  const { x = '', y = '' } = curves[0] ?? {};
  return toSvg({
    title,
    width: WIDTH,
    height: 360,
    marginTop: 30,
    marginBottom: 40,
    marginLeft: 60,
    style,
    x: { label: `${x} →`, grid: true },
    y: { label: `↑ ${y}`, grid: true, zero: true },
    color: { legend: false, domain: curves.map(({ name }) => name) },
    marks: [
      Plot.line(points, { x: 'x', y: 'y', stroke: 'name', strokeWidth: 2 }),
      Plot.dot(points, { x: 'x', y: 'y', fill: 'name' }),
      Plot.text(
        points,
        Plot.selectLast({ x: 'x', y: 'y', z: 'name', text: 'name', dx: -6, dy: -10, textAnchor: 'end', fill: 'name' }),
      ),
      Plot.ruleY([0]),
    ],
  });
}

/** A title would make a figure of HTML around the picture, so it is left to what shows the picture. */
function toSvg({ title: _, ...options }: Plot.PlotOptions): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const svg = Plot.plot({ ...options, document: document as never });
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  return `${svg.outerHTML}\n`;
}
