import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { decideLoad, type LoadMeasures, type LoadMemory, loadWords, strainOf } from '../../src/load/level.js';
import { loadLevels } from '../../src/terms.js';

const limits = parseConfig({}).guard;
const nothing: LoadMeasures = {
  cpu: 0.2,
  loadPerCore: 0.3,
  loopDelayMs: 2,
  memoryAvailable: 0.6,
  encoderDropped: 0,
};
const busy = { ...nothing, cpu: 0.92, loadPerCore: 2 };
const worse = { ...nothing, cpu: 0.99, loadPerCore: 5 };

/** The levels, sample by sample, five seconds apart. */
function levelsOf(samples: readonly LoadMeasures[], stepMs = 5000): LoadMemory[] {
  let memory: LoadMemory | undefined;
  return samples.map((measures, index) => {
    memory = decideLoad(memory, measures, index * stepMs, limits);
    return memory;
  });
}
const times = (count: number, measures: LoadMeasures) => Array<LoadMeasures>(count).fill(measures);
const named = (samples: readonly LoadMeasures[]) => levelsOf(samples).map(({ level }) => level);

const share = fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined });
const anyMeasures: fc.Arbitrary<LoadMeasures> = fc.record({
  cpu: share,
  loadPerCore: fc.option(fc.double({ min: 0, max: 20, noNaN: true }), { nil: undefined }),
  loopDelayMs: fc.option(fc.double({ min: 0, max: 5000, noNaN: true }), { nil: undefined }),
  memoryAvailable: share,
  encoderDropped: share,
});

describe('the level', () => {
  it('slows pictures first, refuses streams only when that was not enough, and takes back one step at a time', () => {
    const levels = named([...times(10, worse), ...times(30, nothing)]);
    expect(levels).toEqual([
      ...Array(3).fill('normal'),
      ...Array(3).fill('slowed'),
      ...Array(16).fill('refusing'),
      ...Array(12).fill('slowed'),
      ...Array(6).fill('normal'),
    ]);
  });

  it('stays where it is while the load stays below the next step', () => {
    expect(new Set(named([...times(4, busy), ...times(200, busy)]).slice(4))).toEqual(new Set(['slowed']));
  });

  it('does not mind a short burst', () => {
    const burst = [...times(3, worse), nothing];
    expect(new Set(named(Array.from({ length: 50 }, () => burst).flat()))).toEqual(new Set(['normal']));
  });

  it('does not go back just below the limit', () => {
    const below = { ...busy, cpu: limits.slow.cpu * 0.95 };
    expect(named([...times(5, busy), ...times(100, below)]).at(-1)).toBe('slowed');
    expect(named(times(100, below)).at(-1)).toBe('normal');
  });

  it('never flaps, whatever is measured: a step up takes its time, a step down longer', () => {
    fc.assert(
      fc.property(
        fc.array(anyMeasures, { maxLength: 200 }),
        fc.integer({ min: 100, max: 30_000 }),
        (samples, stepMs) => {
          let before: LoadMemory | undefined;
          for (const after of levelsOf(samples, stepMs)) {
            if (before !== undefined && after.level !== before.level) {
              const step = loadLevels.indexOf(after.level) - loadLevels.indexOf(before.level);
              expect(Math.abs(step)).toBe(1);
              const seconds = step > 0 ? limits.raiseAfterSeconds : limits.calmAfterSeconds;
              expect(after.since - before.since).toBeGreaterThanOrEqual(seconds * 1000);
            }
            before = after;
          }
        },
      ),
    );
  });

  it('comes to refusing under too much for long, and back to normal without any load, from wherever it is', () => {
    fc.assert(
      fc.property(fc.array(anyMeasures, { maxLength: 60 }), (samples) => {
        expect(named([...samples, ...times(10, worse)]).at(-1)).toBe('refusing');
        expect(named([...samples, ...times(30, nothing)]).at(-1)).toBe('normal');
      }),
    );
  });

  it('is not worse for less load', () => {
    const rank = (samples: LoadMeasures[]) => loadLevels.indexOf(levelsOf(samples).at(-1)!.level);
    fc.assert(
      fc.property(anyMeasures, (measures) => {
        const { cpu, loopDelayMs } = measures;
        const less = { ...measures, cpu: cpu && cpu / 2, loopDelayMs: loopDelayMs && loopDelayMs / 2 };
        expect(rank(times(20, less))).toBeLessThanOrEqual(rank(times(20, measures)));
      }),
    );
  });
});

describe('a signal', () => {
  it.each<[string[], Partial<LoadMeasures>]>([
    [[], {}],
    [[], { cpu: 1 }],
    [[], { loadPerCore: 20 }],
    [['cpu'], { cpu: 1, loadPerCore: 2 }],
    [['cpu'], { cpu: 1, loadPerCore: undefined }],
    [['event-loop'], { loopDelayMs: 300 }],
    [['memory'], { memoryAvailable: 0.05 }],
    [['encoder'], { encoderDropped: 0.5 }],
    [['memory', 'encoder'], { memoryAvailable: 0, encoderDropped: 1 }],
  ])('is %j', (signals, measures) => {
    expect(strainOf({ ...nothing, ...measures }, limits.slow)).toEqual(signals);
  });

  it('is told in words', () => {
    const all = { cpu: 0.97, loadPerCore: 3.14, loopDelayMs: 1234.5, memoryAvailable: 0.031, encoderDropped: 0.7 };
    expect(loadWords(['cpu', 'event-loop', 'memory', 'encoder'], all)).toBe(
      'CPU is busy (97 %, 3.1 processes per core); timers of the node are 1235 ms late; 3 % of memory is available; 70 % of frames find the image encoder busy',
    );
  });
});

it('refuses limits that would refuse streams before pictures are slowed', () => {
  const wrong = { guard: { slow: { cpu: 0.9 }, refuse: { cpu: 0.5 } } };
  expect(() => parseConfig(wrong)).toThrow(/guard\.refuse\.cpu: must not be less than guard\.slow\.cpu/);
  const low = { guard: { slow: { memoryAvailable: 0.3 }, refuse: { memoryAvailable: 0.5 } } };
  expect(() => parseConfig(low)).toThrow(/memoryAvailable: must not be more/);
});

it('derives the limit that slows pictures from the one that refuses streams, where only that is set', () => {
  const { slow, refuse } = parseConfig({ guard: { refuse: { memoryAvailable: 0.5 } } }).guard;
  expect(slow.memoryAvailable).toBeGreaterThanOrEqual(0.5);
  expect(refuse.memoryAvailable).toBe(0.5);
});
