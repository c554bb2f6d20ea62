import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { greyCells, greyHeight, greyOf, greyWidth } from '../../../src/frames/gate/grey.js';

describe('greyOf', () => {
  it.each([
    [[255, 255, 255], 255],
    [[0, 0, 0], 0],
    [[255, 0, 0], 77],
    [[0, 255, 0], 149],
    [[0, 0, 255], 29],
  ] as const)('gives %j the luma %d', (colour, luma) => {
    const data = Uint8Array.from({ length: 64 * 36 * 3 }, (_, at) => colour[at % 3] ?? 0);
    expect(new Set(greyOf({ data, width: 64, height: 36 }))).toEqual(new Set([luma]));
  });

  it('puts every part of the frame where it belongs', () => {
    const [width, height] = [640, 360];
    const data = new Uint8Array(width * height * 3);
    // One cell of 10 × 10 pixels is white.
    for (let y = 30; y < 40; y += 1) data.fill(255, (y * width + 50) * 3, (y * width + 60) * 3);
    const grey = greyOf({ data, width, height });
    const lit = [...grey.keys()].filter((at) => grey[at] !== 0);
    expect(lit).toEqual([3 * greyWidth + 5]);
    expect(grey[lit[0] ?? 0]).toBe(255);
  });

  it('takes frames of any size and stays within what is in them', () => {
    const side = fc.integer({ min: 1, max: 200 });
    fc.assert(
      fc.property(side, side, fc.nat(255), fc.nat(255), (width, height, one, other) => {
        const data = Uint8Array.from({ length: width * height * 3 }, (_, at) => (Math.floor(at / 3) % 2 ? one : other));
        const grey = greyOf({ data, width, height });
        expect(grey.length).toBe(greyCells);
        expect(greyCells).toBe(greyWidth * greyHeight);
        expect(Math.min(...grey)).toBeGreaterThanOrEqual(Math.min(one, other));
        expect(Math.max(...grey)).toBeLessThanOrEqual(Math.max(one, other));
      }),
      { numRuns: 200 },
    );
  });
});
