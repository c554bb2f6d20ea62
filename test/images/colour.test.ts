import { describe, expect, it } from 'vitest';
import { dominantColour } from '../../src/images/colour.js';
import { encodePicture } from '../../src/images/thumbnailer.js';
import { distance, halves, type Rgb } from './pictures.js';

describe('dominantColour', () => {
  it.each([
    [200, 40, 40],
    [30, 90, 210],
    [0, 0, 0],
  ])('finds %d, %d, %d', async (...colour) => {
    const image = await encodePicture(halves(colour as Rgb, colour as Rgb), { format: 'jpg', quality: 80 });
    const [, red = '', green = '', blue = ''] = /^#(..)(..)(..)$/.exec(await dominantColour(image)) ?? [];
    const found: Rgb = [Number.parseInt(red, 16), Number.parseInt(green, 16), Number.parseInt(blue, 16)];
    // sharp counts in bins of 16.
    expect(distance(found, colour as Rgb)).toBeLessThan(17);
  });

  it('fails on what is no picture', async () => {
    const image = await encodePicture(halves([1, 2, 3], [1, 2, 3]), { format: 'jpg', quality: 80 });
    await expect(dominantColour({ ...image, body: new Uint8Array(3) })).rejects.toMatchObject({ code: 'image-failed' });
  });
});
