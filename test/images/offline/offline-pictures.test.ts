import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { encodePicture } from '../../../src/images/encode.js';
import { drawOffline } from '../../../src/images/offline/offline.js';
import { OfflinePictures } from '../../../src/images/offline/offline-pictures.js';
import { halves } from '../pictures.js';

describe('OfflinePictures', () => {
  it('draws once for a last picture, again for another', async () => {
    const { pictures, drawn, last } = await setUp();
    await pictures.picture({ format: 'jpg' }, undefined);
    await pictures.picture({ format: 'jpg' }, undefined);
    await pictures.picture({ format: 'webp' }, undefined);
    expect(drawn()).toBe(2);
    await pictures.picture({ format: 'jpg' }, last);
    await pictures.picture({ format: 'jpg' }, { ...last });
    expect(drawn()).toBe(3);
    await pictures.picture({ format: 'jpg' }, { ...last, capturedAt: 1 });
    expect(drawn()).toBe(4);
  });

  it('is as large as the last picture', async () => {
    const { pictures, last } = await setUp();
    const { image } = await pictures.picture({ format: 'jpg' }, last);
    expect(image).toMatchObject({ width: 320, height: 180 });
  });

  it.each([
    [{ width: 100 }, 100, 56],
    [{ width: 100, height: 20 }, 36, 20],
    [{ width: 100, height: 100, fit: 'cover' as const }, 100, 100],
    [{ width: 640, height: 640, fit: 'cover' as const }, 180, 180],
    [{ width: 640 }, 320, 180],
  ])('comes in the size %o', async (size, width, height) => {
    const { pictures, last } = await setUp();
    const { image } = await pictures.picture({ format: 'jpg', size: { name: 'x', ...size } }, last);
    expect(image).toMatchObject({ width, height });
  });

  it('is a file where one is given, fitted into the box', async () => {
    const red = await encodePicture(halves([200, 0, 0], [200, 0, 0]), { format: 'png', quality: 80 });
    const options = { name: 'x', quality: 80, width: 640, height: 640, clock: () => 0, onError: () => {} };
    const pictures = new OfflinePictures({ ...options, offlineFile: red.body });
    const { image } = await pictures.picture({ format: 'png' }, undefined);
    const pixels = await sharp(image.body).raw().toBuffer();
    const at = (y: number) => [...pixels.subarray((y * 640 + 320) * 3, (y * 640 + 320) * 3 + 3)];
    expect(at(320)).toEqual([200, 0, 0]);
    expect(at(10)).toEqual([0x15, 0x18, 0x1c]);
  });

  it('gives a grey dot when nothing can be drawn, says why, and tries again', async () => {
    let broken = true;
    const { pictures, errors } = await setUp(() => broken);
    const { image } = await pictures.picture({ format: 'jpg' }, undefined);
    expect(image).toMatchObject({ contentType: 'image/png', width: 1 });
    expect(await sharp(image.body).metadata()).toMatchObject({ format: 'png', width: 1, height: 1 });
    expect(errors).toHaveLength(1);
    broken = false;
    expect((await pictures.picture({ format: 'jpg' }, undefined)).image.width).toBe(640);
  });
});

async function setUp(broken = () => false) {
  let drawn = 0;
  const errors: unknown[] = [];
  const pictures = new OfflinePictures({
    name: 'front-door',
    quality: 80,
    width: 640,
    height: 360,
    clock: () => 0,
    onError: (_variant, error) => errors.push(error),
    draw: async (options) => {
      drawn += 1;
      if (broken()) throw new Error('no memory');
      return drawOffline(options);
    },
  });
  const picture = halves([200, 0, 0], [0, 0, 200]);
  const last = { image: await encodePicture(picture, { format: 'jpg', quality: 80 }), capturedAt: 0 };
  return { pictures, errors, last, drawn: () => drawn };
}
