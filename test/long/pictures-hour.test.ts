import { expect, it, vi } from 'vitest';
import { cameraPixels, shadePixels, start, watchPictures } from '../stream/pictures-env.js';

/** What sharp does next: as it should, fail at once, or fail when it is to give the picture. */
const sharpIs = vi.hoisted(() => ({ broken: undefined as undefined | 'at-once' | 'at-last', calls: 0 }));

vi.mock('sharp', async (importOriginal) => {
  const { default: sharp } = await importOriginal<{ default: (...args: unknown[]) => { toBuffer: unknown } }>();
  const wrapped = (...args: unknown[]) => {
    sharpIs.calls += 1;
    if (sharpIs.broken === 'at-once') throw new Error('Input buffer: out of memory');
    const pipeline = sharp(...args);
    if (sharpIs.broken === 'at-last') {
      pipeline.toBuffer = () => Promise.reject(new Error('vips_malloc: out of memory --- size == 2764800 dB'));
    }
    return pipeline;
  };
  return { default: Object.assign(wrapped, sharp) };
});

const thumbnail = { intervalSeconds: 0.5, staleAfterSeconds: 5, offlineAfterSeconds: 60 };

it('pictures go on through an hour of a fault a second', async () => {
  // Tiny pictures, and players that look at the preview in one minute of ten only: encoding is all that this hour costs.
  const [width, height] = [32, 18] as const;
  const camera = () => cameraPixels(clock.now, width, height);
  const { tick, decoder, images, clock, log, dropped, ...more } = watchPictures({
    thumbnail,
    preview: { frames: 2, width: 16 },
    storyboard: { width: 16, intervalSeconds: 1 },
  });
  const offer = (pixels: Uint8Array) => more.offer(pixels, width, height);
  const faults: (() => Promise<void>)[] = [
    async () => {
      sharpIs.broken = 'at-once';
      await offer(camera());
    },
    async () => {
      sharpIs.broken = 'at-last';
      await offer(camera());
      if (clock.now % 600_000 < 60_000) await images.preview('webp');
    },
    () => offer(camera().subarray(7)),
    () => more.offer(camera(), height, width + 1),
    () => offer(shadePixels(1, width, height)),
    () => offer(shadePixels(130, width, height)),
    async () => {
      for (let error = 0; error < 30; error += 1) {
        decoder.line({ level: 'error', module: 'h264', text: 'error while decoding MB' });
      }
    },
    // The source's clock jumps.
    async () => {
      clock.now -= 40_000;
      await offer(camera());
      clock.now += 40_000;
    },
  ];
  const seconds = 3600;
  for (let second = 1; second <= seconds; second += 1) {
    clock.now = start + second * 1000;
    await faults[second % faults.length]?.();
    sharpIs.broken = undefined;
    clock.now += 500;
    const before = images.status.captured;
    await offer(camera());
    expect(images.status.captured).toBe(before + 1);
    tick();
    const image = await images.thumbnail('jpg');
    expect([image?.state, clock.now - (image?.capturedAt ?? 0)]).toEqual(['fresh', 0]);
    if (second % 300 === 0) images.storyboard();
  }
  const each = seconds / faults.length;
  expect(await dropped()).toEqual({
    'encode-failed': 2 * each,
    'frame-invalid': 2 * each,
    'gate-black': each,
    'gate-flat': each,
  });
  expect(decoder.count).toBe(30 * each);
  expect(images.status.gate?.state).toBe('good');
  expect(log.filter(({ msg }) => /thumbnail (stale|offline)/.test(String(msg)))).toEqual([]);
});
