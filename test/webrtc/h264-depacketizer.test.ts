import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type H264AccessUnit, H264Depacketizer } from '../../src/webrtc/h264-depacketizer.js';
import { type H264Picture, packetize } from '../support/rtp-h264.js';

const unit = (type: number) =>
  fc.uint8Array({ minLength: 1, maxLength: 60 }).map((rest) => Uint8Array.of(0x60 | type, 0x80, ...rest));
const pictures: fc.Arbitrary<H264Picture> = fc
  .record({
    isKeyframe: fc.boolean(),
    slices: fc.integer({ min: 1, max: 3 }),
  })
  .chain(({ isKeyframe, slices }) =>
    fc
      .tuple(
        ...(isKeyframe ? [unit(7), unit(8)] : []),
        ...Array.from({ length: slices }, () => unit(isKeyframe ? 5 : 1)),
      )
      .map((units) => ({ units, isKeyframe })),
  );
const videos = fc.array(pictures, { minLength: 1, maxLength: 20 });

function depacketize(packets: ReturnType<typeof packetize>): { units: H264AccessUnit[]; isLost: boolean } {
  const depacketizer = new H264Depacketizer();
  const results = packets.map((packet) => depacketizer.push({ packet, isAfterLoss: packet.isAfterLoss ?? false }));
  return { units: results.flatMap(({ accessUnits }) => accessUnits), isLost: results.some(({ isLost }) => isLost) };
}

describe('H.264 over RTP', () => {
  it('has the access units that were packetized, as single units, aggregates and fragments', () => {
    fc.assert(
      fc.property(videos, fc.integer({ min: 10, max: 80 }), (video, packetBytes) => {
        const { units, isLost } = depacketize(packetize(video, packetBytes));
        expect(units.map(({ units, isKeyframe }) => ({ units, isKeyframe }))).toEqual(video);
        expect(isLost).toBe(false);
      }),
    );
  });

  it('drops incomplete access units and no others, and says that something is missing', () => {
    fc.assert(
      fc.property(videos, fc.integer({ min: 10, max: 80 }), fc.nat(), (video, packetBytes, lost) => {
        const packets = packetize(video, packetBytes);
        const index = lost % packets.length;
        const { timestamp } = packets[index]!;
        const rest = packets.toSpliced(index, 1).map((packet, place) => ({ ...packet, isAfterLoss: place === index }));
        const { units, isLost } = depacketize(rest);
        const whole = new Set(units.map((each) => each.timestamp));
        const others = new Set(packets.map((each) => each.timestamp).filter((each) => each !== timestamp));
        for (const each of others) expect(whole).toContain(each);
        for (const each of units) {
          const sent = video[each.timestamp / 3600]!;
          // Parameter sets alone can be lost without a trace.
          if (each.timestamp === timestamp) expect(each.units.length).toBeLessThan(sent.units.length);
          else expect(each.units).toEqual(sent.units);
        }
        if (index < packets.length - 1) expect(isLost).toBe(true);
      }),
    );
  });

  it('takes any payload without an exception', () => {
    const payloads = fc.array(fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.boolean(), fc.nat(2)), { maxLength: 60 });
    fc.assert(
      fc.property(payloads, (list) => {
        const depacketizer = new H264Depacketizer();
        list.forEach(([payload, marker, timestamp], sequence) => {
          const packet = { marker, payloadType: 96, sequence, timestamp, ssrc: 1, payload };
          const { accessUnits } = depacketizer.push({ packet, isAfterLoss: false });
          for (const { units } of accessUnits) expect(units.every(({ length }) => length > 0)).toBe(true);
        });
      }),
    );
  });
});
