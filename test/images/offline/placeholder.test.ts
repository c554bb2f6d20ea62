import { thumbHashToAverageRGBA, thumbHashToRGBA } from 'thumbhash';
import { describe, expect, it } from 'vitest';
import { dominantColourOf, thumbHashOf, tinyPicture } from '../../../src/images/offline/placeholder.js';
import { distance, halves, type Rgb } from '../pictures.js';

const orange: Rgb = [230, 120, 20];
const blue: Rgb = [20, 60, 200];

describe('tinyPicture', () => {
  it.each([
    [1280, 720, 32, 18],
    [720, 1280, 18, 32],
    [16, 16, 32, 32],
    [1, 1, 32, 32],
    [7680, 16, 32, 1],
  ])('makes %d × %d into %d × %d', (width, height, tinyWidth, tinyHeight) => {
    const tiny = tinyPicture(halves(orange, orange, { width, height }));
    expect([tiny.width, tiny.height, tiny.data.length]).toEqual([tinyWidth, tinyHeight, tinyWidth * tinyHeight * 3]);
    expect([...tiny.data.subarray(-3)]).toEqual([...orange]);
  });

  it('keeps nothing of the lent bytes', () => {
    const lent = halves(orange, blue);
    const tiny = tinyPicture(lent);
    lent.data.fill(0);
    expect([...tiny.data.subarray(0, 3)]).toEqual([...orange]);
  });
});

describe('thumbHashOf', () => {
  it('can be turned into the picture again, blurred', () => {
    const hash = Buffer.from(thumbHashOf(tinyPicture(halves(orange, blue))), 'base64');
    expect(hash.byteLength).toBeLessThan(30);
    const { w, h, rgba } = thumbHashToRGBA(hash);
    expect(w / h).toBeCloseTo(16 / 9, 0);
    const pixel = (x: number): Rgb => {
      const at = ((h >> 1) * w + x) * 4;
      return [rgba[at] ?? 0, rgba[at + 1] ?? 0, rgba[at + 2] ?? 0];
    };
    expect(distance(pixel(w >> 2), orange)).toBeLessThan(60);
    expect(distance(pixel((w * 3) >> 2), blue)).toBeLessThan(60);
  });

  it('says that a picture is opaque', () => {
    const hash = Buffer.from(thumbHashOf(tinyPicture(halves(blue, blue))), 'base64');
    expect(thumbHashToAverageRGBA(hash).a).toBe(1);
  });
});

describe('dominantColourOf', () => {
  it.each([
    [200, 40, 40],
    [30, 90, 210],
    [0, 0, 0],
  ])('finds %d, %d, %d', (...colour) => {
    const other: Rgb = [255 - colour[0], 255 - colour[1], 255 - colour[2]];
    // Three quarters of the picture are of that colour.
    const picture = halves(colour as Rgb, other, { width: 320, height: 180 });
    for (let at = 0; at < picture.data.length / 2; at += 3) picture.data.set(colour, at);
    const [, red = '', green = '', blueHex = ''] = /^#(..)(..)(..)$/.exec(dominantColourOf(tinyPicture(picture))) ?? [];
    expect([red, green, blueHex].map((hex) => Number.parseInt(hex, 16))).toEqual(colour);
  });
});
