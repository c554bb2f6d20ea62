import { greyCells, greyHeight, greyWidth } from './grey.js';

/** Statistics of a frame's small grey image, in grey values from 0 to 255. */
export interface GreyStatistics {
  readonly mean: number;
  readonly standardDeviation: number;
  /** The standard deviation inside the black bars, if the frame was padded to its box. */
  readonly innerDeviation: number;
  /** The mean absolute Laplacian: near 0 without edges; noise counts as edges. */
  readonly sharpness: number;
  /** The mean absolute difference to the reference; undefined without one. */
  readonly difference: number | undefined;
  /** The largest difference of a cell to the reference, which shows small moving objects. */
  readonly peakDifference: number | undefined;
}

/** The statistics of a grey image, with the differences to an earlier one. */
export function statisticsOf(grey: Uint8Array, reference?: Uint8Array): GreyStatistics {
  const { mean, deviation } = spread(grey, 0, 0);
  const bars = barsOf(grey);
  return {
    mean,
    standardDeviation: deviation,
    innerDeviation: bars.columns + bars.rows === 0 ? deviation : spread(grey, bars.columns, bars.rows).deviation,
    sharpness: sharpnessOf(grey),
    ...differencesOf(grey, reference),
  };
}

function spread(grey: Uint8Array, columns: number, rows: number): { mean: number; deviation: number } {
  let sum = 0;
  let squares = 0;
  for (let y = rows; y < greyHeight - rows; y += 1) {
    for (let x = columns; x < greyWidth - columns; x += 1) {
      const value = grey[y * greyWidth + x] ?? 0;
      sum += value;
      squares += value * value;
    }
  }
  const count = (greyWidth - 2 * columns) * (greyHeight - 2 * rows);
  const mean = sum / count;
  return { mean, deviation: Math.sqrt(Math.max(0, squares / count - mean * mean)) };
}

/** Maximum brightness of a bar. */
const barBrightness = 4;
/** Portrait video in a 16:9 box has bars of 34 % on each side. */
const widestBar = 0.36;

/** How many columns on each side and rows at top and bottom are black, plus one for partly covered cells. */
function barsOf(grey: Uint8Array): { columns: number; rows: number } {
  const blackColumn = (x: number) => {
    for (let y = 0; y < greyHeight; y += 1) if ((grey[y * greyWidth + x] ?? 0) > barBrightness) return false;
    return true;
  };
  const blackRow = (y: number) => {
    for (let x = 0; x < greyWidth; x += 1) if ((grey[y * greyWidth + x] ?? 0) > barBrightness) return false;
    return true;
  };
  const both = (side: number, black: (at: number) => boolean) => {
    const limit = Math.floor(side * widestBar);
    let bar = 0;
    while (bar < limit && black(bar) && black(side - 1 - bar)) bar += 1;
    return bar === 0 ? 0 : bar + 1;
  };
  return { columns: both(greyWidth, blackColumn), rows: both(greyHeight, blackRow) };
}

function sharpnessOf(grey: Uint8Array): number {
  let sum = 0;
  for (let y = 1; y < greyHeight - 1; y += 1) {
    for (let x = 1; x < greyWidth - 1; x += 1) {
      const at = y * greyWidth + x;
      const around =
        (grey[at - 1] ?? 0) + (grey[at + 1] ?? 0) + (grey[at - greyWidth] ?? 0) + (grey[at + greyWidth] ?? 0);
      sum += Math.abs(4 * (grey[at] ?? 0) - around);
    }
  }
  return sum / ((greyWidth - 2) * (greyHeight - 2));
}

function differencesOf(
  grey: Uint8Array,
  reference: Uint8Array | undefined,
): { difference: number | undefined; peakDifference: number | undefined } {
  if (reference === undefined) return { difference: undefined, peakDifference: undefined };
  let sum = 0;
  let peakDifference = 0;
  for (let at = 0; at < greyCells; at += 1) {
    const difference = Math.abs((grey[at] ?? 0) - (reference[at] ?? 0));
    sum += difference;
    if (difference > peakDifference) peakDifference = difference;
  }
  return { difference: sum / greyCells, peakDifference };
}
