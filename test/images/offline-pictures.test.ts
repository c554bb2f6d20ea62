import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { drawOffline } from '../../src/images/offline.js';
import { OfflinePictures } from '../../src/images/offline-pictures.js';
import { encodePicture } from '../../src/images/thumbnailer.js';
import { halves } from './pictures.js';

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
    const small = await pictures.picture({ format: 'jpg', width: 100 }, last);
    expect(small.image).toMatchObject({ width: 100, height: 56 });
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
