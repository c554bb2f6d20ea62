import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PicturePace } from '../../src/load/pace.js';
import { cameraPixels, start, watchPictures } from '../stream/pictures-env.js';

const defaults = { intervalSeconds: 5, staleAfterSeconds: 20 };

/** The seconds of the frames that became pictures. */
function taken(gaps: readonly number[], slowing: number, options = defaults): number[] {
  const pace = new PicturePace(options);
  let at = 0;
  return [0, ...gaps].flatMap((gap) => {
    at += gap;
    return pace.takes(start + at * 1000, slowing) ? [at] : [];
  });
}

it('makes every second picture, or as few as stay fresh', () => {
  const gaps = Array<number>(8).fill(5);
  expect(taken(gaps, 1)).toEqual([0, 5, 10, 15, 20, 25, 30, 35, 40]);
  expect(taken(gaps, 2)).toEqual([0, 10, 20, 30, 40]);
  expect(taken(gaps, 4)).toEqual([0, 15, 30]);
  expect(taken(gaps, 4, { intervalSeconds: 5, staleAfterSeconds: 60 })).toEqual([0, 20, 40]);
  expect(taken(gaps, 4, { intervalSeconds: 5, staleAfterSeconds: 6 })).toHaveLength(9);
});

it('takes every frame that comes seldom enough by itself', () => {
  expect(taken([12, 12, 12], 2)).toEqual([0, 12, 24, 36]);
});

it('never lets a fresh picture go stale over it, as long as frames come in time', () => {
  const each = fc.record({
    intervalSeconds: fc.double({ min: 0.1, max: 60, noNaN: true }),
    spare: fc.double({ min: 1.01, max: 10, noNaN: true }),
    gaps: fc.array(fc.double({ min: 0.95, max: 1.05, noNaN: true }), { minLength: 1, maxLength: 60 }),
    slowing: fc.constantFrom(1, 2, 4),
  });
  fc.assert(
    fc.property(each, ({ intervalSeconds, spare, gaps, slowing }) => {
      const staleAfterSeconds = intervalSeconds * spare;
      const times = taken(
        gaps.map((gap) => gap * intervalSeconds),
        slowing,
        { intervalSeconds, staleAfterSeconds },
      );
      for (const [index, at] of times.slice(1).entries()) {
        const longest = Math.max(staleAfterSeconds, intervalSeconds * 1.05);
        expect(at - times[index]!).toBeLessThanOrEqual(longest * 1.0001);
      }
    }),
  );
});

it('does not wait for a clock that was set back', () => {
  const pace = new PicturePace(defaults);
  expect([0, 5, -3600, -3595].map((second) => pace.takes(start + second * 1000, 2))).toEqual([
    true,
    false,
    true,
    false,
  ]);
});

it('leaves out pictures and previews of a stream, which stays fresh and tells its age', async () => {
  const load = { effects: { slowing: 1, extras: true, takesStreams: true, startsShare: 1 } };
  const { images, tick, clock, offer, events } = watchPictures({ thumbnail: defaults }, { load });
  const counts = { made: 0, slowed: 0 };
  events.subscribe((event) => {
    if (event.type === 'thumbnail' && event.isFirst) counts.made += 1;
    if (event.type === 'frame-dropped' && event.reason === 'slowed') counts.slowed += 1;
  });
  await images.preview('webp');
  for (let second = 0; second <= 60; second += 5) {
    clock.now = start + second * 1000;
    if (second === 20) load.effects = { slowing: 2, extras: false, takesStreams: true, startsShare: 0.5 };
    await offer(cameraPixels(second));
    tick();
    expect(images.status.state).toBe('fresh');
    const preview = await images.preview('webp');
    // The preview is of frames that came, never older than the thumbnail by more than what is slowed.
    expect(clock.now - preview.capturedAt!).toBeLessThanOrEqual(10_000);
    expect(images.status.ageSeconds).toBe(second > 20 && second % 10 === 0 ? 5 : images.status.ageSeconds);
  }
  expect(counts).toEqual({ made: 8, slowed: 5 });
  expect(images.status.dropped).toBe(0);
});
