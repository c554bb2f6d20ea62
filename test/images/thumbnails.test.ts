import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { SidepipeError } from '../../src/errors.js';
import { encodePicture } from '../../src/images/encode.js';
import type { RawPicture } from '../../src/images/picture.js';
import type { ThumbnailEvent, ThumbnailVariant } from '../../src/images/thumbnail.js';
import { Thumbnails, type ThumbnailsOptions } from '../../src/images/thumbnails.js';
import { distance, halves, halvesOf, type Rgb } from './pictures.js';

const red: Rgb = [210, 30, 30];
const green: Rgb = [30, 180, 40];
const start = Date.UTC(2025, 0, 2, 12, 0, 0);

describe('Thumbnails', () => {
  it('shows the offline picture, never nothing, before the first frame', async () => {
    const { thumbnails } = setUp();
    const image = await thumbnails.thumbnail('jpg', start);
    expect(image).toMatchObject({ state: 'offline', capturedAt: undefined, contentType: 'image/jpeg' });
    expect(await sharp(image?.body).metadata()).toMatchObject({ width: 320, height: 180 });
    expect(thumbnails.status(start)).toMatchObject({ state: 'offline', capturedAt: undefined, captured: 0 });
  });

  it('shows the newest picture as fresh, then stale, then offline, then fresh again', async () => {
    const { thumbnails, accept } = setUp();
    await accept(red);
    const states = [];
    for (const seconds of [0, 19, 20, 299, 300]) {
      const image = await thumbnails.thumbnail('jpg', start + seconds * 1000);
      states.push([image?.state, image?.capturedAt]);
      if (image?.state !== 'offline') expect(distance((await halvesOf(image!.body)).left, red)).toBeLessThan(6);
    }
    expect(states).toEqual([
      ['fresh', start],
      ['fresh', start],
      ['stale', start],
      ['stale', start],
      ['offline', start],
    ]);
    await accept(green, 310);
    const back = await thumbnails.thumbnail('jpg', start + 311_000);
    expect(back).toMatchObject({ state: 'fresh', capturedAt: start + 310_000, maxAgeSeconds: 5 });
    expect(distance((await halvesOf(back!.body)).left, green)).toBeLessThan(6);
  });

  it('knows only the formats and widths that are configured', async () => {
    const { thumbnails, accept } = setUp({ sizes: [{ name: '160', width: 160 }] });
    await accept(red);
    expect(await thumbnails.thumbnail('avif', start)).toBeUndefined();
    expect(await thumbnails.thumbnail('jpg', start, '161')).toBeUndefined();
    const small = await thumbnails.thumbnail('jpg', start, '160');
    expect(await sharp(small?.body).metadata()).toMatchObject({ width: 160, height: 90 });
    const offline = await thumbnails.thumbnail('jpg', start + 1e9, '160');
    expect(await sharp(offline?.body).metadata()).toMatchObject({ width: 160, height: 90 });
  });

  it('encodes other formats from raw frames only while they are asked for', async () => {
    const { thumbnails, accept, encoded, clock } = setUp();
    await accept(red);
    expect(encoded()).toEqual(['jpg']);
    // Made on request, from what there is, with the capture time of the frame it shows.
    const webp = await thumbnails.thumbnail('webp', clock.now);
    expect(webp).toMatchObject({ contentType: 'image/webp', capturedAt: start, state: 'fresh' });
    expect(distance((await halvesOf(webp!.body)).left, red)).toBeLessThan(8);
    expect((await thumbnails.thumbnail('webp', clock.now))?.etag).toBe(webp?.etag);
    await accept(green, 59);
    expect(encoded()).toEqual(['jpg', 'jpg', 'webp']);
    await accept(red, 61);
    expect(encoded()).toEqual(['jpg', 'jpg', 'webp', 'jpg']);
    const later = await thumbnails.thumbnail('webp', clock.now);
    expect(later?.capturedAt).toBe(start + 61_000);
    expect(distance((await halvesOf(later!.body)).left, red)).toBeLessThan(8);
  });

  it('encodes every format from every frame when told to', async () => {
    const { accept, encoded } = setUp({ everyVariant: true, sizes: [{ name: 'small', width: 160 }] });
    await accept(red);
    expect(encoded()).toEqual(['jpg', 'webp', 'jpg-small', 'webp-small']);
  });

  it('makes a variant of every frame for a minute after the last request for it', async () => {
    const { thumbnails, accept, encoded } = setUp({ sizes: [{ name: 'small', width: 160 }] });
    await accept(red);
    await thumbnails.thumbnail('webp', start, 'small');
    await thumbnails.thumbnail('webp', start + 30_000);
    await accept(green, 59.999);
    await accept(red, 60);
    expect(encoded()).toEqual(['jpg', 'jpg', 'webp', 'webp-small', 'jpg', 'webp']);
  });

  it('finds a size by its name or width, the full one by its width only', async () => {
    const card = { name: 'card', width: 320, height: 100, fit: 'cover' as const };
    const { thumbnails, accept } = setUp({ sizes: [card, { name: 'small', width: 160 }] });
    await accept(red);
    const heightOf = async (size?: string | number) => {
      const image = await thumbnails.thumbnail('jpg', start, size);
      return (await sharp(image?.body).metadata()).height;
    };
    expect(await Promise.all([undefined, 320, 'card', 160, 'small'].map(heightOf))).toEqual([180, 180, 100, 90, 90]);
    expect(thumbnails.thumbnail('jpg', start, 'large')).toBeUndefined();
    expect(thumbnails.thumbnail('jpg', start, 161)).toBeUndefined();
  });

  it('does not encode a frame that is identical to the one before', async () => {
    const { thumbnails, clock, events } = setUp();
    const accept = async (left: Rgb, second: number, isStill: boolean) => {
      clock.now = start + second * 1000;
      await thumbnails.accept({ ...halves(left, red, { capturedAt: clock.now }), isStill });
    };
    await accept(red, 0, false);
    // Only frames that may be identical to the next one are remembered.
    await accept(red, 5, true);
    await accept(red, 10, true);
    expect(events.map(({ type }) => type)).toEqual(['encoded', 'encoded', 'repeated']);
    expect(thumbnails.status(clock.now)).toMatchObject({ captured: 3, capturedAt: start + 10_000 });
    await accept(green, 15, true);
    expect(events.at(-1)).toMatchObject({ type: 'encoded', unchanged: false });
  });

  it('makes a picture once for everyone who asks at the same time', async () => {
    const { thumbnails, accept } = setUp();
    await accept(red);
    const images = await Promise.all(Array.from({ length: 5 }, () => thumbnails.thumbnail('webp', start)));
    expect(new Set(images.map((image) => image?.body)).size).toBe(1);
    const drawn = await Promise.all(Array.from({ length: 5 }, () => thumbnails.thumbnail('webp', start + 1e9)));
    expect(new Set(drawn.map((image) => image?.body)).size).toBe(1);
  });

  it('says when a picture is the same as the one before', async () => {
    const { thumbnails, accept, events, clock } = setUp();
    await accept(red);
    await accept(red, 5);
    await accept(green, 10);
    expect(events.map((event) => event.type === 'encoded' && event.unchanged)).toEqual([false, true, false]);
    expect((await thumbnails.thumbnail('jpg', clock.now))?.modifiedAt).toBe(start + 10_000);
  });

  it('dates an unchanged picture anew but leaves the time of its modification', async () => {
    const { thumbnails, accept, clock } = setUp();
    await accept(red);
    await accept(red, 5);
    const image = await thumbnails.thumbnail('jpg', clock.now);
    expect(image).toMatchObject({ capturedAt: start + 5000, modifiedAt: start });
  });

  it('keeps nothing of the lent bytes', async () => {
    const { thumbnails } = setUp();
    const lent = halves(red, red, { capturedAt: start });
    await thumbnails.accept(lent);
    lent.data.fill(0);
    const webp = await thumbnails.thumbnail('webp', start);
    expect(distance((await halvesOf(webp!.body)).left, red)).toBeLessThan(8);
  });

  it('does not believe a capture time in the future', async () => {
    const { thumbnails, accept } = setUp();
    await accept(red, 0, 3_600_000);
    expect(await thumbnails.thumbnail('jpg', start + 30_000)).toMatchObject({ state: 'stale', capturedAt: start });
  });
});

describe('Thumbnails, when encoding fails', () => {
  it('tries the same frame once more', async () => {
    const { thumbnails, accept, events } = setUp({ encode: failing(1) });
    await accept(red);
    expect(events.map((event) => event.type)).toEqual(['failed', 'encoded']);
    expect(events[0]).toMatchObject({ step: 'encode', retrying: true, error: { code: 'image-failed' } });
    expect(thumbnails.status(start)).toMatchObject({ state: 'fresh', captured: 1, failed: 1 });
  });

  it('keeps the last good picture with its own age when the retry fails too', async () => {
    const { thumbnails, accept, events } = setUp({ encode: failing(2, 1) });
    await accept(red);
    await accept(green, 5);
    expect(events.slice(1).map((event) => event.type === 'failed' && event.retrying)).toEqual([true, false]);
    const image = await thumbnails.thumbnail('jpg', start + 30_000);
    expect(image).toMatchObject({ state: 'stale', capturedAt: start });
    expect(distance((await halvesOf(image!.body)).left, red)).toBeLessThan(6);
    await accept(green, 31);
    expect(await thumbnails.thumbnail('jpg', start + 31_000)).toMatchObject({ state: 'fresh' });
  });

  it('leaves the frame when a newer one waits', async () => {
    const { accept, events } = setUp({ encode: failing(1), isNewest: () => false });
    await accept(red);
    expect(events).toMatchObject([{ type: 'failed', retrying: false }]);
  });

  it('does not try a torn frame twice, and goes on with the next', async () => {
    const { thumbnails, events, accept } = setUp();
    const torn = { ...halves(red, red), data: new Uint8Array(5) };
    await thumbnails.accept(torn);
    expect(events).toMatchObject([{ type: 'failed', retrying: false, error: { code: 'frame-invalid' } }]);
    await accept(red, 1);
    expect(await thumbnails.thumbnail('jpg', start + 1000)).toMatchObject({ state: 'fresh' });
  });

  it('answers with the first format when another cannot be made', async () => {
    const { thumbnails, accept } = setUp({
      encode: async (picture, options) => ({
        ...(await encodePicture(picture, options)),
        body: new Uint8Array(9),
      }),
    });
    await accept(red);
    const image = await thumbnails.thumbnail('webp', start);
    expect(image).toMatchObject({ contentType: 'image/jpeg', state: 'fresh', capturedAt: start });
    expect(thumbnails.status(start).failed).toBe(1);
  });

  it('survives an hour of faults at one a second', async () => {
    let calls = 0;
    const { thumbnails, clock } = setUp({
      encode: async (picture) => {
        calls += 1;
        if (calls % 3 !== 0) throw new Error('out of memory');
        const body = Uint8Array.of(calls);
        const { width, height } = picture;
        return { body, contentType: 'image/jpeg', etag: `"${calls}"`, width, height, bytes: 1, encodeSeconds: 0 };
      },
    });
    for (let second = 0; second < 3600; second += 1) {
      clock.now = start + second * 1000;
      await thumbnails.accept({ ...halves(red, red, { width: 2, height: 2 }), capturedAt: clock.now });
    }
    const status = thumbnails.status(clock.now);
    expect(status.captured).toBeGreaterThan(1000);
    expect(status.captured + status.failed).toBe(calls);
    expect(status.ageSeconds).toBeLessThan(3);
  });
});

describe('Thumbnails, while the encoder is blocked', () => {
  it('goes on showing the picture before, with its true age', async () => {
    const gate = deferred();
    let blocked = false;
    const { thumbnails, accept } = setUp({
      encode: async (picture, options) => {
        if (blocked) await gate.promise;
        return encodePicture(picture, options);
      },
    });
    await accept(red);
    blocked = true;
    const pending = accept(green, 5);
    expect(await thumbnails.thumbnail('jpg', start + 15_000)).toMatchObject({ state: 'fresh', capturedAt: start });
    expect(await thumbnails.thumbnail('jpg', start + 25_000)).toMatchObject({ state: 'stale', capturedAt: start });
    expect(await thumbnails.thumbnail('jpg', start + 400_000)).toMatchObject({ state: 'offline', capturedAt: start });
    gate.resolve();
    await pending;
    expect(await thumbnails.thumbnail('jpg', start + 6000)).toMatchObject({ state: 'fresh' });
  });

  it('answers with a fresh picture of the frame before rather than wait for a slow format', async () => {
    const gate = deferred();
    const { thumbnails, accept, events } = setUp({
      encode: async (picture, options) => {
        if (options.format === 'webp' && picture.capturedAt > start) await gate.promise;
        return encodePicture(picture, options);
      },
    });
    await accept(red);
    await thumbnails.thumbnail('webp', start);
    const pending = accept(green, 5);
    await expect.poll(() => events.length).toBe(2);
    expect(await thumbnails.thumbnail('webp', start + 6000)).toMatchObject({ capturedAt: start, state: 'fresh' });
    const waiting = thumbnails.thumbnail('webp', start + 24_000);
    gate.resolve();
    expect(await waiting).toMatchObject({ capturedAt: start + 5000, state: 'fresh' });
    await pending;
  });
});

it('does not make a form of a frame twice while it waits for its turn', async () => {
  const gate = deferred();
  const { thumbnails, accept, events } = setUp({
    formats: ['jpg', 'webp', 'png'],
    everyVariant: true,
    encode: async (picture, options) => {
      if (options.format === 'webp') await gate.promise;
      return encodePicture(picture, options);
    },
  });
  const pending = accept(red);
  await expect.poll(() => events.length).toBe(1);
  const waiting = thumbnails.thumbnail('png', start);
  gate.resolve();
  const png = await waiting;
  await pending;
  const made = events.findLast((event) => event.type === 'encoded' && event.variant.format === 'png');
  expect(made?.type === 'encoded' && made.image.body).toBe(png?.body);
});

function setUp(options: Partial<ThumbnailsOptions> = {}) {
  const events: ThumbnailEvent[] = [];
  const clock = { now: start };
  const thumbnails = new Thumbnails({
    name: 'front-door',
    formats: ['jpg', 'webp'],
    quality: 80,
    box: { width: 320, height: 180 },
    intervalSeconds: 5,
    staleAfterSeconds: 20,
    offlineAfterSeconds: 300,
    onEvent: (event) => events.push(event),
    clock: () => clock.now,
    ...options,
  });
  /** One frame of one colour, `seconds` after the start. */
  const accept = (colour: Rgb, seconds = 0, aheadMs = 0) => {
    clock.now = start + seconds * 1000;
    return thumbnails.accept(halves(colour, colour, { capturedAt: clock.now + aheadMs }));
  };
  const encoded = () => events.flatMap((event) => (event.type === 'encoded' ? [nameOf(event.variant)] : []));
  return { thumbnails, accept, events, encoded, clock };
}

const nameOf = ({ format, size }: ThumbnailVariant) => (size === undefined ? format : `${format}-${size.name}`);

/** An encoder that fails `times` times after `good` pictures. */
function failing(times: number, good = 0): typeof encodePicture {
  let calls = 0;
  return async (picture: RawPicture, options) => {
    calls += 1;
    if (calls > good && calls <= good + times) {
      throw new SidepipeError('no memory', { code: 'image-failed', fault: 'node', retryable: true });
    }
    return encodePicture(picture, options);
  };
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
