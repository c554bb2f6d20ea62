import { describe, expect, it } from 'vitest';
import { StartLimiter } from '../../../src/stream/run/start-limiter.js';
import { until } from '../../support/wait.js';

const never = new AbortController().signal;

describe('starts', () => {
  it('lets so many in at once, the others in their order', async () => {
    const starts = new StartLimiter({ atOnce: () => 2, holdMs: 60_000 });
    const entered: number[] = [];
    const leaves = [0, 1, 2, 3].map(async (index) => {
      const leave = await starts.enter(never);
      entered.push(index);
      return leave;
    });
    await Promise.all([leaves[0], leaves[1]]);
    expect([entered, starts.counts]).toEqual([[0, 1], { beginning: 2, waiting: 2 }]);
    const first = await leaves[1]!;
    first();
    first();
    (await leaves[2]!)();
    (await leaves[3]!)();
    expect([entered, starts.counts]).toEqual([[0, 1, 2, 3], { beginning: 1, waiting: 0 }]);
    (await leaves[0]!)();
    expect(starts.counts).toEqual({ beginning: 0, waiting: 0 });
  });

  it('lets who gives up go, and loses no place over it', async () => {
    const starts = new StartLimiter({ atOnce: () => 1, holdMs: 60_000 });
    const leave = await starts.enter(never);
    const leaving = new AbortController();
    const gone = starts.enter(leaving.signal);
    const next = starts.enter(never);
    leaving.abort();
    (await gone)();
    expect(starts.counts).toEqual({ beginning: 1, waiting: 1 });
    leave();
    (await next)();
    expect(starts.counts).toEqual({ beginning: 0, waiting: 0 });
    (await starts.enter(leaving.signal))();
    expect(starts.counts).toEqual({ beginning: 0, waiting: 0 });
  });

  it('does not let one that gives nothing hold up the others', async () => {
    const starts = new StartLimiter({ atOnce: () => 1, holdMs: 5 });
    await starts.enter(never);
    await starts.enter(never);
    await until('all places are free', () => starts.counts.beginning === 0);
  });

  it('lets fewer in from now on, and more again', async () => {
    let atOnce = 3;
    const starts = new StartLimiter({ atOnce: () => atOnce, holdMs: 60_000 });
    const leaves = await Promise.all([0, 1, 2].map(() => starts.enter(never)));
    atOnce = 1;
    const waiting = [3, 4, 5].map(() => starts.enter(never));
    leaves[0]!();
    leaves[1]!();
    expect(starts.counts).toEqual({ beginning: 1, waiting: 3 });
    leaves[2]!();
    const fourth = await waiting[0]!;
    expect(starts.counts).toEqual({ beginning: 1, waiting: 2 });
    atOnce = 3;
    fourth();
    await Promise.all(waiting);
    expect(starts.counts).toEqual({ beginning: 2, waiting: 0 });
  });
});
