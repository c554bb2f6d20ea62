import { describe, expect, it } from 'vitest';
import { RecordedStoryboard } from '../../../src/stream/uploads/recorded-storyboard.js';

const start = 1_700_000_000_000;
const tile = (second: number, sheet = 0) => ({
  sheet,
  x: second,
  y: 0,
  width: 160,
  height: 90,
  capturedAt: start + second * 1000,
});
const url = (sheet: number) => `storyboard-${sheet}.jpg`;
const cues = (text: string) =>
  [...text.matchAll(/^([\d:.]+) --> ([\d:.]+)\n(\S+)#xywh=(\d+)/gm)].map(([, from, to, file, x]) =>
    [from, to, file, x].join(' '),
  );

describe('RecordedStoryboard', () => {
  it('has one time axis over all discontinuities', () => {
    const recorded = new RecordedStoryboard();
    for (let second = 0; second < 10; second += 2) segment(recorded, second);
    // Twenty seconds without a source, then its dates again.
    segment(recorded, 30, true);
    segment(recorded, 32);
    recorded.sheet([tile(1), tile(5), tile(20)]);
    recorded.sheet([tile(31, 1)]);
    expect(cues(recorded.text(url))).toEqual([
      '00:00:00.000 00:00:05.000 storyboard-0.jpg 1',
      '00:00:05.000 00:00:10.000 storyboard-0.jpg 5',
      '00:00:10.000 00:00:14.000 storyboard-1.jpg 31',
    ]);
    expect(recorded.spans).toBe(2);
  });

  it('remembers a day in a few thousand pictures, evenly spread', () => {
    const recorded = new RecordedStoryboard({ maxTiles: 1000 });
    const day = 86_400;
    for (let second = 0; second < day; second += 2) segment(recorded, second);
    for (let second = 0; second < day; second += 125) {
      recorded.sheet(Array.from({ length: 25 }, (_, at) => tile(second + at * 5, second)));
    }
    expect(recorded.spans).toBe(1);
    expect(recorded.tiles).toBeGreaterThan(500);
    expect(recorded.tiles).toBeLessThanOrEqual(1025);
    const times = [...recorded.text(url).matchAll(/#xywh=(\d+)/g)].map(([, second]) => Number(second));
    const gaps = times.slice(1).map((time, at) => time - (times[at] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(2 * Math.min(...gaps));
    expect(times[0]).toBe(0);
    expect(times.at(-1)).toBeGreaterThan(day - 200);
  });

  it('is bounded for a source that breaks all the time', () => {
    const recorded = new RecordedStoryboard({ maxSpans: 100 });
    for (let second = 0; second < 5000; second += 5) segment(recorded, second, true);
    recorded.sheet([tile(4996)]);
    expect(recorded.spans).toBe(100);
    // The axis still has its beginning where the recording has it: 2 s of each 5.
    expect(cues(recorded.text(url))).toEqual(['00:33:18.000 00:33:20.000 storyboard-0.jpg 4996']);
  });
});

function segment(recorded: RecordedStoryboard, second: number, discontinuity = false): void {
  const startsAt = start + second * 1000;
  recorded.segment({ startsAt, programDateTime: startsAt, durationSeconds: 2, discontinuity });
}
