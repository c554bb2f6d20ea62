/** The value below which `share` (0 to 1) of all values lie, interpolated between neighbours. Throws on none. Pure. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new RangeError('no values');
  const sorted = values.toSorted((one, other) => one - other);
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)]!;
  const above = sorted[Math.ceil(position)]!;
  return below + (above - below) * (position - Math.floor(position));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Two alternatives measured one after the other, or side by side. */
export interface Pair {
  readonly base: number;
  readonly other: number;
}

export interface PairSummary {
  readonly base: number;
  readonly other: number;
  /** The median of the pairs' own differences: what disturbs both halves of a pair cancels out. */
  readonly difference: number;
  /** Half the distance between the quartiles of the differences: how far to trust `difference`. */
  readonly spread: number;
}

export function summarizePairs(pairs: readonly Pair[]): PairSummary {
  const differences = pairs.map(({ base, other }) => other - base);
  return {
    base: median(pairs.map(({ base }) => base)),
    other: median(pairs.map(({ other }) => other)),
    difference: median(differences),
    spread: (quantile(differences, 0.75) - quantile(differences, 0.25)) / 2,
  };
}

/** Measures both in turn, `count` times, and swaps who is first each time, so that a drift of the machine hits both alike. */
export async function interleave(
  count: number,
  base: () => Promise<number>,
  other: () => Promise<number>,
): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for (let index = 0; index < count; index += 1) {
    if (index % 2 === 0) {
      const first = await base();
      pairs.push({ base: first, other: await other() });
    } else {
      const first = await other();
      pairs.push({ base: await base(), other: first });
    }
  }
  return pairs;
}

/** The slope of the straight line nearest to all points (least squares). 0 for fewer than two. Pure. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (axis: 0 | 1) => points.reduce((sum, point) => sum + point[axis], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const spread = points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);
  return spread === 0 ? 0 : points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0) / spread;
}

/** The median slope between any two points (Theil–Sen), which a few outliers do not change. 0 for fewer than two. Pure. */
export function medianSlopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const slopes = points.flatMap(([x, y], index) =>
    points.slice(index + 1).flatMap(([laterX, laterY]) => (laterX === x ? [] : (laterY - y) / (laterX - x))),
  );
  return slopes.length === 0 ? 0 : median(slopes);
}
