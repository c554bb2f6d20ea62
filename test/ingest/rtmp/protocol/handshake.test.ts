import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createServerHandshake,
  digestBytes,
  digestOffset,
  findDigest,
  longServerKey,
  serverKey,
} from '../../../../src/ingest/rtmp/protocol/handshake.js';
import { cryptography, handshakeEnd, handshakeStart, hmacSha256 } from '../../../support/rtmp-bytes.js';

function answerTo(start: Uint8Array): Uint8Array {
  return createServerHandshake(cryptography).receive(start).outgoing;
}

describe('handshake', () => {
  it('echoes a plain client and ends with its second packet, whatever the splits', () => {
    const start = handshakeStart();
    const bytes = Uint8Array.from([...start, ...handshakeEnd(), 1, 2, 3]);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 8 }), (cuts) => {
        const handshake = createServerHandshake(cryptography);
        const ends = [...cuts, bytes.length].sort((a, b) => a - b);
        const sent: number[] = [];
        let consumed = 0;
        let at = 0;
        for (const end of ends) {
          const step = handshake.receive(bytes.subarray(at, end));
          sent.push(...step.outgoing);
          consumed += step.consumed;
          expect(handshake.bufferedBytes).toBeLessThanOrEqual(1537);
          at = end;
        }
        expect(handshake.done).toBe(true);
        expect(consumed).toBe(bytes.length - 3);
        expect(sent.length).toBe(1 + 2 * 1536);
        expect(sent[0]).toBe(3);
        expect(sent.slice(1537)).toEqual([...start.subarray(1)]);
      }),
      { numRuns: 50 },
    );
  });

  it.each([0, 1] as const)('answers a digest of scheme %i by the same scheme, signed for the client', (scheme) => {
    const start = handshakeStart(scheme);
    const answer = answerTo(start);
    const first = answer.subarray(1, 1537);
    const second = answer.subarray(1537);
    expect(findDigest(first, serverKey, hmacSha256)).toBe(scheme);
    const request = start.subarray(1);
    const offset = digestOffset(request, scheme);
    const key = hmacSha256(longServerKey, request.subarray(offset, offset + digestBytes));
    expect([...second.subarray(1504)]).toEqual([...hmacSha256(key, second.subarray(0, 1504))]);
  });

  it('falls back to the plain answer when the digest is wrong', () => {
    const start = handshakeStart(0);
    start[1000] = start[1000]! ^ 1;
    const answer = answerTo(start);
    expect([...answer.subarray(1537)]).toEqual([...start.subarray(1)]);
    expect([...answer.subarray(5, 9)]).toEqual([0, 0, 0, 0]);
  });

  it.each([
    [6, 'handshake-encrypted'],
    [0x47, 'handshake-version'],
    [0, 'handshake-version'],
  ] as const)('refuses version %i at its first byte', (version, code) => {
    const handshake = createServerHandshake(cryptography);
    handshake.receive(Uint8Array.of(version));
    expect(handshake.violation).toBe(code);
  });
});
