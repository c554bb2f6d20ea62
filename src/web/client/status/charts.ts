import uPlot from 'uplot';
import { bitrateInWords } from '../words.js';
import { make } from './elements.js';
import { bytesInWords, decimals, type Stats } from './facts.js';

/** The response of `/history`. */
export interface History {
  readonly at: readonly number[];
  readonly series: Readonly<Record<string, readonly (number | null)[]>>;
}

interface Chart {
  readonly name: string;
  readonly title: string;
  readonly of: (stats: Stats) => number | null;
  readonly words: (value: number | null) => string;
  /** Minimum upper end of the axis. */
  readonly atLeast: number;
}

const seconds = (value: number | null): string => decimals(value, 1, ' s');

const charts: readonly Chart[] = [
  {
    name: 'fps',
    title: 'Frame rate',
    of: ({ fps }) => fps,
    words: (value) => decimals(value, 1, ''),
    atLeast: 10,
  },
  {
    name: 'bitrate',
    title: 'Bitrate',
    of: ({ bitrate }) => bitrate,
    words: (value) => (value === null ? '–' : bitrateInWords(value)),
    atLeast: 1e5,
  },
  { name: 'speed', title: 'Speed', of: ({ speed }) => speed, words: (value) => decimals(value, 2, ' ×'), atLeast: 1.5 },
  { name: 'driftSeconds', title: 'Drift', of: ({ driftSeconds }) => driftSeconds, words: seconds, atLeast: 1 },
  {
    name: 'thumbnailAgeSeconds',
    title: 'Thumbnail age',
    of: ({ thumbnail }) => thumbnail.ageSeconds,
    words: seconds,
    atLeast: 5,
  },
  {
    name: 'keyframeIntervalSeconds',
    title: 'Keyframe interval',
    of: (stats) => stats.keyframeIntervalSeconds,
    words: seconds,
    atLeast: 2,
  },
  { name: 'uploadLagSeconds', title: 'Upload lag', of: ({ upload }) => upload.lagSeconds, words: seconds, atLeast: 5 },
  {
    name: 'backlogBytes',
    title: 'Upload backlog',
    of: ({ upload }) => upload.backlogBytes,
    words: (value) => (value === null ? '–' : bytesInWords(value)),
    atLeast: 1024 ** 2,
  },
  {
    name: 'viewers',
    title: 'Viewers',
    of: ({ viewers }) => viewers,
    words: (value) => decimals(value, 0, ''),
    atLeast: 5,
  },
];

const HOUR = 3600;
const STEP = 10;
const HEIGHT = 116;

/** The last hour as small charts with a shared time axis and cursor. */
export class Charts {
  readonly #root: HTMLElement;
  readonly #at: number[];
  readonly #columns: Map<string, (number | null)[]>;
  readonly #theme = matchMedia('(prefers-color-scheme: dark)');
  readonly #sizes = new ResizeObserver(() => this.#fit());
  #plots: { readonly chart: Chart; readonly plot: uPlot; readonly figure: HTMLElement }[] = [];
  readonly #redraw = (): void => this.#draw();

  constructor(root: HTMLElement, history: History) {
    this.#root = root;
    this.#at = [...history.at];
    this.#columns = new Map(charts.map(({ name }) => [name, [...(history.series[name] ?? [])]]));
    this.#draw();
    this.#theme.addEventListener('change', this.#redraw);
    this.#sizes.observe(root);
  }

  /** `at`: seconds since the epoch. The newest stats of a step represent it, as in the history. */
  add(stats: Stats, at: number): void {
    const step = Math.floor(at / STEP) * STEP;
    const isNew = step > (this.#at.at(-1) ?? 0);
    if (isNew) this.#at.push(step);
    for (const { name, of } of charts) {
      const column = this.#columns.get(name) ?? [];
      column[this.#at.length - 1] = of(stats);
    }
    while ((this.#at[0] ?? step) < step - HOUR) {
      this.#at.shift();
      for (const column of this.#columns.values()) column.shift();
    }
    for (const { chart, plot, figure } of this.#plots) {
      plot.setData(this.#dataOf(chart));
      this.#tell(chart, figure);
    }
  }

  close(): void {
    this.#theme.removeEventListener('change', this.#redraw);
    this.#sizes.disconnect();
    for (const { plot } of this.#plots) plot.destroy();
  }

  #draw(): void {
    for (const { plot } of this.#plots) plot.destroy();
    this.#root.replaceChildren();
    this.#plots = charts.map((chart) => {
      const value = make('span', 'chart-value');
      const canvas = make('div', 'chart-canvas');
      const figure = make('figure', 'chart', make('figcaption', '', make('span', '', chart.title), value), canvas);
      canvas.setAttribute('role', 'img');
      this.#root.append(figure);
      const plot = new uPlot(optionsOf(chart, canvas.clientWidth, value), this.#dataOf(chart), canvas);
      this.#tell(chart, figure);
      return { chart, plot, figure };
    });
  }

  #fit(): void {
    for (const { plot, figure } of this.#plots) {
      const width = figure.clientWidth;
      if (width > 0 && width !== plot.width) plot.setSize({ width, height: HEIGHT });
    }
  }

  #dataOf({ name }: Chart): uPlot.AlignedData {
    return [this.#at, this.#columns.get(name) ?? []];
  }

  /** Shows the newest value, and describes the chart for screen readers. */
  #tell({ name, title, words }: Chart, figure: HTMLElement): void {
    const column = this.#columns.get(name) ?? [];
    const known = column.filter((value) => value !== null && value !== undefined);
    const now = words(column.at(-1) ?? null);
    const value = figure.querySelector('.chart-value');
    if (value !== null && !value.hasAttribute('data-pointed')) value.textContent = now;
    const range = known.length === 0 ? 'no data' : `from ${words(Math.min(...known))} to ${words(Math.max(...known))}`;
    figure
      .querySelector('.chart-canvas')
      ?.setAttribute('aria-label', `${title} in the last hour: now ${now}, ${range}`);
  }
}

function optionsOf({ words, atLeast, title }: Chart, width: number, value: HTMLElement): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const token = (name: string): string => style.getPropertyValue(name).trim();
  const axis: uPlot.Axis = {
    stroke: token('--soft'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: token('--line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: Math.max(width, 120),
    height: HEIGHT,
    legend: { show: false },
    padding: [6, 8, 0, 0],
    cursor: { sync: { key: 'hour' }, drag: { x: false, y: false }, y: false, points: { size: 6 } },
    scales: {
      x: { time: true, range: lastHour },
      y: { range: (_, least, most) => [Math.min(0, least ?? 0), Math.max(atLeast, (most ?? 0) * 1.1)] },
    },
    axes: [
      { ...axis, space: 64, size: 22, values: (_, splits) => splits.map(timeOfDay) },
      { ...axis, space: 32, size: 68, values: (_, splits) => splits.map((split) => words(split)) },
    ],
    series: [
      {},
      { label: title, stroke: token('--accent'), width: 1.5, fill: `${token('--accent')}1f`, points: { show: false } },
    ],
    hooks: {
      setCursor: [
        (plot) => {
          const index = plot.cursor.idx;
          value.toggleAttribute('data-pointed', index !== null && index !== undefined);
          if (index === null || index === undefined) return;
          value.textContent = `${timeOfDay(plot.data[0][index] ?? 0)}  ${words(plot.data[1]?.[index] ?? null)}`;
        },
      ],
    },
  };
}

/** The range ends at the newest value: its time comes from the node's clock, which may differ from this browser's. */
function lastHour({ data }: uPlot): uPlot.Range.MinMax {
  const to = data[0].at(-1) ?? Date.now() / 1000;
  return [to - HOUR, to];
}

function timeOfDay(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hour12: false });
}
