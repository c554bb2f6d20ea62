import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { webpAnimation, webpChunk } from '../../src/images/webp-animation.js';
import { distance, type Rgb } from './pictures.js';

const colours: readonly Rgb[] = [
  [200, 30, 30],
  [30, 200, 30],
  [30, 30, 200],
];
const still = (background: Rgb, options: object = {}) => {
  const [r, g, b] = background;
  const create = { width: 65, height: 33, channels: 3, background: { r, g, b } } as const;
  return sharp({ create }).webp(options).toBuffer();
};

describe('webpAnimation', () => {
  it.each([{}, { lossless: true }])('is what a decoder takes for the frames it is made of: %o', async (options) => {
    const frames = await Promise.all(
      colours.map(async (colour, at) => ({ chunk: webpChunk(await still(colour, options)), delayMs: 100 * (at + 1) })),
    );
    const file = webpAnimation(65, 33, frames);
    const metadata = await sharp(file, { animated: true }).metadata();
    expect(metadata).toMatchObject({ pages: 3, pageHeight: 33, width: 65, delay: [100, 200, 300], loop: 0 });
    for (const [page, colour] of colours.entries()) {
      const [red = 0, green = 0, blue = 0] = await sharp(file, { page }).removeAlpha().raw().toBuffer();
      expect(distance([red, green, blue], colour)).toBeLessThan(10);
    }
  });

  it('takes the picture out of a file that has more in it', async () => {
    const file = await sharp(await still(colours[0]!))
      .keepMetadata()
      .withExif({ IFD0: { Copyright: 'x' } })
      .webp()
      .toBuffer();
    expect(Buffer.from(file).toString('latin1', 12, 16)).toBe('VP8X');
    expect(Buffer.from(webpChunk(file)).toString('latin1', 0, 4)).toBe('VP8 ');
  });

  it.each([
    [''],
    ['RIFF....WEBP'],
    ['RIFFxxxxWEBPVP8 \u00ff\u00ff\u00ff\u00ff'],
    ['RIFFxxxxWEBPEXIF\u0002\u0000\u0000\u0000ab'],
  ])('refuses what is no picture: %j', (text) => {
    expect(() => webpChunk(Buffer.from(text, 'latin1'))).toThrow(RangeError);
  });
});
