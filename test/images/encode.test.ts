import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { encodePicture, transcodeImage } from '../../src/images/encode.js';
import { distance, halves, halvesOf } from './pictures.js';

const blue = [20, 40, 200] as const;
const orange = [230, 140, 30] as const;
const formats = [
  ['jpg', 'image/jpeg', 'jpeg'],
  ['webp', 'image/webp', 'webp'],
  ['avif', 'image/avif', 'heif'],
  ['png', 'image/png', 'png'],
] as const;

describe('encodePicture', () => {
  it.each(formats)('encodes %s in its true colours', async (format, contentType, sharpName) => {
    const image = await encodePicture(halves(blue, orange), { format, quality: 80 });
    expect(image).toMatchObject({ contentType, width: 320, height: 180, bytes: image.body.byteLength });
    expect((await sharp(image.body).metadata()).format).toBe(sharpName);
    const { left, right } = await halvesOf(image.body);
    expect(distance(left, blue)).toBeLessThan(6);
    expect(distance(right, orange)).toBeLessThan(6);
  });

  it('gives the same strong tag to the same picture and another one to another', async () => {
    const options = { format: 'jpg', quality: 80 } as const;
    const one = await encodePicture(halves(blue, orange), options);
    const same = await encodePicture(halves(blue, orange, { capturedAt: 99, sequence: 7 }), options);
    const other = await encodePicture(halves(orange, blue), options);
    expect(one.etag).toMatch(/^"[\w-]{27}"$/);
    expect(same.etag).toBe(one.etag);
    expect(other.etag).not.toBe(one.etag);
  });

  it('makes several sizes of one frame, crops when asked to and never enlarges', async () => {
    const picture = halves(blue, orange);
    const sizes = await Promise.all([
      encodePicture(picture, { format: 'jpg', quality: 80, width: 160 }),
      encodePicture(picture, { format: 'jpg', quality: 80, width: 90, height: 90 }),
      encodePicture(picture, { format: 'jpg', quality: 80, width: 90, height: 90, fit: 'cover' }),
      encodePicture(picture, { format: 'jpg', quality: 80, width: 4000 }),
    ]);
    expect(sizes.map(({ width, height }) => [width, height])).toEqual([
      [160, 90],
      [90, 51],
      [90, 90],
      [320, 180],
    ]);
  });

  it('keeps nothing of the lent bytes', async () => {
    const picture = halves(blue, orange);
    const image = await encodePicture(picture, { format: 'png', quality: 80 });
    picture.data.fill(0);
    const { left } = await halvesOf(image.body);
    expect(left).toEqual(blue);
  });

  it('refuses a torn frame and sizes that make no picture', async () => {
    const picture = halves(blue, orange);
    const torn = { ...picture, data: picture.data.subarray(0, 1000) };
    const expected = { code: 'frame-invalid', retryable: false };
    await expect(encodePicture(torn, { format: 'jpg', quality: 80 })).rejects.toMatchObject(expected);
    const empty = { ...picture, data: new Uint8Array(0), width: 0 };
    await expect(encodePicture(empty, { format: 'jpg', quality: 80 })).rejects.toMatchObject(expected);
  });

  it('reports what sharp cannot do as retryable, with the cause', async () => {
    const attempt = encodePicture(halves(blue, orange), { format: 'jpg', quality: 101 });
    await expect(attempt).rejects.toMatchObject({ code: 'image-failed', retryable: true, cause: expect.any(Error) });
  });
});

describe('transcodeImage', () => {
  it('makes another format and size of an encoded picture', async () => {
    const jpg = await encodePicture(halves(blue, orange), { format: 'jpg', quality: 80 });
    const webp = await transcodeImage(jpg, { format: 'webp', quality: 80, width: 100 });
    expect(webp).toMatchObject({ contentType: 'image/webp', width: 100 });
    const { left, right } = await halvesOf(webp.body);
    expect(distance(left, blue)).toBeLessThan(8);
    expect(distance(right, orange)).toBeLessThan(8);
  });

  it('fails on what is no picture', async () => {
    const jpg = await encodePicture(halves(blue, orange), { format: 'jpg', quality: 80 });
    const broken = { ...jpg, body: new Uint8Array(100) };
    const attempt = transcodeImage(broken, { format: 'webp', quality: 80 });
    await expect(attempt).rejects.toMatchObject({ code: 'image-failed' });
  });
});
