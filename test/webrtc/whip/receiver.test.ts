import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeRtp } from '../../../src/webrtc/rtp.js';
import { type MediaUnit, WhipReceiver } from '../../../src/webrtc/whip/receiver.js';
import { type H264Picture, packetize } from '../../support/rtp-h264.js';

const options = {
  payloadTypes: { video: 96, audio: 111 },
  ...{ ssrc: 5, keyframeIntervalMs: 2000, maxBitsPerSecond: 20e6 },
};

/** 25 pictures a second, a keyframe each second; the first bytes of a slice number the picture. */
function video(count: number): H264Picture[] {
  return Array.from({ length: count }, (_, index) => {
    const isKeyframe = index % 25 === 0;
    const slice = Uint8Array.of(isKeyframe ? 0x65 : 0x41, 0x80, index >> 8, index & 0xff, ...new Uint8Array(100));
    return {
      isKeyframe,
      units: isKeyframe ? [Uint8Array.of(0x67, 66, 0, 30), Uint8Array.of(0x68, 1), slice] : [slice],
    };
  });
}

const numberOf = ({ payload }: MediaUnit) => (payload.at(-1)![2]! << 8) | payload.at(-1)![3]!;
const isPictureLoss = (packet: Uint8Array) => packet[1] === 206 && (packet[0]! & 0x1f) === 1;

/** Each packet of a video with the time at which it arrives: undefined if it is lost. */
function arrivals(count: number, delays: readonly (number | undefined)[]): { bytes: Uint8Array; at: number }[] {
  return packetize(video(count), 60)
    .flatMap((packet, index) => {
      const delay = delays.length === 0 ? 0 : delays[index % delays.length];
      return delay === undefined ? [] : [{ bytes: writeRtp(packet), at: (packet.timestamp / 3600) * 40 + delay }];
    })
    .toSorted((one, other) => one.at - other.at);
}

function receive(receiver: WhipReceiver, packets: readonly { bytes: Uint8Array; at: number }[], until: number) {
  const units: MediaUnit[] = [];
  const outgoing: Uint8Array[] = [];
  let index = 0;
  for (let now = 0; now <= until; now += 20) {
    for (; index < packets.length && packets[index]!.at <= now; index++) {
      const result = receiver.receive(packets[index]!.bytes, packets[index]!.at);
      units.push(...result.units);
      outgoing.push(...result.outgoing);
    }
    const result = receiver.tick(now);
    units.push(...result.units);
    outgoing.push(...result.outgoing);
  }
  return { units, outgoing };
}

describe('the receiver of a publisher', () => {
  it('has all pictures in order with their times, despite jitter of 100 ms', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 40 }), (delays) => {
        const packets = arrivals(60, [0, ...delays]);
        const { units } = receive(new WhipReceiver(options), packets, 3000);
        expect(units.map(numberOf)).toEqual(Array.from({ length: 60 }, (_, index) => index));
        expect(units.map(({ timeMs }) => Math.round(timeMs - units[0]!.timeMs))).toEqual(
          units.map((_, index) => index * 40),
        );
      }),
      { numRuns: 30 },
    );
  });

  it('requests lost packets and a keyframe, and continues with the next keyframe', () => {
    const loss = fc.array(fc.option(fc.constant(0), { nil: undefined, freq: 20 }), { minLength: 30, maxLength: 60 });
    fc.assert(
      fc.property(loss, (delays) => {
        const packets = arrivals(100, [0, 0, 0, ...delays]);
        const { units, outgoing } = receive(new WhipReceiver(options), packets, 5000);
        const numbers = units.map(numberOf);
        expect(numbers).toEqual([...new Set(numbers)].toSorted((one, other) => one - other));
        if (!delays.includes(undefined)) return;
        expect(outgoing.some((packet) => packet[1] === 205)).toBe(true);
        expect(outgoing.filter(isPictureLoss).length).toBeGreaterThan(1);
        // After the first gap the next picture is a keyframe, or a second has passed.
        const gap = numbers.findIndex((number, index) => index > 0 && number !== numbers[index - 1]! + 1);
        const [before, after] = [numbers[gap - 1] ?? 0, numbers[gap] ?? 0];
        expect(gap < 1 || after % 25 === 0 || after - before >= 25).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('requests a keyframe at the interval of the stream, at most twice a second', () => {
    const slices = packetize(video(300), 1000).filter(
      ({ timestamp }) => timestamp === 0 || (timestamp / 3600) % 25 !== 0,
    );
    const packets = slices.map((packet, sequence) => ({
      bytes: writeRtp({ ...packet, sequence }),
      at: (packet.timestamp / 3600) * 40,
    }));
    const { outgoing } = receive(new WhipReceiver(options), packets, 12_000);
    const requests = outgoing.filter(isPictureLoss).length;
    expect(requests).toBeGreaterThan(10);
    expect(requests).toBeLessThan(25);
  });

  it('reports once a second how much arrived', () => {
    const { outgoing } = receive(new WhipReceiver(options), arrivals(100, []), 4000);
    const reports = outgoing.filter((packet) => packet[1] === 201);
    expect(reports.length).toBe(5);
    expect(reports.every((packet) => packet[12] === 0)).toBe(true);
  });

  it('takes any bytes without an exception, and returns no more than it was given', () => {
    const mutations = fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(255)), { maxLength: 200 });
    const strays = fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 50 });
    fc.assert(
      fc.property(mutations, strays, (edits, others) => {
        const packets = arrivals(50, []);
        for (const [which, where, value] of edits) {
          const { bytes } = packets[which % packets.length]!;
          bytes[where % bytes.length] = value;
        }
        for (const [index, bytes] of others.entries()) {
          packets.splice(index * 3, 0, { bytes, at: packets[index * 3]?.at ?? 0 });
        }
        const { units, outgoing } = receive(
          new WhipReceiver(options),
          packets.toSorted((one, other) => one.at - other.at),
          3000,
        );
        expect(units.length).toBeLessThanOrEqual(packets.length);
        expect(outgoing.length).toBeLessThan(packets.length + 50);
        const latest = { audio: 0, video: 0 };
        for (const { kind, timeMs } of units) {
          expect(timeMs).toBeGreaterThanOrEqual(latest[kind]);
          latest[kind] = timeMs;
        }
      }),
      { numRuns: 100 },
    );
  });
});
