import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { drawOffline } from '../../src/images/offline/offline.js';
import { delaysOf, Preview, stillPreview } from '../../src/images/preview.js';
import { distance, halves, type Rgb } from './pictures.js';

const colours: readonly Rgb[] = [
  [200, 30, 30],
  [30, 200, 30],
  [30, 30, 200],
  [200, 200, 30],
  [30, 200, 200],
];
const options = { frames: 3, width: 160, quality: 80 } as const;

describe('Preview', () => {
  it('has none before the first frame', async () => {
    expect(await new Preview(options).image('webp')).toBeUndefined();
  });

  it.each(['webp', 'gif'] as const)('shows the last frames in order and in real time, as %s', async (format) => {
    const preview = new Preview(options);
    for (const [at, colour] of colours.entries()) {
      await preview.add(halves(colour, colour, { capturedAt: at * at * 100 }));
    }
    const made = await preview.image(format);
    expect(made?.capturedAt).toEqual([400, 900, 1600]);
    expect(made?.image).toMatchObject({ contentType: `image/${format}`, width: 160, height: 90 });
    const body = made?.image.body;
    const metadata = await sharp(body, { animated: true }).metadata();
    expect(metadata).toMatchObject({ pages: 3, pageHeight: 90, width: 160, delay: [500, 700, 700], loop: 0 });
    for (const [page, colour] of colours.slice(2).entries()) {
      const [red = 0, green = 0, blue = 0] = await sharp(body, { page }).removeAlpha().raw().toBuffer();
      expect(distance([red, green, blue], colour)).toBeLessThan(10);
    }
  });

  it('is encoded once a frame, however many ask', async () => {
    const preview = new Preview(options);
    await preview.add(halves(colours[0]!, colours[1]!));
    const [one, other] = await Promise.all([preview.image('webp'), preview.image('webp')]);
    expect(other?.image.body).toBe(one?.image.body);
    await preview.add(halves(colours[2]!, colours[1]!, { capturedAt: 5 }));
    expect((await preview.image('webp'))?.image.etag).not.toBe(one?.image.etag);
  });

  it('is whole although frames come while it is encoded', async () => {
    const preview = new Preview(options);
    const work: Promise<unknown>[] = [];
    for (let at = 0; at < 20; at += 1) {
      const colour = colours[at % colours.length]!;
      work.push(preview.add(halves(colour, colour, { capturedAt: at * 1000 })), preview.image('webp'));
      await work.at(-2);
    }
    for (const made of (await Promise.all(work)).filter((result) => result !== undefined)) {
      const { image, capturedAt } = made as NonNullable<Awaited<ReturnType<Preview['image']>>>;
      for (const [page, time] of capturedAt.entries()) {
        const [red = 0, green = 0, blue = 0] = await sharp(image.body, { page }).removeAlpha().raw().toBuffer();
        expect(distance([red, green, blue], colours[(time / 1000) % colours.length]!)).toBeLessThan(10);
      }
    }
  });

  it('begins anew when the proportions change', async () => {
    const preview = new Preview(options);
    await preview.add(halves(colours[0]!, colours[0]!));
    await preview.add(halves(colours[1]!, colours[1]!, { width: 180, height: 320, capturedAt: 5 }));
    expect(await preview.image('webp')).toMatchObject({ capturedAt: [5], image: { width: 160, height: 284 } });
  });

  it('shows each frame as long as it is told to', async () => {
    const preview = new Preview({ ...options, frameSeconds: 0.5 });
    for (const [at, colour] of colours.slice(0, 2).entries()) {
      await preview.add(halves(colour, colour, { capturedAt: at * 5000 }));
    }
    const made = await preview.image('gif');
    expect((await sharp(made?.image.body, { animated: true }).metadata()).delay).toEqual([500, 500]);
  });

  it('holds nothing once it is cleared, and begins anew', async () => {
    const preview = new Preview(options);
    await preview.add(halves(colours[0]!, colours[0]!));
    preview.clear();
    expect(await preview.image('webp')).toBeUndefined();
    await preview.add(halves(colours[1]!, colours[1]!, { capturedAt: 7 }));
    expect((await preview.image('webp'))?.capturedAt).toEqual([7]);
  });

  it('is a still picture where there are no frames', async () => {
    const still = await drawOffline({ name: 'x', width: 320, height: 180, format: 'jpg', quality: 80 });
    for (const format of ['webp', 'gif'] as const) {
      const { body, contentType, width } = await stillPreview(still, { width: 160, quality: 60, format });
      expect([contentType, width, (await sharp(body).metadata()).format]).toEqual([`image/${format}`, 160, format]);
    }
  });

  it('tells of a torn frame and goes on', async () => {
    const errors: unknown[] = [];
    const preview = new Preview({ ...options, onError: (error) => errors.push(error) });
    await preview.add({ ...halves(colours[0]!, colours[0]!), data: new Uint8Array(4) });
    expect(errors).toMatchObject([{ code: 'frame-invalid' }]);
    await preview.add(halves(colours[0]!, colours[0]!));
    expect(await preview.image('webp')).toBeDefined();
  });
});

describe('delaysOf', () => {
  it('bounds what the clock says', () => {
    expect(delaysOf([1000])).toEqual([1000]);
    expect(delaysOf([1000, 1001, 500, 1_000_000])).toEqual([20, 20, 10_000, 10_000]);
  });
});
