import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReorderBuffer } from '../../src/webrtc/reorder-buffer.js';
import type { RtpPacket } from '../../src/webrtc/rtp.js';

const packet = (sequence: number): RtpPacket => ({
  ...{ marker: false, payloadType: 96, sequence: sequence & 0xffff, timestamp: 0, ssrc: 1 },
  payload: new Uint8Array([1]),
});

const numbers = (ordered: readonly { packet: RtpPacket }[]) => ordered.map(({ packet }) => packet.sequence);

describe('the reorder buffer', () => {
  it('delivers each packet once and in order, whatever is reordered or duplicated', () => {
    const start = fc.integer({ min: 0, max: 0xffff });
    fc.assert(
      fc.property(
        start,
        fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 1, maxLength: 200 }),
        (first, delays) => {
          const buffer = new ReorderBuffer();
          const sent = delays.map((delay, index) => ({ index, at: index === 0 ? 0 : index + delay }));
          const order = [...sent, ...sent.filter(({ index }) => index % 3 === 0)].toSorted(
            (one, other) => one.at - other.at,
          );
          const delivered = order.flatMap(({ index, at }) => buffer.receive(packet(first + index), at));
          expect(numbers(delivered)).toEqual(delays.map((_, index) => (first + index) & 0xffff));
          expect(delivered.some(({ isAfterLoss }) => isAfterLoss)).toBe(false);
          expect(buffer.size).toBe(0);
        },
      ),
    );
  });

  it('reports each gap once and holds a bounded number of packets', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 10, maxLength: 300 }), (isLost) => {
        const buffer = new ReorderBuffer({ packets: 16, waitMs: 10 });
        let now = 0;
        let last = -1;
        for (const [sequence, lost] of [false, ...isLost, false].entries()) {
          now += 3;
          const ordered = lost ? buffer.tick(now) : [...buffer.receive(packet(sequence), now), ...buffer.tick(now)];
          for (const { packet, isAfterLoss } of ordered) {
            expect(packet.sequence).toBeGreaterThan(last);
            expect(isAfterLoss).toBe(packet.sequence !== last + 1);
            last = packet.sequence;
          }
          expect(buffer.size).toBeLessThanOrEqual(17);
        }
        for (const { packet } of buffer.tick(now + 100)) last = packet.sequence;
        expect(last).toBe(isLost.length + 1);
      }),
    );
  });

  it('takes any sequence of packets without an exception, and stays bounded', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 300 }), (sequences) => {
        const buffer = new ReorderBuffer({ packets: 16, waitMs: 10 });
        for (const [index, sequence] of sequences.entries()) {
          buffer.receive(packet(sequence), index);
          expect(buffer.size).toBeLessThanOrEqual(17);
          expect(buffer.nacks(index).length).toBeLessThanOrEqual(17);
        }
      }),
    );
  });

  it('requests a missing packet at most four times', () => {
    const buffer = new ReorderBuffer();
    buffer.receive(packet(1), 0);
    buffer.receive(packet(3), 0);
    const requests = Array.from({ length: 100 }, (_, index) => buffer.nacks(index * 10)).flat();
    expect(requests).toEqual([2, 2, 2, 2]);
    expect(numbers(buffer.receive(packet(2), 100))).toEqual([2, 3]);
    expect(buffer.nacks(1000)).toEqual([]);
  });

  it('follows a sender that starts over', () => {
    const buffer = new ReorderBuffer();
    buffer.receive(packet(30_000), 0);
    const delivered = Array.from({ length: 64 }, (_, index) => buffer.receive(packet(29_000 + index), index)).flat();
    expect(delivered.length).toBeGreaterThan(20);
    expect(delivered[0]!.isAfterLoss).toBe(true);
  });
});
