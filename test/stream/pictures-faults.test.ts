import { afterEach, describe, expect, it, vi } from 'vitest';
import { cameraPixels, start, watchPictures } from './pictures-env.js';

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

afterEach(() => {
  sharpIs.broken = undefined;
});

const thumbnail = { intervalSeconds: 0.5, staleAfterSeconds: 5, offlineAfterSeconds: 60 };

describe('pictures under faults', () => {
  it.each(['at-once', 'at-last'] as const)(
    'go from fresh to stale to offline while sharp fails %s, and back',
    async (how) => {
      const { images, tick, clock, offer, dropped, log, changes } = watchPictures({ thumbnail });
      await offer(cameraPixels(0));
      tick();
      const good = await images.thumbnail('jpg');
      sharpIs.broken = how;
      const states: (string | undefined)[] = [];
      for (let second = 1; second <= 61; second += 1) {
        clock.now = start + second * 1000;
        await offer(cameraPixels(second));
        tick();
        const image = await images.thumbnail('jpg');
        if (image?.state !== 'offline') expect(image?.body).toBe(good?.body);
        else expect(image.body.byteLength).toBeGreaterThan(0);
        if (image?.state !== states.at(-1)) states.push(image?.state);
      }
      expect(states).toEqual(['fresh', 'stale', 'offline']);
      expect(await dropped()).toMatchObject({ 'encode-failed': 61 });
      expect(log.filter(({ episode }) => episode === 'image-failed')).toHaveLength(1);
      sharpIs.broken = undefined;
      clock.now += 1000;
      await offer(cameraPixels(99));
      tick();
      expect(await images.thumbnail('jpg')).toMatchObject({ state: 'fresh', capturedAt: clock.now });
      expect(log.filter(({ episode }) => episode === 'image-failed')).toHaveLength(2);
      expect(changes.map(({ type }) => type)).toEqual(['fresh', 'stale', 'offline', 'fresh']);
    },
  );

  it('count a torn frame and one of another size, keep the picture before, and go on', async () => {
    const { images, clock, offer, dropped, log } = watchPictures({ thumbnail });
    await offer(cameraPixels(1));
    const good = await images.thumbnail('jpg');
    const calls = sharpIs.calls;
    clock.now += 1000;
    await offer(cameraPixels(2).subarray(0, 1000));
    await offer(cameraPixels(3), 65, 36);
    await offer(cameraPixels(4), 0, 36);
    expect(sharpIs.calls).toBe(calls);
    expect((await images.thumbnail('jpg'))?.body).toBe(good?.body);
    expect(await dropped()).toEqual({ 'frame-invalid': 3 });
    expect(images.status).toMatchObject({ dropped: 3, captured: 1, gate: { state: 'good' } });
    await offer(cameraPixels(5));
    expect(images.status.captured).toBe(2);
    expect(log.map(({ episode }) => episode)).toEqual(['frame-invalid', 'frame-invalid']);
  });

  it('tell a flood of decoder errors once, count each, and tell its end', async () => {
    const { tick, decoder, images, clock, log, offer } = watchPictures({ thumbnail });
    const line = { level: 'error', module: 'h264', text: 'error while decoding MB 12 30, bytestream -5' } as const;
    for (let error = 0; error < 500; error += 1) {
      clock.now += 20;
      decoder.line(line);
      decoder.line({ level: 'error', module: 'hls', text: 'Failed to open file' });
      if (error % 50 === 0) await offer(cameraPixels(error));
    }
    expect(decoder.count).toBe(500);
    expect(images.status).toMatchObject({ state: 'fresh', captured: 10 });
    expect(log.filter(({ episode }) => episode === 'decoder-errors')).toHaveLength(1);
    clock.now += 11_000;
    tick();
    expect(log.filter(({ episode }) => episode === 'decoder-errors')).toMatchObject([
      {},
      { msg: 'no more decoder errors' },
    ]);
  });

  it('make no fuss about a decoder error now and then', async () => {
    const { tick, decoder, clock, log } = watchPictures();
    for (let error = 0; error < 300; error += 1) {
      clock.now += 1000;
      decoder.line({ level: 'error', module: 'hevc', text: 'Could not find ref with POC 12' });
      tick();
    }
    expect(decoder.count).toBe(300);
    expect(log.filter(({ episode }) => episode !== undefined)).toEqual([]);
  });
});
