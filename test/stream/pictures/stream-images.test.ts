import sharp from 'sharp';
import { thumbHashToRGBA } from 'thumbhash';
import { describe, expect, it } from 'vitest';
import { cameraPixels, shadePixels, start, watchPictures } from '../pictures-env.js';

const thumbnail = { intervalSeconds: 1, staleAfterSeconds: 20 };

describe('the gate of a stream', () => {
  it('keeps the good picture for 10 s of black, then shows black, and tells each change once', async () => {
    const { images, tick, clock, offer, dropped, changes, metrics, log } = watchPictures({ thumbnail });
    expect(images.status.gate).toBeUndefined();
    await offer(cameraPixels(0));
    const good = await images.thumbnail('jpg');
    const shown: string[] = [];
    for (let second = 1; second <= 30; second += 1) {
      clock.now = start + second * 1000;
      await offer(second <= 25 ? shadePixels(2) : cameraPixels(second));
      tick();
      const image = await images.thumbnail('jpg');
      const what = image?.etag === good?.etag ? 'good' : image?.capturedAt === clock.now ? 'new' : 'old';
      shown.push(`${what} ${image?.gate}`);
    }
    expect(shown).toEqual([
      ...Array(10).fill('good good'),
      ...Array(15).fill('new black'),
      ...Array(5).fill('new good'),
    ]);
    expect(images.status).toMatchObject({ rejected: 10, captured: 21, gate: { state: 'good', since: start + 26_000 } });
    expect(await dropped()).toEqual({ 'gate-black': 10 });
    expect((await metrics.framesDropped.get()).values[0]?.labels).toEqual({ stream: 'cam', reason: 'gate-black' });
    expect(changes).toMatchObject([
      { type: 'fresh', stream: 'cam' },
      { type: 'black', at: start + 11_000, details: { brightness: 2, contrast: 0 } },
      { type: 'recovered', at: start + 26_000 },
    ]);
    const words = log.map(({ msg }) => msg);
    expect(words).toEqual(['thumbnail fresh', 'video black', 'video good again']);
  });

  it.each([3600, -3600, 7])('stays fresh, with the new date, when the system clock is set by %i s', async (seconds) => {
    const { images, tick, clock, offer, changes } = watchPictures({
      thumbnail: { intervalSeconds: 5, formats: ['jpg'] },
    });
    await offer(cameraPixels(0));
    tick();
    clock.now += 1000;
    clock.offsetMs = seconds * 1000;
    tick();
    const dated = start + clock.offsetMs;
    expect(await images.thumbnail('jpg')).toMatchObject({ state: 'fresh', capturedAt: dated });
    expect(images.status).toMatchObject({ state: 'fresh', ageSeconds: 1 });
    clock.now += 4000;
    await offer(cameraPixels(1));
    tick();
    expect(await images.thumbnail('jpg')).toMatchObject({ state: 'fresh', capturedAt: dated + 5000 });
    const { hash } = images.status;
    expect(images.immutable('jpg', hash!)).toMatchObject({ capturedAt: dated + 5000 });
    expect(changes.map(({ type }) => type)).toEqual(['fresh']);
  });

  it('measures black and frozen pictures by a clock that nobody sets, and dates both', async () => {
    const gate = { alarmAfterSeconds: 10, frozenAfterSeconds: 20 };
    const { clock, offer, changes } = watchPictures({ thumbnail: { ...thumbnail, gate } });
    for (let second = 0; second <= 60; second += 1) {
      clock.now = start + second * 1000;
      // An hour on, and back, and on again, while nothing changes.
      clock.offsetMs = (second % 3) * 3_600_000;
      await offer(second <= 30 ? cameraPixels(0) : shadePixels(2));
    }
    const at = (second: number) => start + second * 1000 + (second % 3) * 3_600_000;
    expect(changes).toMatchObject([
      { type: 'frozen', at: at(20) },
      { type: 'black', at: at(41) },
    ]);
  });

  it.each([
    [{ intervalSeconds: 1, staleAfterSeconds: 20 }, 10],
    [{ intervalSeconds: 5, staleAfterSeconds: 12 }, 2],
    [{ intervalSeconds: 10, staleAfterSeconds: 12 }, 0],
    [{ intervalSeconds: 1, staleAfterSeconds: 20, gate: { holdSeconds: 3 } }, 3],
    [{ intervalSeconds: 1, staleAfterSeconds: 20, gate: { black: false, flat: false } }, 0],
  ])('never holds so long that the picture goes stale: %o', async (options, holdSeconds) => {
    const { images, tick, clock, offer } = watchPictures({ thumbnail: options });
    await offer(cameraPixels(0));
    tick();
    for (let tenth = 1; tenth <= 300; tenth += 1) {
      clock.now = start + tenth * 100;
      if (tenth % (options.intervalSeconds * 10) === 0) await offer(shadePixels(2));
      tick();
      expect(images.status.state).toBe('fresh');
    }
    expect(images.status.rejected).toBe(Math.ceil(holdSeconds / options.intervalSeconds));
  });
});

describe('a picture that stays the same', () => {
  it('is encoded twice at most, and dated anew with each frame', async () => {
    const { images, clock, offer, metrics } = watchPictures({ thumbnail: { ...thumbnail, gate: { frozen: false } } });
    for (let second = 0; second < 50; second += 1) {
      clock.now = start + second * 1000;
      await offer(cameraPixels(7));
      expect(await images.thumbnail('jpg')).toMatchObject({ state: 'fresh', capturedAt: clock.now });
    }
    expect((await images.thumbnail('jpg'))?.modifiedAt).toBe(start);
    const { values } = await metrics.thumbnailEncodeSeconds.get();
    expect(values.find(({ metricName }) => metricName?.endsWith('_count'))?.value).toBe(2);
    expect(images.status.captured).toBe(50);
    // One grey value of one pixel is another picture, even where the grey statistics do not see it.
    const other = cameraPixels(7);
    other[0] = (other[0] ?? 0) ^ 1;
    clock.now += 1000;
    await offer(other);
    expect((await metrics.thumbnailEncodeSeconds.get()).values.at(-1)?.value).toBe(3);
  });
});

describe('the forms of a picture', () => {
  const sizes = {
    formats: ['jpg', 'webp'] as ['jpg', 'webp'],
    width: 64,
    widths: [32],
    sizes: [{ name: 'square', width: 20, height: 20, fit: 'cover' as const }, { width: 48 }],
  };

  it('are found by width and by name, and by no other', async () => {
    const { images, offer } = watchPictures({ thumbnail: { ...thumbnail, ...sizes } });
    await offer(cameraPixels(1));
    expect(images.widths).toEqual([64, 32, 20, 48]);
    expect(images.sizeNames).toEqual(['32', 'square', '48']);
    const sizeOf = async (size?: string | number) => {
      const image = await images.thumbnail('webp', size);
      if (image === undefined) return undefined;
      const { width, height } = await sharp(image.body).metadata();
      return [width, height];
    };
    expect(await sizeOf()).toEqual([64, 36]);
    expect(await sizeOf(64)).toEqual([64, 36]);
    expect(await sizeOf(32)).toEqual([32, 18]);
    expect(await sizeOf('32')).toEqual([32, 18]);
    expect(await sizeOf('square')).toEqual([20, 20]);
    expect(await sizeOf(20)).toEqual([20, 20]);
    expect(await sizeOf(48)).toEqual([48, 27]);
    for (const unknown of [33, 'round', '64', '']) expect(await sizeOf(unknown)).toBeUndefined();
    expect(await images.thumbnail('png')).toBeUndefined();
  });

  it('have an address of their content for a while', async () => {
    const { images, clock, offer } = watchPictures({ thumbnail });
    await offer(cameraPixels(1));
    const first = images.status.hash ?? '';
    expect(first).toMatch(/^[\w-]{27}$/);
    expect(images.immutable('jpg', first)).toMatchObject({ capturedAt: start, etag: `"${first}"` });
    clock.now += 30_000;
    await offer(cameraPixels(2));
    expect(images.status.hash).not.toBe(first);
    expect(images.immutable('jpg', first)?.body).toBeDefined();
    clock.now += 31_000;
    expect(images.immutable('jpg', first)).toBeUndefined();
    expect(images.immutable('jpg', images.status.hash ?? '')).toBeDefined();
  });

  it('have placeholders of the newest good frame', async () => {
    const { images, clock, offer } = watchPictures({ thumbnail });
    expect(images.status).toMatchObject({ placeholder: undefined, dominantColour: undefined });
    const blue = shadePixels(0).map((_, at) => (at % 3 === 2 ? 200 + (at % 7) : 20 + (at % 30)));
    await offer(blue);
    const { placeholder = '', dominantColour = '' } = images.status;
    const { rgba } = thumbHashToRGBA(Buffer.from(placeholder, 'base64'));
    expect((rgba[2] ?? 0) - (rgba[0] ?? 0)).toBeGreaterThan(100);
    expect(dominantColour).toMatch(/^#[0-3].[0-3].[cd].$/);
    clock.now += 1000;
    await offer(shadePixels(0));
    expect(images.status.placeholder).toBe(placeholder);
  });
});

describe('the best of some frames', () => {
  it('is the sharpest, and no more than three raw frames are held', async () => {
    const { images, clock } = watchPictures({ thumbnail: { ...thumbnail, bestOf: 3 } });
    const buffers = new Set<Uint8Array>();
    const captured: number[] = [];
    for (let frame = 0; frame < 60; frame += 1) {
      clock.now = start + frame * 333;
      const data = images.frames.acquire(64 * 36 * 3);
      buffers.add(data);
      const pixels = cameraPixels(frame);
      // Every fifth frame is as sharp as it came, the others are blurred.
      data.set(frame % 5 === 0 ? pixels : pixels.map((_, at) => ((pixels[at] ?? 0) + (pixels[at + 24] ?? 0)) / 2));
      images.frames.offer({ data, width: 64, height: 36, ptsSeconds: 0 }, clock.now);
      await images.close();
      const shown = Math.round(((await images.thumbnail('jpg'))?.capturedAt ?? 0) - start) / 333;
      if (captured.at(-1) !== shown) captured.push(shown);
    }
    expect(buffers.size).toBeLessThanOrEqual(3);
    expect(captured.slice(0, 5)).toEqual([0, expect.any(Number), 5, expect.any(Number), 10]);
    expect(images.status.captured).toBeGreaterThanOrEqual(20);
  });
});
