import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterProgress, findStall, type Vitals } from '../../../src/stream/run/watchdog.js';

const START = 1_790_000_000_000;
const limits = {
  connectTimeoutMs: 40_000,
  startTimeoutMs: 30_000,
  stallTimeoutMs: 15_000,
  frameIntervalMs: 5000,
  expectsSegments: true,
};
const nothing: Vitals = {
  ...{ startedAt: START, openedAt: undefined, progressAt: undefined, segmentAt: undefined, frameAt: undefined },
  segmentsSinceFrame: 0,
};
/** What is stalled this many milliseconds after the start; times in `vitals` count from there too. */
function stallAt(
  ms: number,
  vitals: Partial<Record<'progressAt' | 'segmentAt' | 'frameAt', number>>,
  more: Partial<Vitals> = {},
) {
  const times = Object.fromEntries(Object.entries(vitals).map(([name, at]) => [name, START + at]));
  return findStall({ ...nothing, ...more, ...times }, limits, START + ms);
}

describe('findStall', () => {
  it('waits for a source that sends nothing, but not for ever', () => {
    expect(stallAt(30_000, {})).toBeUndefined();
    expect(stallAt(30_001, {})).toBe('The source sent no media for 30 s.');
  });

  it('waits for a source to open, then for its first media', () => {
    const vitals = { ...nothing, openedAt: undefined };
    const soon = { ...limits, connectTimeoutMs: 5000 };
    expect(findStall(vitals, soon, START + 5000)).toBeUndefined();
    expect(findStall(vitals, soon, START + 5001)).toBe('The source could not be opened within 5 s.');
    const opened = { ...nothing, openedAt: START + 4000 };
    expect(findStall(opened, soon, START + 34_000)).toBeUndefined();
    expect(findStall(opened, soon, START + 34_001)).toBe('The source sent no media for 30 s.');
  });

  it('lets who listens wait for ever to be called, but not for what a caller then does not send', () => {
    const listening = { ...limits, connectTimeoutMs: undefined };
    expect(findStall(nothing, listening, START + 1e9)).toBeUndefined();
    expect(findStall({ ...nothing, openedAt: START }, listening, START + 30_001)).toBe(
      'The source sent no media for 30 s.',
    );
  });

  it('finds nothing in a stream that goes on', () => {
    const age = fc.integer({ min: 0, max: 15_000 });
    fc.assert(
      fc.property(
        fc.integer({ min: 15_000, max: 1e9 }),
        age,
        age,
        age,
        fc.nat({ max: 3 }),
        (ms, one, two, three, segments) => {
          const vitals = { progressAt: ms - one, segmentAt: ms - two, frameAt: ms - three };
          expect(stallAt(ms, vitals, { segmentsSinceFrame: segments })).toBeUndefined();
        },
      ),
    );
  });

  it('ends a run whose position stands still, whatever else it shows', () => {
    fc.assert(
      fc.property(fc.nat({ max: 1e9 }), fc.integer({ min: 15_001, max: 1e6 }), (at, age) => {
        const ms = at + age;
        expect(stallAt(ms, { progressAt: at, segmentAt: ms, frameAt: ms })).toMatch(/^The source stalled for \d+ s\.$/);
      }),
    );
  });

  it.each(['segmentAt', 'frameAt'] as const)('lets a source begin late: %s comes before the first report', (name) => {
    // Between the stall time and the start time, and no report for half a second.
    for (let ms = 0; ms <= 30_000; ms += 500) expect(stallAt(ms + 500, { [name]: ms })).toBeUndefined();
    expect(stallAt(35_001, { [name]: 20_000 })).toBe('The source stalled for 15 s.');
  });

  it('misses segments while the position moves', () => {
    const moving = (ms: number, segmentAt: number) => stallAt(ms, { progressAt: ms, segmentAt, frameAt: ms });
    expect(moving(115_000, 100_000)).toBeUndefined();
    expect(moving(115_001, 100_000)).toBe('No segment was produced for 15 s.');
  });

  it('gives the first segment the time that the start may take beside that', () => {
    expect(stallAt(45_000, { progressAt: 45_000 })).toBeUndefined();
    expect(stallAt(45_001, { progressAt: 45_001 })).toBe('No segment was produced for 45 s.');
  });

  it('misses pictures only where there were some and where keyframes went by', () => {
    const flowing = (ms: number, segmentsSinceFrame: number, frameAt?: number) =>
      stallAt(ms, { progressAt: ms, segmentAt: ms, ...(frameAt !== undefined && { frameAt }) }, { segmentsSinceFrame });
    expect(flowing(120_001, 4, 100_000)).toBe('No frame for thumbnails arrived for 20 s.');
    expect(flowing(120_000, 4, 100_000)).toBeUndefined();
    expect(flowing(900_000, 3, 100_000)).toBeUndefined();
    expect(flowing(900_000, 400)).toBeUndefined();
  });
});

describe('afterProgress', () => {
  it('takes pictures for movement where ffmpeg does not tell how far it is', () => {
    const began = afterProgress(nothing, { outSeconds: undefined, frames: 0 }, START);
    expect(began.progressAt).toBeUndefined();
    const moved = afterProgress(began, { outSeconds: undefined, frames: 3 }, START + 1000);
    expect(moved.progressAt).toBe(START + 1000);
    expect(afterProgress(moved, { outSeconds: undefined, frames: 3 }, START + 2000).progressAt).toBe(START + 1000);
  });

  it('takes ticks for no progress, in either direction', () => {
    let vitals = afterProgress(nothing, { outSeconds: 10, frames: 1 }, START + 1000);
    for (let ms = 1500; ms < 20_000; ms += 500)
      vitals = afterProgress(vitals, { outSeconds: 10 + ms / 1e6, frames: ms }, START + ms);
    expect(vitals.progressAt).toBe(START + 1000);
    expect(findStall(vitals, limits, START + 19_500)).toBe('The source stalled for 19 s.');
    vitals = afterProgress(vitals, { outSeconds: 3, frames: 1 }, START + 20_000);
    expect(vitals.progressAt).toBe(START + 20_000);
  });

  it('misses the picture while the sound goes on', () => {
    let vitals = nothing;
    for (let ms = 0; ms <= 20_000; ms += 500) {
      vitals = afterProgress(vitals, { outSeconds: ms / 1000, frames: Math.min(ms / 20, 100) }, START + ms);
      vitals = { ...vitals, segmentAt: START + ms };
    }
    expect(findStall(vitals, limits, START + 17_000)).toBeUndefined();
    expect(findStall(vitals, limits, START + 17_001)).toBe('The video stalled for 15 s while the audio continued.');
  });
});
