import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  interleave,
  median,
  medianSlopeOf,
  quantile,
  slopeOf,
  summarizePairs,
} from '../../bench/support/statistics.js';

const values = fc.array(fc.integer(), { minLength: 1, maxLength: 50 });

describe('quantile', () => {
  test('of known values', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(quantile([10, 20, 30, 40, 50], 0.95)).toBeCloseTo(48);
    expect(quantile([7], 0.2)).toBe(7);
  });

  test('lies between the least and the largest, and grows with its share', () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (list, share) => {
        const value = quantile(list, share);
        expect(value).toBeGreaterThanOrEqual(Math.min(...list));
        expect(value).toBeLessThanOrEqual(Math.max(...list));
        expect(quantile(list, 0)).toBe(Math.min(...list));
        expect(quantile(list, 1)).toBe(Math.max(...list));
      }),
    );
  });

  test('of nothing is no number', () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

test('a drift that hits both halves of a pair does not show in their difference', () => {
  const pairs = [0, 5, 30, 100].map((drift) => ({ base: 10 + drift, other: 12 + drift }));
  expect(summarizePairs(pairs)).toMatchObject({ difference: 2, spread: 0 });
});

test('interleaving swaps who is first', async () => {
  const order: string[] = [];
  const measure = (name: string, value: number) => async () => {
    order.push(name);
    return value;
  };
  const pairs = await interleave(3, measure('base', 1), measure('other', 2));
  expect(pairs).toEqual(Array(3).fill({ base: 1, other: 2 }));
  expect(order).toEqual(['base', 'other', 'other', 'base', 'base', 'other']);
});

test('a slope is that of the line, whatever scatters around it', () => {
  expect(
    slopeOf([
      [0, 1],
      [1, 3],
      [2, 5],
    ]),
  ).toBe(2);
  expect(
    slopeOf([
      [0, 1],
      [1, -1],
      [2, 1],
      [3, -1],
    ]),
  ).toBeCloseTo(-0.4);
  expect(slopeOf([[1, 5]])).toBe(0);
});

test('the median slope is that of a line, whatever a few points do', () => {
  const line = Array.from({ length: 9 }, (_, x) => [x, 2 * x + 1] as const);
  expect(medianSlopeOf(line)).toBe(2);
  expect(medianSlopeOf(line.with(8, [8, 1000]))).toBe(2);
  expect(medianSlopeOf([[1, 5]])).toBe(0);
  expect(medianSlopeOf([])).toBe(0);
});
