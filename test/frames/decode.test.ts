import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type DecodeChoice,
  DecodeMeter,
  type DecodeSetting,
  firstChoice,
  withoutChosen,
} from '../../src/frames/decode.js';

interface Source {
  readonly keyframeInterval: number;
  /** How many keyframes later each is handed out. */
  readonly reorder?: number;
  readonly intervalSeconds: number;
  readonly setting?: DecodeSetting;
  readonly canChoose?: boolean;
}

const LATENCY_SECONDS = 0.05;
const START = 1_700_000_000_000;

/** ffmpeg's selection among keyframes, by the book of `pictureSelection`. */
function select(keyframes: readonly number[], intervalSeconds: number, longestGapSeconds: number): number[] {
  const selected: number[] = [];
  keyframes.forEach((at, index) => {
    const step = at - (keyframes[index - 1] ?? at);
    const gap = at - (selected.at(-1) ?? at);
    if (selected.length < 4 || gap >= intervalSeconds - step / 2 || gap + step > longestGapSeconds) selected.push(at);
  });
  return selected;
}

/** One run over a steady source, until another choice is made or it has seen enough. */
function runOnce(source: Source, choice: DecodeChoice): { better: DecodeChoice | undefined; meter: DecodeMeter } {
  const { keyframeInterval, reorder = 0, intervalSeconds, setting = 'auto', canChoose = false } = source;
  const meter = new DecodeMeter({
    ...{ setting, choice, intervalSeconds, framesPerInterval: 1 },
    canChoose: () => canChoose,
  });
  const keyframes = Array.from({ length: 60 }, (_, index) => index * keyframeInterval);
  const delay = reorder * keyframeInterval + LATENCY_SECONDS;
  const pictures = select(keyframes, intervalSeconds, choice.longestGapSeconds);
  for (let at = 0; at < 60 * keyframeInterval; at += 0.5) {
    const now = START + at * 1000;
    for (const pts of pictures.filter((pts) => pts + delay > at - 0.5 && pts + delay <= at)) {
      const better = meter.picture(pts, delay, START + (pts + delay) * 1000);
      if (better !== undefined) return { better, meter };
    }
    const better = meter.position(at, now);
    if (better !== undefined) return { better, meter };
  }
  return { better: undefined, meter };
}

/** What it comes to rest at, and over how many restarts. */
function settle(source: Source): { choice: DecodeChoice; restarts: number } {
  let choice = firstChoice(source.setting ?? 'auto', source.intervalSeconds);
  for (let restarts = 0; ; restarts++) {
    const better =
      choice.mode === 'references' || choice.mode === 'chosen' ? undefined : runOnce(source, choice).better;
    if (better === undefined) return { choice, restarts };
    if (restarts > 5) throw new Error('never comes to rest');
    choice = better;
  }
}

describe('DecodeMeter', () => {
  it.each([
    // Keyframe interval, reorder depth, interval: mode, restarts.
    [2, 0, 5, 'keyframes', 0],
    [2, 0, 20, 'keyframes', 0],
    [2, 2, 20, 'keyframes', 1],
    [2, 2, 10, 'keyframes', 1],
    [2, 1, 5, 'keyframes', 1],
    [2, 2, 5, 'references', 1],
    [2, 2, 1, 'references', 1],
    // A keyframe every 2 s comes a moment later than 2 s.
    [2, 0, 1, 'references', 1],
    [1, 0, 1, 'keyframes', 0],
    [10, 0, 1, 'references', 1],
    [10, 0, 5, 'references', 1],
    [10, 0, 20, 'keyframes', 0],
  ] as const)(
    'a keyframe every %d s, handed out %d later, a picture every %d s: %s',
    (keyframeInterval, reorder, intervalSeconds, mode, restarts) => {
      expect(settle({ keyframeInterval, reorder, intervalSeconds })).toMatchObject({ choice: { mode }, restarts });
    },
  );

  it.each([
    // A keyframe decoded for each picture or every other: not worth it.
    [2, 0, 5, 'keyframes', 0],
    [2, 0, 7, 'keyframes', 0],
    [2, 0, 8, 'chosen', 1],
    [2, 0, 20, 'chosen', 1],
    [2, 2, 20, 'chosen', 1],
    [0.5, 0, 2, 'chosen', 1],
    // Late by B-frames.
    [2, 1, 5, 'keyframes', 1],
    [2, 2, 5, 'chosen', 1],
    [1, 2, 1, 'chosen', 1],
    // Keyframes themselves too far apart.
    [2, 2, 1, 'references', 1],
    [10, 0, 5, 'references', 1],
    [10, 0, 20, 'keyframes', 0],
  ] as const)(
    'where they can be chosen, a keyframe every %d s, handed out %d later, a picture every %d s: %s',
    (keyframeInterval, reorder, intervalSeconds, mode, restarts) => {
      const settled = settle({ keyframeInterval, reorder, intervalSeconds, canChoose: true });
      expect(settled).toMatchObject({ choice: { mode }, restarts });
    },
  );

  it('chooses where that is configured, as soon as it can, and not again where no picture came of it', () => {
    const source = { keyframeInterval: 2, intervalSeconds: 2, setting: 'chosen' } as const;
    expect(settle({ ...source, canChoose: true })).toMatchObject({ choice: { mode: 'chosen' }, restarts: 1 });
    expect(settle(source)).toMatchObject({ choice: { mode: 'keyframes' }, restarts: 0 });
    const left = withoutChosen('no picture came', 20);
    expect(left).toMatchObject({ mode: 'keyframes', reason: 'no picture came' });
    expect(runOnce({ keyframeInterval: 2, intervalSeconds: 20, canChoose: true }, left).better).toBeUndefined();
  });

  it('chooses only where that is cheaper than decoding all keyframes', () => {
    const modeFor = (keyframeBytes: number, msPerSecond: number) => {
      const meter = new DecodeMeter({
        ...{ setting: 'auto', choice: firstChoice('auto', 20), intervalSeconds: 20, framesPerInterval: 1 },
        ...{ canChoose: () => true, choosing: () => ({ keyframeBytes, msPerSecond }) },
      });
      const chosen = [0, 2, 4, 6].map((at) => meter.picture(at, 0.05, START + at * 1000));
      return chosen.at(-1)?.mode ?? 'keyframes';
    };
    expect(modeFor(100_000, 3)).toBe('chosen');
    expect(modeFor(20_000, 3)).toBe('keyframes');
    expect(modeFor(20_000, 0.5)).toBe('chosen');
  });

  it('knows of keyframes of which no picture came', () => {
    const choice = firstChoice('auto', 20);
    const meter = new DecodeMeter({ setting: 'auto', choice, intervalSeconds: 20, framesPerInterval: 1 });
    for (let at = 0; at <= 5; at += 0.5) meter.keyframe(at);
    meter.picture(0, 0.1, START);
    meter.picture(3, 0.1, START + 3000);
    expect(meter.keyframeIntervalSeconds).toBe(0.5);
  });

  it('takes a source to be without keyframes when none came for long, unless pictures come late as it is', () => {
    const judged = (delaySeconds: number) => {
      const choice = firstChoice('auto', 5);
      const meter = new DecodeMeter({ setting: 'auto', choice, intervalSeconds: 5, framesPerInterval: 1 });
      meter.picture(0, delaySeconds, START);
      return [7, 7.5].map((at) => meter.position(at, START + at * 1000)?.mode);
    };
    expect(judged(0.1)).toEqual([undefined, 'references']);
    expect(judged(2)).toEqual([undefined, undefined]);
  });

  it('says how far apart keyframes are, and why it chose', () => {
    const choice = firstChoice('auto', 5);
    const { better, meter } = runOnce({ keyframeInterval: 2, reorder: 2, intervalSeconds: 5 }, choice);
    expect(meter.keyframeIntervalSeconds).toBe(2);
    expect(better?.reason).toBe('a keyframe every 2 s, decoded 4.1 s late');
  });

  it('leaves alone what is configured', () => {
    expect(settle({ keyframeInterval: 10, reorder: 2, intervalSeconds: 1, setting: 'keyframes' })).toMatchObject({
      choice: { mode: 'keyframes', reason: 'configured' },
      restarts: 0,
    });
    expect(firstChoice('references', 5)).toMatchObject({ mode: 'references', reason: 'configured' });
  });

  it('is not misled by a source that stands still once, nor by one jump of its timestamps', () => {
    for (const [gapSeconds, gapMs] of [
      [60, 60_000],
      [3600, 1000],
    ] as const) {
      const meter = new DecodeMeter({
        ...{ setting: 'auto', choice: firstChoice('auto', 5) },
        ...{ intervalSeconds: 5, framesPerInterval: 1 },
      });
      let [pts, now] = [0, START];
      for (let picture = 0; picture < 20; picture++) {
        expect(meter.picture(pts, 0.05, now)).toBeUndefined();
        pts += picture === 6 ? gapSeconds : 1;
        now += picture === 6 ? gapMs : 1000;
        if (picture === 6 && gapMs < 5000) expect(meter.position(pts, now)).toBeUndefined();
      }
    }
  });

  it('comes to rest after two restarts at most, and what it rests at keeps a picture within the interval and a second', () => {
    fc.assert(
      fc.property(
        fc.record({
          keyframeInterval: fc.double({ min: 0.2, max: 12, noNaN: true }),
          reorder: fc.integer({ min: 0, max: 3 }),
          intervalSeconds: fc.double({ min: 0.5, max: 60, noNaN: true }),
        }),
        (source) => {
          const { choice, restarts } = settle(source);
          expect(restarts).toBeLessThanOrEqual(2);
          if (choice.mode === 'references') return;
          const { keyframeInterval, reorder, intervalSeconds } = source;
          const keyframes = Array.from({ length: 400 }, (_, index) => index * keyframeInterval);
          const pictures = select(keyframes, intervalSeconds, choice.longestGapSeconds);
          const gap = Math.max(...pictures.slice(1).map((at, index) => at - pictures[index]!));
          expect(gap + reorder * keyframeInterval + LATENCY_SECONDS).toBeLessThanOrEqual(intervalSeconds + 1 + 1e-6);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
