import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StreamStats } from '../../src/events/feed-schema.js';
import { Histories, historySeries } from '../../src/events/history.js';

const start = Date.UTC(2027, 0, 1);

function stats(stream: string, fps: number | null, bitrate = 2_500_000): StreamStats {
  return {
    ...{ stream, state: 'live', fps, speed: 1, bitrate, keyframeIntervalSeconds: 2, driftSeconds: -0.25, restarts: 3 },
    thumbnail: { ageSeconds: 1.5, state: 'fresh', gate: 'good', captured: 1, dropped: 0, rejected: 7 },
    upload: { state: null, lagSeconds: null, backlogBytes: 1024, uploaded: 0, failed: 0 },
    viewers: 0,
  };
}

describe('histories', () => {
  it('keeps the last stats of each step, series by series', () => {
    const histories = new Histories();
    histories.add([stats('a', 25), stats('b', 10)], start);
    histories.add([stats('a', 24.5)], start + 8000);
    histories.add([stats('a', null)], start + 12_000);
    const { at, series, stepSeconds } = histories.read('a', start + 12_000);
    expect(stepSeconds).toBe(10);
    expect(at).toEqual([start / 1000, start / 1000 + 10]);
    expect(series).toMatchObject({
      ...{ fps: [24.5, null], bitrate: [2_500_000, 2_500_000], driftSeconds: [-0.25, -0.25], viewers: [0, 0] },
      ...{
        rejected: [7, 7],
        uploadLagSeconds: [null, null],
        backlogBytes: [1024, 1024],
        thumbnailAgeSeconds: [1.5, 1.5],
      },
    });
    expect(histories.read('b', start).series.fps).toEqual([10]);
  });

  it('knows the last hour, no more, in order, whatever the gaps', () => {
    const gap = fc.integer({ min: 500, max: 400_000 });
    fc.assert(
      fc.property(fc.array(gap, { minLength: 1, maxLength: 600 }), (gaps) => {
        const histories = new Histories();
        let now = start;
        for (const each of gaps) {
          now += each;
          histories.add([stats('a', 25)], now);
        }
        const { at, series } = histories.read('a', now);
        expect(at.at(-1)).toBe(Math.floor(now / 10_000) * 10);
        expect(at).toEqual([...new Set(at)].sort((one, other) => one - other));
        expect(at[0]).toBeGreaterThan(now / 1000 - 3611);
        for (const name of historySeries) expect(series[name]).toHaveLength(at.length);
      }),
      { numRuns: 50 },
    );
  });

  it('goes on where the clock was set back', () => {
    const histories = new Histories();
    histories.add([stats('a', 25)], start);
    histories.add([stats('a', 20)], start - 60_000);
    expect(histories.read('a', start)).toMatchObject({ at: [start / 1000], series: { fps: [20] } });
  });

  it('forgets streams that are gone, and the oldest of too many', () => {
    const histories = new Histories();
    histories.add([stats('a', 25)], start);
    histories.forget('a');
    expect(histories.read('a', start).at).toEqual([]);
    for (let number = 0; number <= 2000; number += 1) histories.add([stats(`s${number}`, 25)], start);
    expect(histories.read('s0', start).at).toEqual([]);
    expect(histories.read('s2000', start).at).toHaveLength(1);
  });
});
