import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MediaClock } from '../../../src/webrtc/whip/media-clock.js';

describe('the clock of a publisher', () => {
  it('follows the timestamps of each track, also when they wrap around', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (start) => {
        const clock = new MediaClock();
        const times = Array.from({ length: 100 }, (_, index) =>
          clock.place('video', (start + index * 3600) >>> 0, index * 40),
        );
        expect(times.map(Math.round)).toEqual(Array.from({ length: 100 }, (_, index) => index * 40));
      }),
    );
  });

  it('aligns audio with video by sender reports', () => {
    const clock = new MediaClock();
    // Captured at the same time, but the first audio arrives 200 ms later than the first video.
    clock.place('video', 0, 1000);
    expect(clock.place('audio', 0, 1200)).toBe(200);
    clock.report('video', { ntpMs: 5_000_000, rtpTimestamp: 0 });
    clock.report('audio', { ntpMs: 5_000_000, rtpTimestamp: 0 });
    expect(clock.place('video', 90_000, 2000)).toBe(1000);
    expect(clock.place('audio', 48_000, 2200)).toBe(1000);
  });

  it('continues at the arrival after a jump of the timestamps', () => {
    const clock = new MediaClock();
    clock.place('video', 0, 0);
    expect(clock.place('video', 90_000 * 3600, 1000)).toBe(1000);
    expect(clock.place('video', 90_000 * 3600 + 9000, 1100)).toBe(1100);
  });

  it('never runs backward, whatever a sender claims', () => {
    const steps = fc.array(
      fc.record({
        kind: fc.constantFrom('audio' as const, 'video' as const),
        timestamp: fc.integer({ min: 0, max: 0xffff_ffff }),
        ntpMs: fc.double({ min: 0, max: 1e13, noNaN: true }),
        isReport: fc.boolean(),
      }),
      { maxLength: 100 },
    );
    fc.assert(
      fc.property(steps, (list) => {
        const clock = new MediaClock();
        const latest = { audio: 0, video: 0 };
        for (const [index, { kind, timestamp, ntpMs, isReport }] of list.entries()) {
          if (isReport) clock.report(kind, { ntpMs, rtpTimestamp: timestamp });
          if (isReport) continue;
          const timeMs = clock.place(kind, timestamp, index * 20);
          expect(timeMs).toBeGreaterThanOrEqual(latest[kind]);
          expect(timeMs).toBeLessThan(30_000);
          latest[kind] = timeMs;
        }
      }),
    );
  });
});
