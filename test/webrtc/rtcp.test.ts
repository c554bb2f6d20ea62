import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  parseSenderReports,
  writeMaximumBitrate,
  writeNack,
  writePictureLoss,
  writeReceiverReport,
} from '../../src/webrtc/rtcp.js';

describe('RTCP', () => {
  it('reads the sender reports of a compound packet', () => {
    const bytes = new Uint8Array(28 + 8);
    const view = new DataView(bytes.buffer);
    bytes.set([0x80, 200, 0, 6]);
    view.setUint32(4, 7);
    view.setUint32(8, 0x12345678);
    view.setUint32(12, 0x80000000);
    view.setUint32(16, 90_000);
    bytes.set([0x81, 202, 0, 1], 28);
    expect(parseSenderReports(bytes)).toEqual([
      { ssrc: 7, ntpMs: 0x12345678 * 1000 + 500, rtpTimestamp: 90_000, ntpMiddle: 0x56788000 },
    ]);
  });

  it('reads any bytes without an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(parseSenderReports(bytes).length).toBeLessThanOrEqual(3);
      }),
    );
  });

  it('requests each missing packet once', () => {
    const sequences = fc.uniqueArray(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(sequences, fc.integer({ min: 0, max: 0xffff }), (offsets, start) => {
        const wanted = offsets.toSorted((one, other) => one - other).map((offset) => (start + offset) & 0xffff);
        const bytes = writeNack(1, 2, wanted);
        const view = new DataView(bytes.buffer);
        const requested: number[] = [];
        for (let at = 12; at < bytes.length; at += 4) {
          const first = view.getUint16(at);
          requested.push(first);
          for (let bit = 0; bit < 16; bit++)
            if (view.getUint16(at + 2) & (1 << bit)) requested.push((first + bit + 1) & 0xffff);
        }
        expect(requested).toEqual(wanted);
      }),
    );
  });

  it('has the lengths that its headers say', () => {
    const report = {
      ...{ ssrc: 3, fractionLost: 300, packetsLost: -1, highestSequence: 5, jitter: 6 },
      ...{ lastSenderReport: 7, delaySinceReport: 8 },
    };
    const all = [writeReceiverReport(1, [report, report]), writePictureLoss(1, 2), writeMaximumBitrate(1, 2, 20e6)];
    for (const bytes of all) {
      const view = new DataView(bytes.buffer);
      expect(4 * (view.getUint16(2) + 1)).toBe(bytes.length);
    }
    expect([...all[0]!.subarray(8, 16)]).toEqual([0, 0, 0, 3, 255, 255, 255, 255]);
  });

  it('writes a bitrate as mantissa and exponent', () => {
    const bytes = writeMaximumBitrate(1, 2, 20_000_000);
    const word = new DataView(bytes.buffer).getUint32(16);
    expect(word >>> 24).toBe(1);
    expect((word & 0x3ffff) * 2 ** ((word >>> 18) & 0x3f)).toBeGreaterThan(19_900_000);
  });
});
