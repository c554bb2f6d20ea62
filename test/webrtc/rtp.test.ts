import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRtcp, parseRtp, sequenceDistance, Unwrapper, writeRtp } from '../../src/webrtc/rtp.js';

const packets = fc.record({
  marker: fc.boolean(),
  payloadType: fc.integer({ min: 0, max: 127 }),
  sequence: fc.integer({ min: 0, max: 0xffff }),
  timestamp: fc.integer({ min: 0, max: 0xffff_ffff }),
  ssrc: fc.integer({ min: 0, max: 0xffff_ffff }),
  payload: fc.uint8Array({ maxLength: 50 }),
});

describe('RTP', () => {
  it('parses what it writes', () => {
    fc.assert(
      fc.property(packets, (packet) => {
        expect(parseRtp(writeRtp(packet))).toEqual(packet);
      }),
    );
  });

  it('skips contributing sources, extensions and padding', () => {
    fc.assert(
      fc.property(
        packets,
        fc.integer({ min: 0, max: 15 }),
        fc.integer({ min: 1, max: 20 }),
        (packet, sources, padding) => {
          const plain = writeRtp(packet);
          const extension = [0xbe, 0xde, 0, 1, 1, 2, 3, 4];
          const bytes = Uint8Array.from([
            ...[0x80 | 0x30 | sources, ...plain.subarray(1, 12)],
            ...new Uint8Array(4 * sources),
            ...[...extension, ...packet.payload, ...new Uint8Array(padding - 1), padding],
          ]);
          expect(parseRtp(bytes)).toEqual(packet);
        },
      ),
    );
  });

  it('parses any bytes without an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const packet = parseRtp(bytes);
        expect(packet === undefined || packet.payload.length <= bytes.length).toBe(true);
        expect(typeof isRtcp(bytes)).toBe('boolean');
      }),
    );
  });

  it('tells RTCP by its packet type', () => {
    expect(isRtcp(Uint8Array.of(0x80, 200, 0, 1, 0, 0, 0, 1))).toBe(true);
    expect(
      isRtcp(
        writeRtp({ marker: true, payloadType: 96, sequence: 1, timestamp: 1, ssrc: 1, payload: new Uint8Array() }),
      ),
    ).toBe(false);
  });

  it('unwraps numbers that wrap around', () => {
    expect(sequenceDistance(2, 0xffff)).toBe(3);
    expect(sequenceDistance(0xffff, 2)).toBe(-3);
    const unwrapper = new Unwrapper(16);
    expect([0xfffe, 0xffff, 1, 0, 2].map((value) => unwrapper.unwrap(value))).toEqual([
      ...[0xfffe, 0xffff, 0x10001, 0x10000, 0x10002],
    ]);
  });
});
