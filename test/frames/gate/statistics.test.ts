import { describe, expect, it } from 'vitest';
import { greyHeight, greyWidth } from '../../../src/frames/gate/grey.js';
import { statisticsOf } from '../../../src/frames/gate/statistics.js';

describe('statisticsOf', () => {
  it('measures mean and deviation', () => {
    expect(statisticsOf(cells(() => 80))).toMatchObject({ mean: 80, standardDeviation: 0, sharpness: 0 });
    const halves = statisticsOf(cells((x) => (x < greyWidth / 2 ? 50 : 150)));
    expect(halves.mean).toBe(100);
    expect(halves.standardDeviation).toBe(50);
  });

  it('calls a pattern with edges sharper than a slope', () => {
    const slope = statisticsOf(cells((x) => x * 4));
    const boxes = statisticsOf(cells((x) => (Math.floor(x / 4) % 2) * 200));
    expect(slope.sharpness).toBe(0);
    expect(boxes.sharpness).toBeGreaterThan(50);
  });

  it('measures differences to a reference, and none without one', () => {
    const before = cells(() => 100);
    const after = cells((x, y) => (x === 3 && y === 4 ? 148 : 100));
    const { difference, peakDifference } = statisticsOf(after, before);
    expect(difference).toBeCloseTo(48 / before.length);
    expect(peakDifference).toBe(48);
    expect(statisticsOf(after)).toMatchObject({ difference: undefined, peakDifference: undefined });
  });

  it.each([
    ['pillar bars of an upright picture', (x: number) => x >= 22 && x < 42],
    ['letterbox bars', (_: number, y: number) => y >= 5 && y < 31],
  ])('looks for a flat picture inside %s', (_, inside) => {
    const flat = statisticsOf(cells((x, y) => (inside(x, y) ? 120 : 0)));
    expect(flat.innerDeviation).toBe(0);
    expect(flat.standardDeviation).toBeGreaterThan(30);
    const picture = statisticsOf(cells((x, y) => (inside(x, y) ? 100 + ((x * 7 + y * 13) % 60) : 0)));
    expect(picture.innerDeviation).toBeGreaterThan(10);
  });

  it('does not take a lamp in the dark for a picture between bars', () => {
    const lamp = statisticsOf(cells((x, y) => (x === 32 && y === 18 ? 250 : 1)));
    expect(lamp.innerDeviation).toBeGreaterThan(10);
  });
});

function cells(shade: (x: number, y: number) => number): Uint8Array {
  return Uint8Array.from({ length: greyWidth * greyHeight }, (_, at) =>
    shade(at % greyWidth, Math.floor(at / greyWidth)),
  );
}
