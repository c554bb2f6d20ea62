import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  chooseDecode,
  type DecodeSetting,
  LONGEST_DECISION_SECONDS,
  longestGapSeconds,
  type SourceTraits,
  TraitsReader,
  UNKNOWN_SOURCE,
} from '../../src/frames/decode.js';

function choose(
  traits: Partial<SourceTraits>,
  more: { interval?: number; waited?: number; setting?: DecodeSetting } = {},
) {
  const { interval = 5, waited = 0, setting = 'auto' } = more;
  const known = { ...UNKNOWN_SOURCE, isLate: false, hasOtherFrames: true, ...traits };
  return chooseDecode({ setting, intervalSeconds: interval, traits: known, waitedSeconds: waited });
}

describe('the decode mode', () => {
  it.each([
    // Keyframe gap, reordered, interval: mode.
    [1, false, 1, 'keyframes'],
    // A thumbnail 2 s after the last one, and the time to make it: older than 2 s.
    [2, false, 1, 'references'],
    [2, false, 2, 'keyframes'],
    [2, false, 5, 'keyframes'],
    [4, false, 2, 'references'],
    [4, false, 5, 'keyframes'],
    [10, false, 5, 'references'],
    [10, false, 20, 'keyframes'],
    [30, false, 20, 'references'],
    [1, true, 1, 'references'],
    [2, true, 20, 'references'],
  ] as const)('a keyframe every %d s, late: %s, a thumbnail every %d s: %s', (gap, isLate, interval, mode) => {
    expect(choose({ keyframeGapSeconds: gap, isLate }, { interval })?.mode).toBe(mode);
  });

  it('is decided by parameter sets with the second frame, when keyframes would come late', () => {
    expect(choose({ isLate: true, hasOtherFrames: false })).toBeUndefined();
    expect(choose({ isLate: true })).toEqual({
      mode: 'references',
      reason: 'frames are reordered, so keyframes alone would be decoded late',
    });
  });

  it('is not decided before a second keyframe, unless it is overdue or the time is up', () => {
    expect(choose({ sinceKeyframeSeconds: 5 })).toBeUndefined();
    // In time for a restart before the first thumbnail is 6 s old.
    expect(choose({ sinceKeyframeSeconds: 5.2 })).toEqual({ mode: 'references', reason: 'no keyframe for 5.2 s' });
    expect(choose({ sinceKeyframeSeconds: 11 }, { interval: 20, waited: 11.9 })).toBeUndefined();
    expect(choose({ sinceKeyframeSeconds: 12 }, { interval: 20, waited: 12 })?.mode).toBe('references');
  });

  it('is keyframes where every frame is one, however far apart they are', () => {
    const slides = { hasOtherFrames: false, sinceKeyframeSeconds: 10 };
    expect(choose(slides)).toBeUndefined();
    expect(choose({ ...slides, keyframeGapSeconds: 10 })?.mode).toBe('keyframes');
    expect(choose(slides, { waited: LONGEST_DECISION_SECONDS })?.mode).toBe('keyframes');
    // Motion JPEG as some servers declare it.
    expect(choose({ ...slides, keyframeGapSeconds: 0.04, isLate: true })?.mode).toBe('keyframes');
  });

  it('is what is configured, whatever the source is like', () => {
    const bad = { keyframeGapSeconds: 60, isLate: true };
    expect(choose(bad, { setting: 'keyframes' })).toEqual({ mode: 'keyframes', reason: 'configured' });
    expect(choose({}, { setting: 'references' })).toEqual({ mode: 'references', reason: 'configured' });
  });

  it('keeps a thumbnail within the interval and a second of any regular stream, and is decided in time', () => {
    const source = fc.record({
      gop: fc.integer({ min: 1, max: 1000 }),
      fps: fc.constantFrom(1, 5, 12.5, 25, 30, 60),
      isLate: fc.boolean(),
      interval: fc.double({ min: 1, max: 60, noNaN: true }),
    });
    fc.assert(
      fc.property(source, ({ gop, fps, isLate, interval }) => {
        const reader = new TraitsReader();
        reader.late(isLate);
        for (let frame = 0; ; frame += 1) {
          const at = frame / fps;
          if (frame % gop === 0) reader.keyframe(at);
          else reader.frame(at);
          const decided = choose(reader.traits, { interval, waited: at });
          if (decided === undefined) {
            expect(at).toBeLessThan(LONGEST_DECISION_SECONDS);
            continue;
          }
          // Decided for good: what the same source shows later changes nothing.
          if (decided.mode === 'keyframes' && gop > 1) {
            expect(isLate).toBe(false);
            expect(gop / fps).toBeLessThanOrEqual(longestGapSeconds(interval));
          }
          return;
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('TraitsReader', () => {
  it('tells the longest of the latest gaps, so that a camera that was set to another GOP is known by it', () => {
    const reader = new TraitsReader();
    for (let at = 0; at <= 100; at += 10) reader.keyframe(at);
    expect(reader.traits.keyframeGapSeconds).toBe(10);
    for (let at = 101; at <= 108; at += 1) reader.keyframe(at);
    expect(reader.traits.keyframeGapSeconds).toBe(1);
    reader.frame(112);
    expect(reader.traits).toMatchObject({ sinceKeyframeSeconds: 4, hasOtherFrames: true });
  });

  it('takes no jump of timestamps for a GOP', () => {
    const reader = new TraitsReader();
    for (const at of [0, 2, 7200, 7202]) {
      reader.keyframe(at);
      reader.frame(at + 1);
    }
    reader.frame(1_000_000);
    expect(reader.traits).toMatchObject({ keyframeGapSeconds: 2, sinceKeyframeSeconds: 1 });
    reader.jump();
    reader.keyframe(7262);
    expect(reader.traits).toMatchObject({ keyframeGapSeconds: 2, sinceKeyframeSeconds: 0 });
  });

  it('survives any times', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.double())), (events) => {
        const reader = new TraitsReader();
        for (const [isKey, at] of events) isKey ? reader.keyframe(at) : reader.frame(at);
        const { keyframeGapSeconds = 1, sinceKeyframeSeconds } = reader.traits;
        expect(keyframeGapSeconds).toBeGreaterThan(0);
        expect(sinceKeyframeSeconds).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
