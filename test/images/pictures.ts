import sharp from 'sharp';
import type { RawPicture } from '../../src/images/picture.js';

export interface PictureOptions {
  readonly width?: number;
  readonly height?: number;
  readonly capturedAt?: number;
  readonly sequence?: number;
}

/** A picture of two halves, so that what comes out of an encoder can be told apart: left and right colour. */
export function halves(left: Rgb, right: Rgb, options: PictureOptions = {}): RawPicture {
  const { width = 320, height = 180, capturedAt = 0, sequence = 0 } = options;
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) data.set(x < width / 2 ? left : right, (y * width + x) * 3);
  }
  return { data, width, height, capturedAt, sequence };
}

export type Rgb = readonly [number, number, number];

/** The mean colours of the inner parts of the two halves of an encoded picture. */
export async function halvesOf(body: Uint8Array): Promise<{ left: Rgb; right: Rgb }> {
  const { width = 0, height = 0 } = await sharp(body).metadata();
  const side = { top: 0, width: Math.floor(width / 4), height };
  const mean = async (left: number): Promise<Rgb> => {
    const part = await sharp(body)
      .extract({ ...side, left })
      .png()
      .toBuffer();
    const [red, green, blue] = (await sharp(part).stats()).channels;
    return [Math.round(red?.mean ?? -1), Math.round(green?.mean ?? -1), Math.round(blue?.mean ?? -1)];
  };
  return { left: await mean(Math.floor(width / 8)), right: await mean(Math.floor((width * 5) / 8)) };
}

/** How far apart two colours are: the largest difference of a channel. */
export function distance(one: Rgb, other: Rgb): number {
  return Math.max(...one.map((value, index) => Math.abs(value - (other[index] ?? 0))));
}
