import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RemoteWindow, type Snapshot, type WindowItem } from '../../../../src/storage/publish/segments/window.js';

const segment = (sequence: number) => ({
  entry: sequence,
  key: `s/r/x-${sequence}.ts`,
  bytes: 1,
  durationSeconds: 2,
  initKey: undefined,
});

const targetSeconds = () => 2;

function filled(count: number, options = { windowSegments: 3, recordSegments: 0, targetSeconds }) {
  const window = new RemoteWindow<number>(options);
  const items = Array.from({ length: count }, (_, i) => window.append(segment(i)));
  return { window, items };
}

const sumOf = (items: readonly { durationSeconds: number }[]) =>
  items.reduce((sum, { durationSeconds }) => sum + durationSeconds, 0);
const entries = (snapshot: Snapshot<number> | undefined): number[] => snapshot?.items.map(({ entry }) => entry) ?? [];

describe('RemoteWindow', () => {
  it('lists the settled prefix only', () => {
    const { window, items } = filled(4);
    expect(window.snapshot(0)).toBeUndefined();
    window.move(items[1]!, 'stored');
    expect(window.snapshot(0)).toBeUndefined();
    window.move(items[0]!, 'stored');
    expect(entries(window.snapshot(0))).toEqual([0, 1]);
  });

  it('begins with a segment, not with gaps, and goes on over gaps', () => {
    const { window, items } = filled(5);
    window.move(items[0]!, 'gap');
    window.move(items[1]!, 'stored');
    window.move(items[2]!, 'gap');
    expect(entries(window.snapshot(0))).toEqual([1, 2]);
  });

  it('keeps what came late for half a window', () => {
    const { window, items } = filled(10);
    for (const item of items) window.move(item, 'stored');
    const burst = window.snapshot(0)!;
    expect(entries(burst)).toHaveLength(10);
    expect(window.acknowledge(burst, 0)).toEqual([]);
    expect(entries(window.snapshot(2900))).toHaveLength(10);
    expect(entries(window.snapshot(3000))).toEqual([7, 8, 9]);
  });

  it('after another writer, begins with all that was in the window then', () => {
    const { window, items } = filled(5);
    for (const item of items.slice(0, 3)) window.move(item, 'stored');
    window.acknowledge(window.snapshot(0)!, 0);
    window.unlist();
    const late = window.append(segment(5));
    expect(window.snapshot(9000)).toBeUndefined();
    window.move(items[3]!, 'stored');
    expect(window.snapshot(9000)).toBeUndefined();
    window.move(items[4]!, 'gap');
    const again = window.snapshot(9000)!;
    expect(entries(again)).toEqual([0, 1, 2, 3, 4]);
    window.acknowledge(again, 9000);
    window.move(late, 'stored');
    expect(entries(window.snapshot(20_000))).toEqual([3, 4, 5]);
  });

  describe('after another store was in use', () => {
    const positionOf = (mediaSequence: number) => ({
      ...{ mediaSequence, discontinuitySequence: 0, discontinuity: false, programDateTime: 0 },
    });
    const elsewhere = (sequence: number, isListed: boolean) => ({
      ...segment(sequence),
      ...{ position: positionOf(sequence), isListed },
    });

    it('lists all that the playlist there listed, and only when it is here', () => {
      const { window, items } = filled(5);
      for (const item of items) window.move(item, 'stored');
      window.acknowledge(window.snapshot(0)!, 0);
      const there = [3, 4, 5, 6, 7].map((sequence) => elsewhere(sequence, sequence < 7));
      expect(window.refill(there, []).map(({ entry }) => entry)).toEqual([0, 1, 2]);
      expect(window.items.map(({ state }) => state)).toEqual(['stored', 'stored', 'pending', 'pending', 'pending']);
      // Players have not seen one.
      expect([window.unlisted, window.lagSeconds]).toEqual([1, 2]);
      for (const item of window.items.slice(2, 4)) {
        expect(window.snapshot(9000)).toBeUndefined();
        window.move(item, 'stored');
      }
      window.move(window.items[4]!, 'gap');
      const first = window.snapshot(9000)!;
      expect(entries(first)).toEqual([3, 4, 5, 6, 7]);
      window.acknowledge(first, 9000);
      expect(window.lagSeconds).toBe(0);
      expect(window.append(segment(8)).numbers.mediaSequence).toBe(8);
    });

    it('has one record of the whole, in order, with gaps for what is not here', () => {
      const { window, items } = filled(3, { windowSegments: 3, recordSegments: 100, targetSeconds });
      for (const item of items.slice(0, 2)) window.move(item, 'stored');
      expect(window.dropPending()).toEqual([items[2]]);
      const recorded = [1, 2, 3].map((sequence) => ({ ...segment(sequence), position: positionOf(sequence) }));
      const there = [elsewhere(4, true), elsewhere(5, false)];
      const record = recorded.map(({ entry, key, bytes, position }) => ({
        entry,
        key,
        bytes,
        position,
        isStored: false,
      }));
      window.refill(there, record);
      expect(window.recording().map(({ entry, gap }) => [entry, gap])).toEqual([
        [0, false],
        [1, false],
        [2, true],
        [3, true],
        [4, true],
        [5, true],
      ]);
    });

    it('holds nothing once it is abandoned', () => {
      const { window, items } = filled(2);
      for (const item of items) window.move(item, 'stored');
      expect(window.refill([], [])).toEqual(items);
      expect([window.items, window.lagSeconds, window.snapshot(0)]).toEqual([[], 0, undefined]);
    });
  });

  it('after standing by, begins with what there was when uploads began, and with three segments at least', () => {
    const { window } = filled(1);
    window.unlist();
    for (const sequence of [1, 2, 3, 4]) window.append(segment(sequence));
    window.prune(3);
    window.gather();
    for (const item of window.items) {
      expect(window.snapshot(0)).toBeUndefined();
      window.move(item, 'stored');
    }
    expect(entries(window.snapshot(0))).toEqual([2, 3, 4]);

    const few = filled(1);
    few.window.unlist();
    few.window.gather();
    few.window.move(few.items[0]!, 'stored');
    expect(few.window.snapshot(0)).toBeUndefined();
    for (const sequence of [1, 2]) few.window.move(few.window.append(segment(sequence)), 'stored');
    expect(entries(few.window.snapshot(0))).toEqual([0, 1, 2]);
  });

  it('a stream that ends waits for nothing', () => {
    const { window, items } = filled(2);
    for (const item of items) window.move(item, 'stored');
    window.acknowledge(window.snapshot(0)!, 0);
    window.unlist();
    expect(window.snapshot(0)).toBeUndefined();
    expect(entries(window.snapshot(0, { final: true }))).toEqual([0, 1]);
  });

  it('a gap is for ever', () => {
    const { window, items } = filled(1);
    expect(window.move(items[0]!, 'gap')).toBe(true);
    expect(window.move(items[0]!, 'stored')).toBe(false);
    expect(items[0]!.state).toBe('gap');
  });

  it('holds its rules for any order of events', () => {
    const step = fc.record({
      what: fc.constantFrom('append', 'store', 'store', 'lose', 'publish', 'publish-fails'),
      pick: fc.nat(20),
      passMs: fc.nat(3000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 6 }), (steps, windowSegments) => {
        const window = new RemoteWindow<number>({ windowSegments, recordSegments: 1000, targetSeconds });
        const all: WindowItem<number>[] = [];
        const retired = new Set<number>();
        const seen = new Set<number>();
        let now = 0;
        let first = -1;
        let end = -1;
        let begun = -1;
        for (const { what, pick, passMs } of steps) {
          now += passMs;
          const waiting = all.filter(({ state }) => state === 'pending');
          const picked = waiting[pick % Math.max(1, waiting.length)];
          if (what === 'append') all.push(window.append(segment(all.length)));
          else if (what === 'store' && picked) window.move(picked, 'stored');
          else if (what === 'lose' && picked) window.move(picked, 'gap');
          else if (what.startsWith('publish')) {
            const snapshot = window.snapshot(now);
            if (snapshot === undefined) continue;
            const list = entries(snapshot);
            expect(list).toEqual(list.map((_, i) => list[0]! + i));
            expect(snapshot.items.every(({ state }) => state !== 'pending')).toBe(true);
            expect(list.some((entry) => retired.has(entry))).toBe(false);
            expect(snapshot.first).toBeGreaterThanOrEqual(first);
            expect(snapshot.end).toBeGreaterThanOrEqual(end);
            if (what === 'publish-fails') continue;
            if (begun < 0) begun = snapshot.first;
            expect(list.length).toBeGreaterThanOrEqual(Math.min(windowSegments, snapshot.end - begun));
            ({ first, end } = snapshot);
            for (const entry of list) seen.add(entry);
            for (const { entry } of window.acknowledge(snapshot, now)) retired.add(entry);
          }
        }
        // What was stored and has left was listed once at least.
        for (const entry of retired) expect(all[entry]!.state === 'gap' || seen.has(entry)).toBe(true);
        const unlisted = all.filter(({ entry }) => entry >= Math.max(end, 0)).length;
        if (end >= 0) expect(window.lagSeconds).toBe(unlisted * 2);
        expect(window.recording().map(({ entry }) => entry)).toEqual(all.map(({ entry }) => entry));
      }),
    );
  });

  it('lasts three target durations when a segment leaves, and lists no more than that takes', () => {
    const seconds = fc.oneof(fc.constantFrom(1, 9), fc.double({ min: 0.2, max: 12, noNaN: true }));
    fc.assert(
      fc.property(
        fc.array(seconds, { maxLength: 120 }),
        fc.integer({ min: 1, max: 8 }),
        (durations, windowSegments) => {
          let target = 1;
          const window = new RemoteWindow<number>({ windowSegments, recordSegments: 0, targetSeconds: () => target });
          let now = 0;
          let first = 0;
          for (const [sequence, durationSeconds] of durations.entries()) {
            target = Math.max(target, Math.round(durationSeconds));
            now += durationSeconds * 1000;
            window.move(window.append({ ...segment(sequence), durationSeconds }), 'stored');
            const snapshot = window.snapshot(now)!;
            const lasting = sumOf(snapshot.items);
            if (snapshot.first > first) expect(lasting).toBeGreaterThanOrEqual(3 * target - 1e-6);
            // Nothing is kept that was there for half a window and is not needed.
            const spare = snapshot.items.length > windowSegments && lasting - snapshot.items[0]!.durationSeconds;
            const [oldest] = snapshot.items;
            const isOld = now - (oldest!.listedAt ?? now) >= (windowSegments * oldest!.durationSeconds * 1000) / 2;
            if (spare !== false && isOld) expect(spare).toBeLessThan(3 * target + 1e-6);
            ({ first } = snapshot);
            window.acknowledge(snapshot, now);
          }
        },
      ),
    );
  });

  it('keyframes of 1 s and 9 s: a window of six segments of 1 s lists 27', () => {
    const window = new RemoteWindow<number>({ windowSegments: 6, recordSegments: 0, targetSeconds: () => 9 });
    for (let sequence = 0; sequence < 60; sequence += 1) {
      window.move(window.append({ ...segment(sequence), durationSeconds: 1 }), 'stored');
      window.acknowledge(window.snapshot(sequence * 1000)!, sequence * 1000);
    }
    expect(entries(window.snapshot(60_000))).toHaveLength(27);
    // One that stands by keeps as much to begin with.
    window.prune(6);
    expect(window.items).toHaveLength(27);
  });

  it('is bounded, however short the segments are', () => {
    const window = new RemoteWindow<number>({ windowSegments: 6, recordSegments: 0, targetSeconds: () => 600 });
    for (let sequence = 0; sequence < 1500; sequence += 1) {
      window.move(window.append({ ...segment(sequence), durationSeconds: 0.1 }), 'stored');
      window.acknowledge(window.snapshot(sequence * 100)!, sequence * 100);
    }
    expect(window.snapshot(150_000)!.items).toHaveLength(1000);
  });

  it('pruning keeps the newest and counts the rest as no lag', () => {
    const { window } = filled(10);
    expect(window.prune(3).map(({ entry }) => entry)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(window.items).toHaveLength(3);
    expect(window.lagSeconds).toBe(6);
  });
});
