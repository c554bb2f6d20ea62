import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MediaTimeline, rtpTimestamp } from '../../../src/webrtc/whep/media-timeline.js';

describe('the timeline of viewers', () => {
  it('follows the source’s time, and continues by the clock in the next run', () => {
    const timeline = new MediaTimeline();
    timeline.begin();
    expect([timeline.at(100, 0), timeline.at(100.04, 55), timeline.at(100.08, 70)].map(rounded)).toEqual([
      0, 0.04, 0.08,
    ]);
    timeline.begin();
    expect([timeline.at(0, 2070), timeline.at(0.04, 2080)].map(rounded)).toEqual([2.08, 2.12]);
  });

  it('is one for audio and video', () => {
    const timeline = new MediaTimeline();
    expect([timeline.at(5, 0), timeline.at(4.98, 1), timeline.at(5.04, 40)].map(rounded)).toEqual([0, -0.02, 0.04]);
  });

  it('does not pass on jumps', () => {
    const timeline = new MediaTimeline();
    timeline.at(0, 0);
    expect(rounded(timeline.at(5000, 40))).toBe(0.04);
    expect(rounded(timeline.at(5000.04, 80))).toBe(0.08);
    expect(rounded(timeline.at(1, 120))).toBe(0.12);
  });

  it('never strays from the clock, whatever the source says', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.nat(5000))), (units) => {
        const timeline = new MediaTimeline();
        let now = 0;
        let newest: { readonly seconds: number; readonly at: number } | undefined;
        for (const [pts, waitMs] of units) {
          now += waitMs;
          const seconds = timeline.at(pts, now);
          const clock = newest === undefined ? 0 : newest.seconds + (now - newest.at) / 1000;
          expect(Math.abs(seconds - clock)).toBeLessThan(3.001);
          if (newest === undefined || seconds > newest.seconds) newest = { seconds, at: now };
        }
      }),
    );
  });

  it('becomes timestamps of 32 bits, which wrap', () => {
    expect(rtpTimestamp(1, 90_000, 5)).toBe(90_005);
    expect(rtpTimestamp(-1, 90_000, 0)).toBe(2 ** 32 - 90_000);
    expect(rtpTimestamp(1, 48_000, 2 ** 32 - 1)).toBe(47_999);
  });
});

const rounded = (seconds: number) => Math.round(seconds * 1000) / 1000 + 0;
