import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AudioWatch, type AudioWatchOptions } from '../../../src/stream/run/audio-watch.js';

function watch(more: Partial<AudioWatchOptions> = {}) {
  const clock = { now: 1_800_000_000_000 };
  const options = { isExpected: true, isRecorded: false, isEncoded: false, now: () => clock.now, ...more };
  const audio = new AudioWatch(options);
  const parts = (count: number, hasAudio: boolean) => {
    for (let index = 0; index < count; index += 1) audio.part({ hasAudio, durationSeconds: 0.2 });
  };
  return { audio, clock, parts };
}

it.each([
  ['copied video', {}, 3000],
  ['encoded video, which is late by itself', { isEncoded: true }, 10_000],
  ['a recording, which is not opened again for audio that comes later', { isRecorded: true }, 15_000],
] as const)('calls announced audio silent some time after the first video: %s', (_, more, patienceMs) => {
  const { audio, clock, parts } = watch(more);
  clock.now += 60_000;
  expect(audio.verdict).toBe('open');
  expect([audio.video(), audio.video()]).toEqual([true, false]);
  expect(audio.patienceMs).toBe(patienceMs);
  clock.now += patienceMs - 1;
  parts(20, false);
  expect(audio.verdict).toBe('open');
  clock.now += 1;
  expect(audio.verdict).toBe('silent');
});

it('is settled by the first audio, and by a source that announces none', () => {
  const [heard, none, unwanted] = [watch(), watch(), watch({ isExpected: false })];
  heard.parts(1, true);
  none.audio.opened(true);
  expect(none.audio.verdict).toBe('open');
  none.audio.opened(false);
  for (const { audio, clock } of [heard, none, unwanted]) {
    audio.video();
    clock.now += 60_000;
    expect(audio.verdict).toBe('settled');
  }
});

it('calls audio silent that stops while the video goes on for more than five seconds', () => {
  const { audio, parts } = watch();
  parts(1, true);
  parts(24, false);
  expect(audio.verdict).toBe('settled');
  parts(1, true);
  parts(24, false);
  expect(audio.verdict).toBe('settled');
  parts(2, false);
  expect(audio.verdict).toBe('silent');
});

it('lets a recording go on whose audio ends before its video: it would start from its beginning', () => {
  const { audio, parts } = watch({ isRecorded: true });
  parts(1, true);
  parts(1000, false);
  expect(audio.verdict).toBe('settled');
});

it('stops waiting when it has to hurry', () => {
  const { audio } = watch();
  audio.video();
  audio.hurry();
  expect(audio.verdict).toBe('silent');
});

it('never calls audio silent that comes at least every five seconds', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 24 }), { minLength: 1, maxLength: 50 }), (gaps) => {
      const { audio, parts } = watch();
      for (const gap of gaps) {
        parts(1, true);
        parts(gap, false);
        expect(audio.verdict).toBe('settled');
      }
    }),
  );
});
