import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AlertChange, AlertThresholds, StreamChange } from '../../src/alerts/alert.js';
import { conditionsOf, factsAfter, noFacts } from '../../src/alerts/conditions.js';
import { AlertPolicy } from '../../src/alerts/policy.js';
import { thresholdsOf } from '../../src/alerts/settings.js';
import { parseConfig } from '../../src/config/parse.js';
import { alertNames } from '../../src/terms.js';

const thresholds: AlertThresholds = {
  raisedAfterSeconds: {
    stale: 10,
    black: 5,
    flat: 5,
    frozen: 0,
    offline: 30,
    lagging: 30,
    unreadable: 0,
    refused: 10,
    gaps: 0,
    unpublished: 30,
  },
  clearedAfterSeconds: 10,
};
const start = 1_800_000_000_000;

/** A policy with a clock that a test moves on. */
function watch(of: AlertThresholds | undefined = thresholds) {
  const policy = new AlertPolicy({ thresholdsOf: () => of });
  let now = start;
  const told: string[] = [];
  const note = (changes: readonly AlertChange[]) => {
    for (const { alert, state, at, since } of changes) {
      told.push(`${alert} ${state} ${(at - start) / 1000} since ${(since - start) / 1000}`);
    }
  };
  return {
    policy,
    told,
    says(type: string, details: StreamChange['details'] = {}) {
      note(policy.change({ stream: 'door', type, at: now, details }, now));
    },
    passes(seconds: number) {
      for (let each = 0; each < seconds; each += 1) {
        now += 1000;
        note(policy.tick(now));
      }
    },
  };
}

describe('AlertPolicy', () => {
  it('raises after the threshold and clears after the condition has been gone for long enough', () => {
    const { says, passes, told } = watch();
    says('stale');
    passes(9);
    expect(told).toEqual([]);
    passes(1);
    expect(told).toEqual(['stale raised 10 since 0']);
    passes(5);
    says('fresh');
    passes(9);
    expect(told).toHaveLength(1);
    passes(1);
    expect(told).toEqual(['stale raised 10 since 0', 'stale cleared 25 since 0']);
  });

  it('tells of the copy on the store, whatever the picture', () => {
    const { says, passes, told } = watch();
    says('lagging');
    says('failed');
    passes(25);
    says('caught-up');
    says('lagging');
    says('unreadable');
    passes(30);
    says('readable');
    says('caught-up');
    passes(10);
    expect(told.filter((line) => !line.startsWith('offline'))).toEqual([
      'unreadable raised 25 since 25',
      'lagging raised 55 since 25',
      'lagging cleared 65 since 25',
      'unreadable cleared 65 since 25',
    ]);
  });

  it('raises at once where the threshold is 0', () => {
    const { says, told } = watch();
    says('frozen');
    expect(told).toEqual(['frozen raised 0 since 0']);
  });

  it('says nothing of what is over before its threshold', () => {
    const { says, passes, told } = watch();
    for (let each = 0; each < 20; each += 1) {
      says('black');
      passes(4);
      says('recovered');
      passes(1);
    }
    passes(100);
    expect(told).toEqual([]);
  });

  it('tells once of what comes and goes', () => {
    const { says, passes, told } = watch();
    says('frozen');
    for (let each = 0; each < 20; each += 1) {
      passes(1);
      says('recovered');
      passes(9);
      says('frozen');
    }
    expect(told).toEqual(['frozen raised 0 since 0']);
    says('recovered');
    passes(10);
    expect(told.at(-1)).toMatch(/^frozen cleared/);
  });

  it('goes from black to flat without a gap for either', () => {
    const { says, passes, told } = watch();
    says('black');
    passes(6);
    says('flat');
    passes(20);
    expect(told).toEqual(['black raised 5 since 0', 'flat raised 11 since 6', 'black cleared 16 since 0']);
  });

  it('is offline while ffmpeg is down or the offline picture is shown, and says no more of what it showed', () => {
    const { says, passes, told } = watch();
    says('frozen');
    says('recovering');
    passes(30);
    expect(told).toEqual(['frozen raised 0 since 0', 'frozen cleared 10 since 0', 'offline raised 30 since 0']);
    says('failed');
    says('offline');
    says('live');
    passes(60);
    expect(told).toContain('stale raised 40 since 30');
    expect(told.join()).not.toContain('offline cleared');
    says('fresh');
    passes(10);
    expect(told.slice(-3).join()).toContain('offline cleared 100 since 0');
  });

  it('takes a clock that is set back for one that stands', () => {
    const policy = new AlertPolicy({ thresholdsOf: () => thresholds });
    policy.change({ stream: 'door', type: 'stale', at: start, details: {} }, start);
    expect(policy.tick(start - 3_600_000)).toEqual([]);
    expect(policy.tick(start - 3_600_000 + 10_000)).toHaveLength(1);
  });

  it('says nothing of streams whose alerts are off', () => {
    const policy = new AlertPolicy({ thresholdsOf: () => undefined });
    expect(policy.change({ stream: 'door', type: 'frozen', at: start, details: {} }, start)).toEqual([]);
    expect(policy.raised()).toEqual([]);
  });

  it('holds its rules for any series of changes', () => {
    const types = ['black', 'flat', 'frozen', 'recovered', 'stale', 'offline', 'fresh', 'live', 'recovering', 'failed'];
    const step = fc.record({
      type: fc.constantFrom(...types, 'other'),
      stream: fc.constantFrom('a', 'b'),
      waitMs: fc.integer({ min: 0, max: 40_000 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const policy = new AlertPolicy({ thresholdsOf: () => thresholds });
        const facts = new Map([['a', noFacts] as const, ['b', noFacts] as const]);
        /** When each condition last began and last ended. */
        const began = new Map<string, number>();
        const ended = new Map<string, number>();
        const last = new Map<string, AlertChange>();
        let now = start;
        const check = (changes: readonly AlertChange[]) => {
          for (const change of changes) {
            const key = `${change.stream} ${change.alert}`;
            // Raised and cleared take turns.
            expect(last.get(key)?.state ?? 'cleared').not.toBe(change.state);
            if (change.state === 'raised') {
              expect(change.since).toBe(began.get(key));
              expect(change.at - change.since).toBeGreaterThanOrEqual(
                thresholds.raisedAfterSeconds[change.alert] * 1000,
              );
            } else {
              expect(change.since).toBe(last.get(key)?.since);
              expect(change.at - (ended.get(key) ?? Number.NaN)).toBeGreaterThanOrEqual(10_000);
            }
            last.set(key, change);
          }
        };
        for (const { type, stream, waitMs } of steps) {
          const before = conditionsOf(facts.get(stream as 'a')!);
          facts.set(stream as 'a', factsAfter(facts.get(stream as 'a')!, { type }));
          const after = conditionsOf(facts.get(stream as 'a')!);
          for (const alert of alertNames) {
            const key = `${stream} ${alert}`;
            // What is due before this change is told of first, so it still goes by what was before.
            if (after[alert] && !before[alert]) check(policy.tick(now));
            if (after[alert] && !before[alert]) began.set(key, now);
            if (!after[alert] && before[alert]) check(policy.tick(now));
            if (!after[alert] && before[alert]) ended.set(key, now);
          }
          check(policy.change({ stream, type, at: now, details: {} }, now));
          now += waitMs;
          check(policy.tick(now));
        }
        // In the end everything has settled: raised is what holds.
        now += 1_000_000;
        check(policy.tick(now));
        const raised = policy.raised().map(({ stream, alert }) => `${stream} ${alert}`);
        const held = [...facts].flatMap(([stream, each]) =>
          alertNames.filter((alert) => conditionsOf(each)[alert]).map((alert) => `${stream} ${alert}`),
        );
        expect(raised.sort()).toEqual(held.sort());
      }),
      { numRuns: 1000 },
    );
  });
});

describe('thresholdsOf', () => {
  it('puts the settings of a stream over those of the node', () => {
    const config = parseConfig({
      alerts: { staleAfterSeconds: 3, clearedAfterSeconds: 4 },
      streams: [
        { name: 'a', source: 'test' },
        { name: 'b', source: 'test', alerts: { staleAfterSeconds: 0 } },
        { name: 'c', source: 'test', alerts: { enabled: false } },
      ],
    });
    const of = thresholdsOf(config);
    expect(of('a')).toMatchObject({ raisedAfterSeconds: { stale: 3, offline: 30 }, clearedAfterSeconds: 4 });
    expect(of('b')).toMatchObject({ raisedAfterSeconds: { stale: 0, offline: 30 }, clearedAfterSeconds: 4 });
    expect(of('c')).toBeUndefined();
    expect(of('added-later')).toMatchObject({ raisedAfterSeconds: { stale: 3 } });
  });
});
