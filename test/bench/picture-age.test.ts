import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { expect, onTestFinished, test } from 'vitest';
import { NUMBERED_FRAMES, numberedPicture } from '../../bench/support/clip.js';
import { discontinuitiesOf } from '../../bench/support/discontinuities.js';
import { rtmpUnits } from '../../bench/support/live-source.js';
import { numberFrames } from '../../bench/support/numbered-clip.js';
import { createAgeReader, sentAt, summarizeAges, watchAges } from '../../bench/support/picture-age.js';
import { thumbnailByProcess } from '../../bench/support/thumbnail-process.js';
import { readClockPicture } from '../support/clock-picture.js';
import { embedded, makeDirectory, makeWithFfmpeg } from '../support/ffmpeg.js';

/** Columns of black and white, as of a frame with this number. */
function pictureOf(number: number): Promise<Buffer> {
  const columns = Buffer.from(Array.from({ length: 16 }, (_, bit) => ((number >> bit) & 1 ? 235 : 16)));
  const raw = { width: 16, height: 1, channels: 1 } as const;
  return sharp(columns, { raw }).resize({ width: 320, height: 180, kernel: 'nearest', fit: 'fill' }).jpeg().toBuffer();
}

test("a numbered clip's frame tells its number in a small JPEG of a process", async () => {
  const folder = await makeDirectory();
  onTestFinished(folder.remove);
  const segment = join(folder.path, 'segment.ts');
  await makeWithFfmpeg(embedded.path, [
    ...['-f', 'lavfi', '-i', numberedPicture, '-vf', String.raw`select=eq(n\,21)`, '-vframes', '1'],
    ...['-c:v', 'libx264', '-preset', 'superfast', '-pix_fmt', 'yuv420p', '-b:v', '4500k', segment],
  ]);
  const options = { path: embedded.path, segment, width: 640, height: 360 };
  const picture = await thumbnailByProcess(options);
  expect(await sharp(picture).metadata()).toMatchObject({ format: 'jpeg', width: 640, height: 360 });
  expect(await readClockPicture(picture)).toBe(21);
  await rm(segment);
  await expect(thumbnailByProcess(options)).rejects.toThrow('No such file');
});

test('messages of reordered frames have the numbers of their frames in presentation order', async () => {
  const { stdout } = await makeWithFfmpeg(embedded.path, [
    ...['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30', '-t', '4'],
    ...['-c:v', 'libx264', '-preset', 'superfast', '-bf', '3', '-b_strategy', '0', '-g', '60', '-f', 'flv', '-'],
  ]);
  const { units, frames, numberOf } = numberFrames(rtmpUnits(stdout, 0));
  const numbers = units.flatMap(({ data }) => numberOf(data) ?? []);
  expect(frames).toBe(120);
  expect(numbers.slice(0, 6)).toEqual([0, 4, 2, 1, 3, 8]);
  expect(numbers.toSorted((one, other) => one - other)).toEqual(Array.from({ length: 120 }, (_, index) => index));
  expect(units.flatMap(({ data, isKeyframe }) => (isKeyframe ? (numberOf(data) ?? []) : []))).toEqual([0, 60]);
});

test('discontinuities of a playlist are those that it lists and those that it counts', () => {
  const segments = '#EXTINF:2,\na.m4s\n#EXT-X-DISCONTINUITY\n#EXTINF:2,\nb.m4s\n';
  const playlist = (head: string) => `#EXTM3U\n#EXT-X-TARGETDURATION:2\n${head}${segments}`;
  expect(discontinuitiesOf(playlist('#EXT-X-DISCONTINUITY-SEQUENCE:7\n'))).toEqual({ sequence: 7, tags: 1 });
  expect(discontinuitiesOf(playlist(''))).toEqual({ sequence: 0, tags: 1 });
});

test('a number stands for the last frame of that number that had been sent', () => {
  const frames = { sentAtMs: [0, 10, 20, 30, 40, 50, 60], numbers: 3 };
  expect(sentAt(frames, 1, 10)).toBe(10);
  expect(sentAt(frames, 1, 39.9)).toBe(10);
  expect(sentAt(frames, 1, 40)).toBe(40);
  expect(sentAt(frames, 0, 1000)).toBe(60);
  expect(() => sentAt(frames, 2, 19)).toThrow('before it was sent');
  expect(() => sentAt(frames, 3, 1000)).toThrow('frame 3');
});

test.each([2, 4, 5, 6, 10, 18, 20, 22])('pictures %d s apart have different numbers', (seconds) => {
  expect((seconds * 30) % NUMBERED_FRAMES).not.toBe(0);
});

test('whatever frame is seen within a round of numbers, it is found', () => {
  const numbers = 300;
  const sentAtMs = Array.from({ length: 1000 }, (_, index) => 5000 + index * 33.4);
  fc.assert(
    fc.property(fc.nat(999), fc.double({ min: 0, max: 10_000, noNaN: true }), (index, ageMs) => {
      const at = sentAtMs[index]!;
      expect(sentAt({ sentAtMs, numbers }, index % numbers, at + ageMs)).toBe(at);
    }),
  );
});

test('a picture that stays gets older, by more than a round of numbers too, and a new one is younger', async () => {
  const read = createAgeReader({ sentAtMs: [0, 100, 200, 300, 400, 500, 600, 700], numbers: 4 });
  expect(await read(await pictureOf(1), 150)).toBe(50);
  expect(await read(await pictureOf(1), 650)).toBe(550);
  expect(await read(await pictureOf(2), 650)).toBe(50);
});

test('ages in seconds', () => {
  const ages = Array.from({ length: 101 }, (_, index) => index * 20).reverse();
  expect(summarizeAges(ages)).toEqual({ median: 1, p95: 1.9, oldest: 2 });
});

test('every way is looked at as often as the others, and none may be without a picture', async () => {
  let age = 0;
  const growing = {
    name: 'growing',
    ageMs: async () => {
      age += 1;
      return age;
    },
  };
  const steady = { name: 'steady', ageMs: async () => 7 };
  const ages = await watchAges([growing, steady], { lookEveryMs: 2, seconds: 0.01 });
  expect(ages.get(growing)).toEqual([1, 2, 3, 4, 5]);
  expect(ages.get(steady)).toEqual([7, 7, 7, 7, 7]);
  const blind = { name: 'blind', ageMs: async () => undefined };
  await expect(watchAges([steady, blind], { lookEveryMs: 2, seconds: 0.01 })).rejects.toThrow('blind: no picture');
});
