import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide, type GateDecision, type GateMemory, type GateOptions } from '../../../src/frames/gate/decision.js';
import type { GreyStatistics } from '../../../src/frames/gate/statistics.js';

const value = fc.oneof(fc.double({ min: 0, max: 255, noNaN: true }), fc.constantFrom(0, 3, 5, 7, 16, 20, 24));
const anyStatistics: fc.Arbitrary<GreyStatistics> = fc.record({
  mean: value,
  standardDeviation: value,
  innerDeviation: value,
  sharpness: value,
  difference: fc.oneof(fc.constant(undefined), fc.constantFrom(0, 0.2, 0.3), value),
  peakDifference: fc.oneof(fc.constant(undefined), fc.constantFrom(0, 3, 4), value),
});
const anyOptions: fc.Arbitrary<GateOptions> = fc.record({
  maxHoldSeconds: fc.constantFrom(0, 1, 10),
  alarmAfterSeconds: fc.constantFrom(0, 1, 10),
  frozenAfterSeconds: fc.constantFrom(1, 60),
});
/** Frames with the milliseconds since the one before; `back` lets the clock jump back. */
const anyFrames = (back: boolean) =>
  fc.array(fc.tuple(anyStatistics, fc.integer({ min: back ? -100_000 : 0, max: 20_000 })), { maxLength: 60 });

describe('decide', () => {
  it('holds frames back only for a bounded time, whatever comes and whatever the clock does', () => {
    fc.assert(
      fc.property(anyFrames(true), anyOptions, (frames, options) => {
        let heldMs: number | undefined;
        for (const { decision, stepMs } of run(frames, options)) {
          if (decision.accepted) heldMs = undefined;
          else {
            expect(stepMs).toBeGreaterThanOrEqual(0);
            heldMs = heldMs === undefined ? 0 : heldMs + stepMs;
            expect(heldMs).toBeLessThan(options.maxHoldSeconds * 1000);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('lets good and frozen frames pass, and every frame before the first of them', () => {
    fc.assert(
      fc.property(anyFrames(true), anyOptions, (frames, options) => {
        let passedGood = false;
        for (const { decision } of run(frames, options)) {
          const isBad = decision.memory.verdict === 'black' || decision.memory.verdict === 'flat';
          if (!isBad) passedGood = true;
          if (!isBad || !passedGood) expect(decision.accepted).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('tells each change of state once, and does not flap', () => {
    fc.assert(
      fc.property(anyFrames(false), anyOptions, (frames, options) => {
        let state = 'good';
        let atMs = 0;
        let lastAlarm: { atMs: number; event: string } | undefined;
        for (const { decision, stepMs } of run(frames, options)) {
          atMs += stepMs;
          const { memory, event } = decision;
          expect(event).toBe(memory.state === state ? undefined : memory.state === 'good' ? 'recovered' : memory.state);
          if (event !== undefined) expect(memory.stateSince).toBe(memory.lastAt);
          state = memory.state;
          if (event !== 'black' && event !== 'flat') continue;
          if (lastAlarm !== undefined) {
            expect(atMs - lastAlarm.atMs).toBeGreaterThanOrEqual(options.alarmAfterSeconds * 1000);
          }
          lastAlarm = { atMs, event };
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('reaches the state of what goes on, and good at once', () => {
    fc.assert(
      fc.property(
        anyFrames(true),
        anyOptions,
        fc.constantFrom('black', 'flat', 'frozen', 'good'),
        (frames, options, kind) => {
          const steady = Array.from({ length: 90 }, (_, at) => [steadily(kind, at), 1000] as const);
          const last = run([...frames, ...steady], options).at(-1)?.decision;
          expect(last?.memory.state).toBe(kind);
          expect(last?.accepted).toBe(true);
          const good = run([...frames, [steadily('good', 1), 1000]], options).at(-1)?.decision;
          expect(good?.memory.state).toBe('good');
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('needs more to stop being black than to begin', () => {
    const dim = { ...steadily('good', 0), mean: 20, standardDeviation: 7, innerDeviation: 7 };
    const verdicts = (frames: GreyStatistics[]) =>
      run(
        frames.map((frame) => [frame, 1000] as const),
        { maxHoldSeconds: 10, alarmAfterSeconds: 10, frozenAfterSeconds: 60 },
      ).map(({ decision }) => decision.memory.verdict);
    expect(verdicts([dim, dim])).toEqual(['good', 'good']);
    expect(verdicts([steadily('black', 0), dim, dim])).toEqual(['black', 'black', 'black']);
    expect(verdicts([steadily('black', 0), steadily('good', 0), dim])).toEqual(['black', 'good', 'good']);
  });
});

describe('decide, with evidence from pictures that are not decoded', () => {
  const anyMoves = (frames: number) =>
    fc.array(fc.option(fc.nat(20_000), { nil: undefined }), { minLength: frames, maxLength: frames });
  const withMoves = (back: boolean) =>
    anyFrames(back).chain((frames) => fc.tuple(fc.constant(frames), anyMoves(frames.length)));

  it('calls nothing frozen until `frozenAfterSeconds` and two frames after the last motion', () => {
    fc.assert(
      fc.property(withMoves(false), anyOptions, ([frames, moves], options) => {
        let movedAt = Number.NEGATIVE_INFINITY;
        for (const { decision, moved } of run(frames, options, moves)) {
          const { verdict, lastAt, unchangedFrames } = decision.memory;
          movedAt = Math.max(movedAt, moved ?? movedAt);
          if (verdict !== 'frozen') continue;
          expect(lastAt - movedAt).toBeGreaterThanOrEqual(options.frozenAfterSeconds * 1000);
          expect(unchangedFrames).toBeGreaterThanOrEqual(2);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('decides the same as ever where nothing moved, and never differently of black and flat', () => {
    fc.assert(
      fc.property(withMoves(true), anyOptions, ([frames, moves], options) => {
        const untold = run(frames, options);
        const told = run(frames, options, moves);
        for (const [index, { decision }] of told.entries()) {
          const before = untold[index]!.decision;
          expect(decision.accepted).toBe(before.accepted);
          if (before.memory.verdict !== 'frozen') expect(decision.memory.verdict).not.toBe('frozen');
        }
        expect(run(frames, options, [])).toEqual(untold);
      }),
    );
  });

  it('is frozen in time after motion has ended', () => {
    const options = { maxHoldSeconds: 10, alarmAfterSeconds: 10, frozenAfterSeconds: 60 };
    const still = Array.from({ length: 200 }, () => [steadily('frozen', 1), 1000] as const);
    const moves = still.map((_, at) => (at < 100 ? 0 : 1000 * (at - 99)));
    const states = run(still, options, moves).map(({ decision }) => decision.memory.state);
    expect(states.indexOf('frozen')).toBe(159);
    expect(states.slice(159).every((state) => state === 'frozen')).toBe(true);
  });
});

describe('decide, once frozen', () => {
  it('needs more to be moving again', () => {
    const still = steadily('frozen', 1);
    const drift = { ...still, difference: 0.2, peakDifference: 3 };
    const options = { maxHoldSeconds: 10, alarmAfterSeconds: 10, frozenAfterSeconds: 2 };
    const states = (frames: GreyStatistics[]) =>
      run(
        frames.map((frame) => [frame, 1000] as const),
        options,
      ).map(({ decision }) => decision.memory.state);
    expect(states([still, still, drift, still])).toEqual(['good', 'good', 'good', 'good']);
    expect(states([still, still, still, drift])).toEqual(['good', 'good', 'frozen', 'frozen']);
  });
});

/** `moves`: by how many milliseconds before each frame something moved last. */
function run(
  frames: readonly (readonly [GreyStatistics, number])[],
  options: GateOptions,
  moves: readonly (number | undefined)[] = [],
) {
  let memory: GateMemory | undefined;
  let capturedAt = 1_700_000_000_000;
  return frames.map(([statistics, stepMs], index) => {
    capturedAt += stepMs;
    const ago = moves[index];
    const moved = ago === undefined ? undefined : capturedAt - ago;
    const decision: GateDecision = decide(memory, statistics, capturedAt, options, moved);
    memory = decision.memory;
    return { decision, stepMs, moved };
  });
}

function steadily(kind: string, at: number): GreyStatistics {
  const picture = { mean: 120, standardDeviation: 50, innerDeviation: 50, sharpness: 20 };
  const moving = { difference: 5, peakDifference: 50 };
  const still = { difference: 0.05, peakDifference: 1 };
  switch (kind) {
    case 'black':
      return { ...picture, ...still, mean: 2, standardDeviation: 1, innerDeviation: 1 };
    case 'flat':
      return { ...picture, ...still, standardDeviation: 1, innerDeviation: 1 };
    case 'frozen':
      return { ...picture, ...(at === 0 ? moving : still) };
    default:
      return { ...picture, ...moving };
  }
}
