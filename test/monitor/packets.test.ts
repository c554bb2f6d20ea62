import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PacketCutter } from '../../src/monitor/packets.js';

it('gives whole packets, all bytes in order, however they are cut', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 1000 }), { maxLength: 30 }), (pieces) => {
      const cutter = new PacketCutter();
      const given = pieces.flatMap((piece) => cutter.push(piece) ?? []);
      for (const packets of given) {
        expect(packets.length).toBeGreaterThan(0);
        expect(packets.length % 188).toBe(0);
      }
      const all = Buffer.concat(pieces);
      expect(Buffer.concat(given)).toEqual(all.subarray(0, all.length - (all.length % 188)));
    }),
  );
});

it('forgets half a packet when another stream begins', () => {
  const cutter = new PacketCutter();
  cutter.push(new Uint8Array(100).fill(1));
  cutter.reset();
  expect(cutter.push(new Uint8Array(188).fill(2))).toEqual(new Uint8Array(188).fill(2));
});
